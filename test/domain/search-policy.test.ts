import { describe, expect, it } from 'vitest';
import type { NextDecision } from '../../domain/decision.schema.ts';
import type { JournalRow } from '../../domain/journal.ts';
import { draftsWithin, mend, policies, type SearchState } from '../../domain/search-policy.ts';

const row = (id: string, given: Partial<JournalRow> = {}): JournalRow => ({
  id,
  parents: [],
  operator: 'draft',
  title: id,
  outcome: 'scored',
  metric: { value: 2, low: 1.5, high: 2.5 },
  passed: null,
  verified: false,
  ...given,
});
const baseline = row('c-0', { operator: 'baseline', metric: { value: 1, low: 1, high: 1 } });
const state = (given: Partial<SearchState> = {}): SearchState => ({
  journal: [baseline],
  objective: { kind: 'ratio', atLeast: 1 },
  pending: [],
  trials: 5,
  strategies: [],
  models: true,
  drafts: 3,
  inVain: [],
  seed: 1,
  decisions: 0,
  ...given,
});

describe.each(Object.entries(policies))('%s', (_, policy) => {
  it('takes what needs no model before a model, or where there is none, and no oftener than it helps', () => {
    const failed = (id: string, given: Partial<JournalRow> = {}) =>
      row(id, { outcome: 'crashed', metric: null, mendable: true, ...given });
    const passes = { kind: 'passes' } as const;
    const first = state({ objective: passes, journal: [failed('c-0')], models: false, trials: 20 });
    const fix = (parent: string): NextDecision => ({ kind: 'fix', parent });
    expect(policy(first)).toEqual(fix('c-0'));
    // It did not fit.
    expect(policy({ ...first, inVain: [fix('c-0')] })).toMatchObject({ kind: 'stop' });
    const chain = [1, 2, 3, 4, 5, 6].map((number) =>
      failed(`c-${number}`, { operator: 'fix', parents: [`c-${number - 1}`] }),
    );
    expect(policy({ ...first, journal: [failed('c-0'), ...chain.slice(0, 5)] })).toEqual(fix('c-5'));
    expect(policy({ ...first, journal: [failed('c-0'), ...chain] })).toMatchObject({ kind: 'stop' });
    expect(policy(state({ journal: [baseline, failed('c-1')] }))).not.toMatchObject({ kind: 'fix' });
  });

  it('takes strategies first, in their order', () => {
    expect(policy(state({ strategies: ['a', 'b'] }))).toEqual({ kind: 'strategy', strategy: 'a' });
  });

  it('stops when the trials of the budget are used, those under way counted', () => {
    const journal = [baseline, row('c-1'), row('c-2')];
    const decision = policy(state({ journal, pending: [{ kind: 'draft' }], trials: 3, strategies: ['a'] }));
    expect(decision).toEqual({ kind: 'stop', why: 'all 3 trials of the budget are used' });
  });

  it('says that no model is configured when the strategies are used up without one', () => {
    const journal = [baseline, row('c-1', { operator: 'strategy' })];
    expect(policy(state({ journal, models: false }))).toEqual({
      kind: 'stop',
      why: 'every strategy that applies was tried, and no model is configured',
    });
  });

  it('does not say that strategies were tried where none applies', () => {
    expect(policy(state({ models: false }))).toEqual({
      kind: 'stop',
      why: 'no strategy applies, and no model is configured',
    });
  });

  it('speaks of no strategies where a program is to pass checks', () => {
    expect(policy(state({ objective: { kind: 'passes' }, journal: [], models: false }))).toEqual({
      kind: 'stop',
      why: 'no model is configured: set a key for one (crucible models)',
    });
  });

  it('decides the same from the same state', () => {
    const journal = [
      baseline,
      row('c-1', { outcome: 'wrong', metric: null }),
      row('c-2'),
      row('c-3'),
      row('c-4', { outcome: 'crashed', metric: null }),
    ];
    const decide = () =>
      Array.from({ length: 20 }, (__, decisions) => policy(state({ journal, trials: 99, decisions })));
    expect(decide()).toEqual(decide());
  });
});

describe('a debugging step that led to the same failure', () => {
  const passes = { kind: 'passes' } as const;
  const crashed = (id: string, failure: string, given: Partial<JournalRow> = {}) =>
    row(id, { outcome: 'crashed', metric: null, failure, ...given });
  const mended = crashed('c-2', 'a', { operator: 'debug', parents: ['c-1'] });

  it('is followed by a draft in place of another such step', () => {
    const journal = [crashed('c-1', 'a'), mended];
    expect(policies.refine(state({ objective: passes, journal }))).toEqual({
      kind: 'draft',
      stuck: ['c-1', 'c-2'],
    });
    const other = [crashed('c-1', 'b'), mended];
    expect(policies.refine(state({ objective: passes, journal: other }))).toEqual({
      kind: 'debug',
      parent: 'c-2',
    });
    // What is begun anew is debugged like any other.
    const anew = [...journal, crashed('c-3', 'a')];
    expect(policies.refine(state({ objective: passes, journal: anew }))).toEqual({
      kind: 'debug',
      parent: 'c-3',
    });
  });

  it('is no leaf of a tree that is worth another', () => {
    const best = row('c-3', { verified: true });
    const journal = [baseline, crashed('c-1', 'a'), mended, best];
    for (let decisions = 0; decisions < 40; decisions += 1)
      expect(policies.tree(state({ journal, drafts: 0, decisions }))).toEqual({
        kind: 'improve',
        parents: ['c-3'],
      });
  });
});

