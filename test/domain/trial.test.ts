import { describe, expect, it } from 'vitest';
import type { Objective } from '../../domain/objective.ts';
import type { Interval } from '../../domain/outcome.schema.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import {
  bestFound,
  findingOf,
  foundText,
  lineOf,
  metricText,
  scoreText,
  valueText,
} from '../../domain/trial.ts';

const artifact = 'a'.repeat(64);
const around = (value: number): Interval => ({ value, low: value * 0.9, high: value * 1.1 });

const measured = (more: Partial<Measurement> = {}): Measurement => ({
  baselineMs: around(11_500),
  candidateMs: around(2_300),
  speedup: around(5),
  noiseFloor: 0.02,
  pairs: 9,
  askingMs: around(0),
  host: 'here',
  samples: artifact,
  ...more,
});

const trial = (more: Partial<Trial> & { id?: string; value?: number } = {}): Trial => ({
  candidate: {
    ...{ id: more.id ?? 'c-1', parents: [], operator: 'strategy', title: 'parallelize' },
    ...{ note: '', program: artifact },
  },
  purpose: 'trial',
  outcome: { kind: 'scored', metric: around(more.value ?? 5), verdict: artifact },
  measurement: measured(),
  artifacts: {},
  timings: {},
  seeds: ['17'],
  ...more,
});

const ratio: Objective = { kind: 'ratio', atLeast: 1 };
const error: Objective = { kind: 'score', metric: 'RMSE', direction: 'minimize' };

describe('the line of a trial', () => {
  it('says of a function that it was verified with secret inputs, and of a script, which has none, that it was not', () => {
    const verification = trial({ purpose: 'verification' });
    expect(lineOf(verification, ratio)).toBe(
      'c-1 parallelize: verified with new secret inputs: 5× [4.5×, 5.5×]',
    );
    expect(lineOf({ ...verification, seeds: [] }, ratio)).toBe(
      'c-1 parallelize: verified in new sandboxes: 5× [4.5×, 5.5×]',
    );
  });

  it('has the time of a call, or of a run, in a unit that fits', () => {
    const baseline = trial({ purpose: 'baseline', seeds: [] });
    expect(lineOf(baseline, ratio)).toBe('c-1 parallelize: 11.5 s a run, noise ±2.0 % on here');
    expect(
      lineOf({ ...baseline, seeds: ['1'], measurement: measured({ baselineMs: around(0.3191) }) }, ratio),
    ).toBe('c-1 parallelize: 0.319 ms a call, noise ±2.0 % on here');
  });

  it('says that the machine was busy, and nothing where it was not, or does not tell', () => {
    const load = { cores: 2, wanted: 3.1, others: 2.1, inLine: 0.31, stolen: 0.05 };
    const line = (measurement: Partial<Measurement>) =>
      lineOf(trial({ measurement: measured(measurement) }), ratio);
    expect(line({ load })).toMatch(
      /; the machine was busy: 3\.1 of 2 cores, 31 % of the time in line for one, 5 % taken by its own host$/,
    );
    const quiet = { ...load, wanted: 1, others: 0, inLine: 0.001, stolen: 0 };
    for (const each of [{ load: quiet }, {}]) expect(line(each)).not.toContain('busy');
  });

  it('says that mostly the cost of asking was measured, where it was', () => {
    const quick = measured({ candidateMs: around(0.319), askingMs: around(0.28), speedup: around(307) });
    expect(lineOf(trial({ measurement: quick, value: 307 }), ratio)).toMatch(
      /: 307× \[276×, 338×\]; to ask it is 0\.28 ms of the 0\.319 ms measured, so it may be up to 338×$/,
    );
  });
});

