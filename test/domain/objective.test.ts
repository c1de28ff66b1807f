import { describe, expect, it } from 'vitest';
import { Job } from '../../domain/job.schema.ts';
import {
  best,
  clears,
  closest,
  type Found,
  foundIn,
  isBetter,
  meetsGoal,
  type Objective,
  objectiveOf,
  reaches,
  surpasses,
} from '../../domain/objective.ts';
import type { OutcomeKind } from '../../domain/outcome.schema.ts';

const passes: Objective = { kind: 'passes' };
const ratio: Objective = { kind: 'ratio', atLeast: 1 };
const most: Objective = { kind: 'score', metric: 'accuracy', direction: 'maximize' };
const least: Objective = { kind: 'score', metric: 'error', direction: 'minimize' };

const measured = (value: number, low = value * 0.9, high = value * 1.1): Found => ({
  outcome: 'scored',
  metric: { value, low, high },
  passed: null,
});
const ended = (outcome: OutcomeKind, passed: Found['passed'] = null): Found => ({
  outcome,
  metric: null,
  passed,
});
const wrong = (count: number, of = 4): Found => ended('wrong', { count, of });

it('each kind of job has its objective', () => {
  const faster = { kind: 'optimize', name: 'faster', program: 'slow.py' };
  expect(objectiveOf(Job.parse(faster))).toEqual(ratio);
  expect(objectiveOf(Job.parse({ ...faster, goal: 10 }))).toEqual({ ...ratio, goal: 10 });
  const script = { kind: 'solve', name: 'script', script: 'draw.py' };
  expect(objectiveOf(Job.parse(script))).toEqual(passes);
  expect(objectiveOf(Job.parse({ kind: 'pipeline', name: 'all', stages: [script] }))).toEqual(passes);
});

it('what is found in an outcome is its metric, or how many of its checks it passed', () => {
  const metric = { value: 2, low: 1, high: 3 };
  expect(foundIn({ kind: 'scored', metric, verdict: '0' })).toEqual({ ...ended('scored'), metric });
  expect(foundIn({ kind: 'wrong', reason: '', verdict: '0', passed: { count: 1, of: 4 } })).toEqual(wrong(1));
  expect(foundIn({ kind: 'invalidOutput', reason: '' })).toEqual(ended('invalidOutput'));
});

describe('what clears an objective', () => {
  it('passes every check, where that is asked for', () => {
    expect(clears(ended('passed'), passes)).toBe(true);
    for (const each of [wrong(3), ended('crashed'), measured(9)]) expect(clears(each, passes)).toBe(false);
  });

  it('has its whole interval above a ratio', () => {
    expect(clears(measured(1.5, 1.01), ratio)).toBe(true);
    for (const each of [measured(1.5, 1), measured(1.5, 0.99), measured(0.5), ended('passed')])
      expect(clears(each, ratio)).toBe(false);
    expect(clears(measured(1.5, 1.01), { kind: 'ratio', atLeast: 1.2 })).toBe(false);
  });

  it('is scored, where a score is asked for', () => {
    for (const objective of [most, least]) {
      expect(clears(measured(0.001), objective)).toBe(true);
      expect(clears(ended('wrong'), objective)).toBe(false);
    }
  });
});

it('a goal is reached by the whole interval, from below or from above', () => {
  expect(reaches(measured(5, 4, 6), 4, ratio)).toBe(true);
  expect(reaches(measured(5, 3.9, 6), 4, ratio)).toBe(false);
  expect(reaches(measured(5, 4, 6), 4, most)).toBe(true);
  expect(reaches(measured(5, 4, 6), 6, least)).toBe(true);
  expect(reaches(measured(5, 4, 6.1), 6, least)).toBe(false);
  expect(reaches(ended('wrong'), 0, most)).toBe(false);
});

it('a goal that is set is met by what reaches it', () => {
  expect(meetsGoal(measured(5, 4, 6), { ...ratio, goal: 4 })).toBe(true);
  expect(meetsGoal(measured(5, 3.9, 6), { ...ratio, goal: 4 })).toBe(false);
  for (const objective of [ratio, most, passes]) expect(meetsGoal(measured(5), objective)).toBe(false);
});