describe('refine', () => {
  const { refine } = policies;
  const passes = { kind: 'passes' } as const;
  const wrong = (id: string, count: number) =>
    row(id, { outcome: 'wrong', metric: null, passed: { count, of: 3 } });

  it('stops at the first that passes, where only that counts', () => {
    const passed = row('c-2', { outcome: 'passed', metric: null });
    expect(refine(state({ objective: passes, journal: [wrong('c-1', 1), passed] }))).toEqual({
      kind: 'stop',
      why: 'c-2 passes every check',
    });
    expect(refine(state({ journal: [baseline, wrong('c-1', 1), passed] })).kind).toBe('improve');
  });

  it('counts a candidate of the user among the trials, and debugs it', () => {
    const own = row('c-0', { operator: 'human', outcome: 'crashed', metric: null });
    expect(refine(state({ objective: passes, journal: [own] }))).toEqual({ kind: 'debug', parent: 'c-0' });
    expect(refine(state({ objective: passes, journal: [own], trials: 1 })).kind).toBe('stop');
  });

  it('goes back to the candidate that passed most checks when the last one was debugged in vain', () => {
    const journal = [wrong('c-1', 1), wrong('c-2', 2), wrong('c-3', 0)];
    const debug = { kind: 'debug', parent: 'c-3' } as const;
    expect(refine(state({ objective: passes, journal }))).toEqual(debug);
    expect(refine(state({ objective: passes, journal, inVain: [debug, debug] }))).toEqual({
      ...{ kind: 'debug', parent: 'c-2' },
    });
  });

  it('debugs the last candidate when it failed, and improves the verified best when it did not', () => {
    const failed = row('c-2', { outcome: 'crashed', metric: null });
    const best = row('c-1', { verified: true });
    expect(refine(state({ journal: [baseline, best, failed] }))).toEqual({ kind: 'debug', parent: 'c-2' });
    expect(
      refine(
        state({ journal: [baseline, best, row('c-2', { metric: { value: 1.2, low: 1.1, high: 1.3 } })] }),
      ),
    ).toEqual({
      kind: 'improve',
      parents: ['c-1'],
    });
  });
});

describe('tree', () => {
  const { tree } = policies;
  const drafts = [row('c-1'), row('c-2', { outcome: 'wrong', metric: null }), row('c-3', { verified: true })];

  it('begins with three drafts, those under way counted', () => {
    expect(tree(state({ pending: [{ kind: 'draft' }, { kind: 'draft' }] }))).toEqual({ kind: 'draft' });
    expect(tree(state({ journal: [baseline, ...drafts] })).kind).not.toBe('draft');
  });

  it('begins with fewer drafts where the budget is small', () => {
    expect([1, 5, 8, 12, 100].map(draftsWithin)).toEqual([1, 1, 2, 3, 3]);
    expect(tree(state({ journal: [baseline, row('c-1', { verified: true })], drafts: 1 }))).toEqual({
      ...{ kind: 'improve', parents: ['c-1'] },
    });
  });

  it('puts no question a third time in the same words: others are left', () => {
    const debug = { kind: 'debug', parent: 'c-2' } as const;
    const improve: NextDecision = { kind: 'improve', parents: ['c-3'] };
    const kinds = (inVain: SearchState['inVain']): string[] => [
      ...new Set(
        Array.from(
          { length: 50 },
          (_, decisions) =>
            tree(state({ journal: [baseline, ...drafts], trials: 99, decisions, inVain })).kind,
        ),
      ),
    ];
    expect(kinds([debug]).sort()).toEqual(['debug', 'improve']);
    expect(kinds([debug, debug])).toEqual(['improve']);
    expect(kinds([improve, improve])).toEqual(['debug']);
    expect(kinds([debug, improve, debug, improve])).toEqual(['draft']);
  });

  it('debugs about half the time while there is a failed leaf, and improves the best otherwise', () => {
    const kinds = Array.from(
      { length: 400 },
      (_, decisions) => tree(state({ journal: [baseline, ...drafts], trials: 999, decisions })).kind,
    );
    const debugged = kinds.filter((kind) => kind === 'debug').length;
    expect(debugged).toBeGreaterThan(150);
    expect(debugged).toBeLessThan(250);
    expect(kinds.every((kind) => kind === 'debug' || kind === 'improve')).toBe(true);
  });

  it('debugs no deeper than three steps and never a leaf that is being debugged', () => {
    const failed = { outcome: 'crashed', metric: null } as const;
    const chain = [
      row('c-2', failed),
      row('c-4', { ...failed, operator: 'debug', parents: ['c-2'] }),
      row('c-5', { ...failed, operator: 'debug', parents: ['c-4'] }),
      row('c-6', { ...failed, operator: 'debug', parents: ['c-5'] }),
    ];
    const deep = [baseline, row('c-1', { verified: true }), row('c-3'), ...chain];
    for (let decisions = 0; decisions < 50; decisions += 1)
      expect(tree(state({ journal: deep, trials: 99, decisions })).kind).toBe('improve');
    const one = [baseline, ...drafts];
    for (let decisions = 0; decisions < 50; decisions += 1)
      expect(
        tree(state({ journal: one, trials: 99, decisions, pending: [{ kind: 'debug', parent: 'c-2' }] }))
          .kind,
      ).toBe('improve');
  });
});

