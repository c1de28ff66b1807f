import { describe, expect, it } from 'vitest';
import {
  candidatesIn,
  debugDepth,
  failedLeaves,
  isRight,
  type JournalRow,
  journalOf,
  rowOf,
  wouldBeBest,
} from '../../domain/journal.ts';
import type { Objective } from '../../domain/objective.ts';
import type { Trial } from '../../domain/trial.schema.ts';

const row = (id: string, more: Partial<JournalRow> = {}): JournalRow => ({
  id,
  parents: ['c-0'],
  operator: 'draft',
  title: id,
  outcome: 'scored',
  metric: null,
  passed: null,
  verified: false,
  ...more,
});

const about = (value: number) => ({ value, low: value * 0.9, high: value * 1.1 });
const ratio: Objective = { kind: 'ratio', atLeast: 1 };
const passes: Objective = { kind: 'passes' };
const baseline = row('c-0', { parents: [], operator: 'baseline', metric: about(1) });

describe('a failed leaf', () => {
  it('is a row that is not right and that nothing was made of', () => {
    const journal = [
      baseline,
      row('c-1', { outcome: 'wrong' }),
      row('c-2', { outcome: 'crashed', operator: 'debug', parents: ['c-1'] }),
      row('c-3', { outcome: 'buildFailed' }),
      row('c-4', { outcome: 'passed' }),
      row('c-5', { outcome: 'scored', metric: about(2) }),
      row('c-6', { outcome: 'crashed', operator: 'human', parents: [] }),
    ];
    expect(failedLeaves(journal).map(({ id }) => id)).toEqual(['c-2', 'c-3', 'c-6']);
  });

  it('is never the program that others are compared with', () => {
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
  const trial = (id: string, purpose: Trial['purpose'], outcome: Trial['outcome']): Trial => ({
    candidate: { id, parents: ['c-0'], operator: 'strategy', title: id, note: '', program: '0' },
    ...{ purpose, outcome, measurement: null, artifacts: {}, timings: {}, seeds: [] },
  });
  const scored = (value: number): Trial['outcome'] => ({
    kind: 'scored',
    metric: about(value),
    verdict: '0',
  });

  it('has each candidate as its last look found it', () => {
    const rows = journalOf(
      [
        trial('c-1', 'trial', scored(9)),
        trial('c-1', 'verification', scored(8)),
        trial('c-2', 'trial', { kind: 'crashed', reason: 'SIGSEGV' }),
        trial('c-3', 'trial', scored(12)),
        trial('c-3', 'verification', scored(0.9)),
        trial('c-4', 'trial', scored(2)),
      ],
      ratio,
    );
    expect(
      rows.map(({ id, outcome, metric, verified }) => [id, outcome, metric?.value ?? null, verified]),
    ).toEqual([
      ['c-1', 'scored', 8, true],
      ['c-2', 'crashed', null, false],
      ['c-3', 'scored', 0.9, false],
      ['c-4', 'scored', 2, false],
    ]);
  });

  it('leaves out what would be best and was not verified yet: that is still to be done', () => {
    const rows = journalOf(
      [
        trial('c-1', 'trial', scored(3)),
        trial('c-1', 'verification', scored(3)),
        trial('c-2', 'trial', scored(5)),
      ],
      ratio,
    );
    expect(rows.map(({ id }) => id)).toEqual(['c-1']);
  });

  it('keeps a candidate of the user, which is tried like any other, and knows it from the baseline', () => {
    const own = trial('c-1', 'trial', { kind: 'crashed', reason: 'SIGSEGV' });
    const start = trial('c-0', 'baseline', scored(1));
    const rows = journalOf(
      [
        { ...start, candidate: { ...start.candidate, operator: 'baseline' } },
        { ...own, candidate: { ...own.candidate, operator: 'human' } },
      ],
      ratio,
    );
    expect(rows.map(({ id }) => id)).toEqual(['c-0', 'c-1']);
    expect(candidatesIn(rows).map(({ id }) => id)).toEqual(['c-1']);
  });

  it('keeps what passed once where nothing is measured: it is not tried again', () => {
    const rows = journalOf([trial('c-1', 'trial', { kind: 'passed', verdict: '0' })], passes);
    expect(rows.map(({ id, verified }) => [id, verified])).toEqual([['c-1', false]]);
  });

  it('has how many of its checks a wrong program passed', () => {
    const passed = { count: 2, of: 3 };
    const wrong = trial('c-1', 'trial', { kind: 'wrong', reason: 'no', verdict: '0', passed });
    expect(rowOf(wrong, passes)).toMatchObject({ outcome: 'wrong', metric: null, passed });
  });
});

describe('what would be best', () => {
  const verified = row('c-1', { metric: about(3), verified: true });

  it('is surely above 1 and above the best there is', () => {
    expect(wouldBeBest(row('c-2', { metric: about(2) }), [baseline], ratio)).toBe(true);
    expect(wouldBeBest(row('c-2', { metric: about(1.05) }), [baseline], ratio)).toBe(false);
    expect(wouldBeBest(row('c-2', { metric: about(2) }), [baseline, verified], ratio)).toBe(false);
    expect(wouldBeBest(row('c-2', { metric: about(4) }), [baseline, verified], ratio)).toBe(true);
    expect(wouldBeBest(row('c-2', { outcome: 'crashed' }), [baseline], ratio)).toBe(false);
  });

  it('is the smaller of two scores where less is better', () => {
    const error: Objective = { kind: 'score', metric: 'error', direction: 'minimize' };
    expect(wouldBeBest(row('c-2', { metric: about(2) }), [verified], error)).toBe(true);
    expect(wouldBeBest(row('c-2', { metric: about(4) }), [verified], error)).toBe(false);
  });

  it('is never to be verified where only passing counts', () => {
    expect(wouldBeBest(row('c-2', { outcome: 'passed' }), [], passes)).toBe(false);
  });
});
