import { describe, expect, it } from 'vitest';
import { best, debugDepth, failedLeaves, isRight, type JournalRow, journalOf } from '../../domain/journal.ts';
import type { Trial } from '../../domain/trial.schema.ts';

const row = (id: string, more: Partial<JournalRow> = {}): JournalRow => ({
  id,
  parents: ['c-0'],
  operator: 'draft',
  title: id,
  outcome: 'scored',
  value: null,
  low: null,
  verified: false,
  ...more,
});

const baseline = row('c-0', { parents: [], operator: 'human', value: 1, low: 0.98 });

describe('the best of a journal', () => {
  it('is missing while only the baseline stands', () => {
    expect(best([])).toBeUndefined();
    expect(best([baseline])).toBeUndefined();
  });

  it('is the fastest of those that were verified, whatever the others were measured at', () => {
    const journal = [
      baseline,
      row('c-1', { value: 3, low: 2.9, verified: true }),
      row('c-2', { value: 9, low: 8.9 }),
      row('c-3', { value: 5, low: 4.8, verified: true }),
      row('c-4', { value: 4, low: 3.8, verified: true }),
    ];
    expect(best(journal)?.id).toBe('c-3');
  });

  it('is the first of two that are equally fast', () => {
    const equal = { value: 2, low: 1.9, verified: true };
    expect(best([baseline, row('c-1', equal), row('c-2', equal)])?.id).toBe('c-1');
  });
});

describe('a failed leaf', () => {
  it('is a row that is not right and that nothing was made of', () => {
    const journal = [
      baseline,
      row('c-1', { outcome: 'wrong' }),
      row('c-2', { outcome: 'crashed', operator: 'debug', parents: ['c-1'] }),
      row('c-3', { outcome: 'buildFailed' }),
      row('c-4', { outcome: 'passed' }),
      row('c-5', { value: 2 }),
    ];
    expect(failedLeaves(journal).map(({ id }) => id)).toEqual(['c-2', 'c-3']);
  });

  it('is never the program of the user', () => {
    expect(failedLeaves([{ ...baseline, outcome: 'crashed' }])).toEqual([]);
  });
});

it('only a program that was scored or passed is right', () => {
  expect(isRight(row('c-1'))).toBe(true);
  expect(isRight(row('c-1', { outcome: 'passed' }))).toBe(true);
  for (const outcome of ['wrong', 'crashed', 'timedOut', 'rejected', 'invalidOutput'] as const)
    expect(isRight(row('c-1', { outcome }))).toBe(false);
});

it('debugging steps are counted back to the row that was not debugged, also where that one is not in the journal', () => {
  const failed = row('c-1', { outcome: 'wrong' });
  const once = row('c-2', { operator: 'debug', parents: ['c-1'] });
  const twice = row('c-3', { operator: 'debug', parents: ['c-2'] });
  const journal = [baseline, failed, once, twice];
  expect([failed, once, twice].map((each) => debugDepth(journal, each))).toEqual([0, 1, 2]);
  expect(debugDepth([], once)).toBe(1);
});

describe('the journal of a job that is taken up again', () => {
  const metric = (value: number) => ({ value, low: value * 0.9, high: value * 1.1 });
  const trial = (id: string, purpose: Trial['purpose'], outcome: Trial['outcome']): Trial => ({
    candidate: { id, parents: ['c-0'], operator: 'strategy', title: id, note: '', program: '0' },
    ...{ purpose, outcome, measurement: null, artifacts: {}, timings: {}, seeds: [] },
  });
  const scored = (value: number): Trial['outcome'] => ({
    kind: 'scored',
    metric: metric(value),
    verdict: '0',
  });

  it('has each candidate as its last look found it', () => {
    const rows = journalOf([
      trial('c-1', 'trial', scored(9)),
      trial('c-1', 'verification', scored(8)),
      trial('c-2', 'trial', { kind: 'crashed', reason: 'SIGSEGV' }),
      trial('c-3', 'trial', scored(12)),
      trial('c-3', 'verification', scored(0.9)),
      trial('c-4', 'trial', scored(2)),
    ]);
    expect(rows.map(({ id, outcome, value, verified }) => [id, outcome, value, verified])).toEqual([
      ['c-1', 'scored', 8, true],
      ['c-2', 'crashed', null, false],
      ['c-3', 'scored', 0.9, false],
      ['c-4', 'scored', 2, false],
    ]);
  });

  it('leaves out what would be best and was not verified yet: that is still to be done', () => {
    const rows = journalOf([
      trial('c-1', 'trial', scored(3)),
      trial('c-1', 'verification', scored(3)),
      trial('c-2', 'trial', scored(5)),
    ]);
    expect(rows.map(({ id }) => id)).toEqual(['c-1']);
  });
});