describe('mend', () => {
  const passes = { kind: 'passes', twice: true } as const;
  const failed = (id: string, given: Partial<JournalRow> = {}): JournalRow =>
    row(id, { operator: 'human', outcome: 'crashed', metric: null, ...given });

  it('mends without a model, then asks once, then takes the other fixes of the same reply, and no more', () => {
    const own = failed('c-0', { mendable: true });
    const given = (journal: JournalRow[], more: Partial<SearchState> = {}) =>
      mend(state({ objective: passes, journal, trials: 10, ...more }));
    expect(given([own])).toEqual({ kind: 'fix', parent: 'c-0' });
    const after = [own, failed('c-1', { operator: 'fix', parents: ['c-0'] })];
    expect(given(after)).toEqual({ kind: 'debug', parent: 'c-1' });
    const asked = [...after, failed('c-2', { operator: 'debug', parents: ['c-1'] })];
    expect(given(asked)).toEqual({ kind: 'debug', parent: 'c-1', other: { of: 'c-2', index: 1 } });
    const second: NextDecision = { kind: 'debug', parent: 'c-1', other: { of: 'c-2', index: 1 } };
    expect(given(asked, { inVain: [second] })).toEqual({ ...second, other: { of: 'c-2', index: 2 } });
    const third: NextDecision = { ...second, other: { of: 'c-2', index: 2 } };
    expect(given(asked, { inVain: [second, third] })).toMatchObject({ kind: 'stop' });
  });

  it('stops where models gave nothing twice', () => {
    const vain: NextDecision = { kind: 'debug', parent: 'c-0' };
    const given = { objective: passes, journal: [failed('c-0')], inVain: [vain, vain] };
    expect(mend(state(given))).toEqual({ kind: 'stop', why: 'models gave no fix' });
  });
});

describe('where programs are scored', () => {
  const objective = { kind: 'score', metric: 'RMSE', direction: 'minimize' } as const;
  const scored = (id: string, value: number, given: Partial<JournalRow> = {}): JournalRow =>
    row(id, { outcome: 'scored', metric: { value, low: value, high: value }, verified: true, ...given });
  const own = scored('c-0', 10, { operator: 'baseline' });
  const broken = (id: string, parent: string): JournalRow =>
    row(id, { outcome: 'crashed', operator: 'debug', parents: [parent], metric: null });

  it('the best is improved until the budget is used: a first score is no end', () => {
    expect(policies.refine(state({ objective, journal: [own] }))).toEqual({
      kind: 'improve',
      parents: ['c-0'],
    });
    expect(policies.refine(state({ objective, journal: [] }))).toEqual({ kind: 'draft' });
    const journal = [own, scored('c-1', 8), scored('c-2', 9)];
    expect(policies.refine(state({ objective, journal }))).toEqual({ kind: 'improve', parents: ['c-1'] });
    expect(policies.refine(state({ objective, journal, trials: 2 })).kind).toBe('stop');
  });

  it('what fails three times in a row is left, and the best improved', () => {
    const journal = [own, broken('c-1', 'c-0'), broken('c-2', 'c-1'), broken('c-3', 'c-2')];
    expect(policies.refine(state({ objective, journal: journal.slice(0, 3) }))).toEqual({
      kind: 'debug',
      parent: 'c-2',
    });
    expect(policies.refine(state({ objective, journal }))).toEqual({ kind: 'improve', parents: ['c-0'] });
  });

  it('without a model it stops, and says what else there is to do', () => {
    expect(policies.refine(state({ objective, journal: [own], models: false }))).toMatchObject({
      ...{ kind: 'stop', why: expect.stringContaining('crucible try') },
    });
  });
});
