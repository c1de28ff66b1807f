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
  expect(ranked(names, (name) => looks[name])).toEqual([
    ...['more', 'twice', 'once', 'unsure', 'baseline', 'slow', 'wrong', 'crashed'],
  ]);
});

it('a gain that was measured once is said to be not verified', () => {
  expect([looks.once, looks.twice, looks.unsure, looks.baseline, looks.wrong].map(verdictWords)).toEqual([
    ...['not verified', 'verified', 'no sure gain', 'baseline', 'wrong answer'],
  ]);
  expect(standingOf(looks.crashed)).toBe('failed');
});
