import { expect, it } from 'vitest';
import { ranked, standingOf, verdictWords } from '../../domain/leaderboard.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';

const look = (
  purpose: Trial['purpose'],
  outcome: number | Exclude<Outcome['kind'], 'scored' | 'passed'>,
) => ({
  purpose,
  outcome:
    typeof outcome === 'number'
      ? ({
          kind: 'scored',
          metric: { value: outcome, low: outcome * 0.9, high: outcome },
          verdict: '',
        } as const)
      : ({ kind: outcome, reason: '', verdict: '' } as const),
});
const ratio = { kind: 'ratio', atLeast: 1 } as const;
const looks = {
  baseline: look('baseline', 1),
  twice: look('verification', 3),
  once: look('trial', 9),
  more: look('verification', 5),
  unsure: look('trial', 1.05),
  slow: look('trial', 0.5),
  wrong: look('trial', 'wrong'),
  crashed: look('trial', 'crashed'),
};

it('the verified stand first by their speed-up, then what was measured once, the baseline, and what failed as it came', () => {
  const names = Object.keys(looks) as (keyof typeof looks)[];
  expect(ranked(names, (name) => looks[name], ratio)).toEqual([
    ...['more', 'twice', 'once', 'unsure', 'baseline', 'slow', 'wrong', 'crashed'],
  ]);
});

it('a gain that was measured once is said to be not verified', () => {
  expect(
    [looks.once, looks.twice, looks.unsure, looks.baseline, looks.wrong].map((each) =>
      verdictWords(each, ratio),
    ),
  ).toEqual([...['not verified', 'verified', 'no sure gain', 'baseline', 'wrong answer']]);
  expect(standingOf(looks.crashed, ratio)).toBe('failed');
});

it('where only passing counts, those that passed stand first, then those that passed most of their checks', () => {
  const passes = { kind: 'passes' } as const;
  const wrong = (count: number) => ({
    purpose: 'trial' as const,
    outcome: { kind: 'wrong' as const, reason: '', verdict: '', passed: { count, of: 3 } },
  });
  const tried = {
    crashed: look('trial', 'crashed'),
    one: wrong(1),
    two: wrong(2),
    passed: { purpose: 'trial' as const, outcome: { kind: 'passed' as const, verdict: '' } },
  };
  const names = Object.keys(tried) as (keyof typeof tried)[];
  expect(ranked(names, (name) => tried[name], passes)).toEqual(['passed', 'two', 'one', 'crashed']);
  expect(names.map((name) => verdictWords(tried[name], passes))).toEqual([
    ...['crashed', 'passed 1 of 3 checks', 'passed 2 of 3 checks', 'passed'],
  ]);
});

it('of a score every one counts, and a smaller error stands before a larger one', () => {
  const error = { kind: 'score', metric: 'error', direction: 'minimize' } as const;
  const tried = {
    large: look('verification', 5),
    small: look('verification', 0.1),
    wrong: look('trial', 'wrong'),
  };
  const names = Object.keys(tried) as (keyof typeof tried)[];
  expect(ranked(names, (name) => tried[name], error)).toEqual(['small', 'large', 'wrong']);
  expect(standingOf(tried.small, error)).toBe('verified');
});

it('of what is scored by folds, a blend is said to be tested, and what it is made of to have some folds or all', () => {
  const byFolds = { kind: 'score', metric: 'auc', direction: 'maximize', byFolds: true } as const;
  const fitted = (purpose: Trial['purpose']) => {
    const { outcome } = look(purpose, 0.8);
    return { purpose, outcome: outcome.kind === 'scored' ? { ...outcome, scores: [0.7, 0.9] } : outcome };
  };
  const looked = [fitted('trial'), fitted('verification'), look('verification', 0.8)];
  expect(looked.map((each) => verdictWords(each, byFolds))).toEqual(['some folds', 'all folds', 'tested']);
});