describe('a metric in words', () => {
  const score = (value: number, half: number) => ({ value, low: value - half, high: value + half });

  it('is a ratio with its interval, or a score by its name', () => {
    expect(metricText(around(5), ratio)).toBe('5× [4.5×, 5.5×]');
    expect(metricText(score(12.1, 0.314), error)).toBe('RMSE 12.10 ± 0.31');
    expect(valueText(score(12.1, 0.314), error)).toBe('RMSE 12.10');
    expect(foundText(around(5), ratio)).toBe('5× (at least 4.5×)');
  });

  it('has as many decimals as the interval says something of, and six digits where it came out the same each time', () => {
    const texts: [number, number, string][] = [
      [0.8731, 0.0042, '0.8731 ± 0.0042'],
      [12345.6, 321, '12,346 ± 321'],
      [2.635983, 0, '2.63598'],
      [1234567, 0, '1,234,570'],
      [0, 0, '0'],
      [-3.5, 0.1, '-3.50 ± 0.10'],
      [3e-9, 1e-9, '3.000e-9 ± 1.000e-9'],
    ];
    for (const [value, half, text] of texts) expect(scoreText(score(value, half))).toBe(text);
  });

  it('is told of a trial with how it was found', () => {
    const scored = trial({
      ...{ measurement: null, purpose: 'verification' },
      outcome: { kind: 'scored', metric: score(12.1, 0.314), verdict: artifact },
    });
    expect(lineOf(scored, error)).toBe('c-1 parallelize: verified with new seeds: RMSE 12.10 ± 0.31');
    expect(lineOf({ ...scored, purpose: 'baseline' }, error)).toBe('c-1 parallelize: RMSE 12.10 ± 0.31');
  });

  it('is compared with what was claimed', () => {
    const found = (value: number) =>
      findingOf('x', score(12, 1), score(value, 1), { anew: 'with new seeds', objective: error });
    expect(found(12.5)).toBe('x holds: RMSE 12.5 ± 1.0 with new seeds');
    expect(found(20)).toBe(
      'x is not what it was found to be, RMSE 12.0 ± 1.0: it is RMSE 20.0 ± 1.0 with new seeds',
    );
  });
});

describe('the best trial', () => {
  it('is the one with the largest speed-up of those verified; of several looks at one the last counts', () => {
    const first = trial({ purpose: 'verification', value: 300 });
    const second = trial({ purpose: 'verification', value: 200, id: 'c-2' });
    const again = trial({ purpose: 'verification', value: 120 });
    const best = (trials: Trial[]) => bestFound(trials, ratio);
    expect(best([trial({ value: 900 })])).toBeNull();
    expect(best([first, second])?.metric?.value).toBe(300);
    expect(best([first, second, again])?.candidate).toBe('c-2');
    expect(best([first, again])?.metric?.value).toBe(120);
    expect(best([first, trial({ purpose: 'verification', value: 1.05 })])).toBeNull();
  });
});

it('the best score is the program as it is, until one is clear of it; the mean alone does not count', () => {
  const at = (value: number, more: Partial<Trial> & { id?: string }): Trial =>
    trial({
      outcome: { kind: 'scored', metric: { value, low: value - 1, high: value + 1 }, verdict: artifact },
      ...more,
    });
  const own = at(10, { id: 'c-0', purpose: 'baseline' });
  const [unclear, clear, worse] = [
    at(8.5, { id: 'c-1', purpose: 'verification' }),
    at(7.5, { id: 'c-2', purpose: 'verification' }),
    at(13, { id: 'c-3', purpose: 'verification' }),
  ];
  const best = (trials: Trial[]) => bestFound(trials, error)?.candidate;
  expect(best([own])).toBe('c-0');
  expect(best([own, unclear])).toBe('c-0');
  expect(best([own, worse])).toBe('c-0');
  expect(best([own, unclear, clear])).toBe('c-2');
  expect(best([own, at(1, { id: 'c-4' })])).toBe('c-0');
});

it('a finding holds where the claim and it have a value in common, and says what it was where not', () => {
  const found = (value: number) =>
    findingOf('x', around(307), around(value), { anew: 'in new sandboxes', objective: ratio });
  expect(found(300)).toBe('x holds: 300× faster (at least 270×) in new sandboxes');
  expect(found(121)).toBe('x is still faster, but not 307×: 121× (at least 109×) in new sandboxes');
  expect(found(900)).toMatch(/^x holds, and is faster than the 307× it was: 900× /);
  const passes = { anew: 'in new sandboxes', objective: { kind: 'passes' as const } };
  expect(findingOf('x', null, null, passes)).toBe('x holds: it passes once more, in new sandboxes');
  expect(findingOf('x', null, around(2), { anew: 'in new sandboxes', objective: ratio })).toMatch(
    /^x holds: 2× faster/,
  );
});