describe('what takes the place of the best', () => {
  it('is a score whose interval is clear of its own, in the direction that is asked for', () => {
    const top = measured(10, 9, 11);
    expect(surpasses(measured(12, 11.1, 13), top, most)).toBe(true);
    expect(surpasses(measured(12, 10.9, 13), top, most)).toBe(false);
    expect(surpasses(measured(8, 7, 8.9), top, least)).toBe(true);
    expect(surpasses(measured(8, 7, 9), top, least)).toBe(false);
    expect(surpasses(measured(12, 11.1, 13), top, least)).toBe(false);
    expect(surpasses(measured(3, 3, 3), measured(3, 3, 3), most)).toBe(false);
  });

  it('is a ratio that is larger, also where the intervals overlap, and anything scored beside what was not', () => {
    expect(surpasses(measured(12, 9, 14), measured(10, 9, 11), ratio)).toBe(true);
    expect(surpasses(measured(1), ended('crashed'), least)).toBe(true);
  });
});

describe('the better of two', () => {
  it('has the larger value, or the smaller where less is better, also where the intervals overlap', () => {
    const [smaller, larger] = [measured(2, 1, 4), measured(3, 0.5, 5)];
    for (const objective of [ratio, most]) {
      expect(isBetter(larger, smaller, objective)).toBe(true);
      expect(isBetter(smaller, larger, objective)).toBe(false);
    }
    expect(isBetter(smaller, larger, least)).toBe(true);
    expect(isBetter(larger, smaller, least)).toBe(false);
  });

  it('is the surer of two with the same value, and neither where the intervals are the same', () => {
    const [sure, unsure] = [measured(2, 1.9, 2.1), measured(2, 1.5, 2.5)];
    for (const objective of [ratio, most, least]) {
      expect(isBetter(sure, unsure, objective)).toBe(true);
      expect(isBetter(unsure, sure, objective)).toBe(false);
      expect(isBetter(sure, sure, objective)).toBe(false);
    }
  });

  it('is any that was measured beside one that was not', () => {
    for (const objective of [ratio, most, least]) {
      expect(isBetter(measured(0.1), ended('crashed'), objective)).toBe(true);
      expect(isBetter(ended('wrong'), ended('crashed'), objective)).toBe(false);
    }
  });

  it('passed, or else passed the larger share of its checks, or was judged at all', () => {
    const order = [ended('passed'), wrong(2, 3), wrong(2), wrong(0), ended('crashed')];
    for (const [index, each] of order.entries())
      expect(order.map((other) => isBetter(each, other, passes))).toEqual(
        order.map((_, other) => index < other),
      );
  });
});

describe('the best, and the closest to it', () => {
  const named = (tried: Record<string, [Found, boolean]>) =>
    Object.entries(tried).map(([id, [found, verified]]) => ({ id, ...found, verified }));

  it('are missing where nothing was tried', () => {
    for (const objective of [passes, ratio, most, least]) {
      expect(best([], objective)).toBeUndefined();
      expect(closest([], objective)).toBeUndefined();
    }
  });

  it('of ratios: the largest of those verified; the largest of the others', () => {
    const tried = named({
      baseline: [measured(1, 0.98, 1.02), false],
      three: [measured(3), true],
      nine: [measured(9), false],
      five: [measured(5), true],
      unsure: [measured(99, 0.9), true],
    });
    expect(best(tried, ratio)?.id).toBe('five');
    expect(closest(tried, ratio)?.id).toBe('unsure');
  });

  it('of scores: by their direction', () => {
    const tried = named({
      low: [measured(0.2), true],
      mid: [measured(0.4), true],
      high: [measured(0.9), false],
    });
    expect(best(tried, most)?.id).toBe('mid');
    expect(best(tried, least)?.id).toBe('low');
    expect(closest(tried, least)?.id).toBe('high');
  });

  it('of checks: one that passed, although it was tried once; before that the one that passed most', () => {
    const failed = named({ none: [ended('crashed'), false], two: [wrong(2), false], one: [wrong(1), false] });
    expect(best(failed, passes)).toBeUndefined();
    expect(closest(failed, passes)?.id).toBe('two');
    expect(best([...failed, ...named({ right: [ended('passed'), false] })], passes)?.id).toBe('right');
    expect(closest(named({ none: [ended('crashed'), false] }), passes)).toBeUndefined();
  });

  it('are the first of equals', () => {
    const equal = named({ first: [measured(2), true], second: [measured(2), true] });
    expect(best(equal, ratio)?.id).toBe('first');
  });
});

it('a score by folds stands once all folds have it, and the better value is the best', () => {
  const byFolds: Objective = { kind: 'score', metric: 'auc', direction: 'maximize', byFolds: true };
  const row = (value: number, verified: boolean) => ({ ...measured(value), verified });
  const [whole, better, part] = [row(0.8, true), row(0.81, true), row(0.9, false)];
  expect(best([whole, better, part], byFolds)).toBe(better);
  // Of other scores one has to be clear of the other's interval.
  expect(best([whole, better], most)).toBe(whole);
});
