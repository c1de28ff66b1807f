import type { Interval, Outcome, OutcomeKind } from './outcome.schema.ts';
import type { Trial } from './trial.schema.ts';

/** How a candidate stands: `verified` held twice; `faster` once; `slower` is right without a gain that is sure. */
export type Standing = 'verified' | 'faster' | 'slower' | 'passed' | 'refused' | 'failed';

/** One look at a candidate. */
type Look = Pick<Trial, 'purpose' | 'outcome'>;

/** How a candidate stands by the last look at it. */
export function standingOf({ outcome, purpose }: Look): Standing {
  switch (outcome.kind) {
    case 'passed':
      return 'passed';
    case 'scored':
      if (outcome.metric.low <= 1) return 'slower';
      return purpose === 'verification' ? 'verified' : 'faster';
    case 'wrong':
    case 'invalidOutput':
    case 'rejected':
      return 'refused';
    default:
      return 'failed';
  }
}

/** Each outcome in two or three words. */
export const outcomeWords: Record<OutcomeKind, string> = {
  passed: 'passed',
  scored: 'right',
  wrong: 'wrong answer',
  invalidOutput: 'invalid output',
  rejected: 'rejected',
  crashed: 'crashed',
  timedOut: 'timed out',
  outOfMemory: 'out of memory',
  resourceLimit: 'over a limit',
  buildFailed: 'did not build',
};

const standingWords: Partial<Record<Standing, string>> = {
  verified: 'verified',
  faster: 'not verified',
  slower: 'no sure gain',
};

/** How a candidate stands, in two or three words. */
export const verdictWords = (look: Look): string =>
  look.purpose === 'baseline' && look.outcome.kind === 'scored'
    ? 'baseline'
    : (standingWords[standingOf(look)] ?? outcomeWords[look.outcome.kind]);

/** The speed-up an outcome gives; null where none was measured. */
export const metricIn = (outcome: Outcome): Interval | null =>
  outcome.kind === 'scored' ? outcome.metric : null;

/**
 * `candidates` as a leaderboard, by the last look at each: the verified by their speed-up, then those faster once, then the baseline and what is no
 * faster, then those that failed, in the order they were tried.
 */
export function ranked<T>(candidates: readonly T[], lastLook: (candidate: T) => Look): T[] {
  const order: Standing[] = ['verified', 'faster', 'slower', 'passed', 'refused', 'failed'];
  // What was refused and what failed stand together.
  const groupOf = (look: Look): number => Math.min(order.indexOf(standingOf(look)), order.indexOf('refused'));
  return candidates.toSorted((one, other) => {
    const [a, b] = [lastLook(one), lastLook(other)];
    const byGroup = groupOf(a) - groupOf(b);
    return byGroup !== 0 ? byGroup : (metricIn(b.outcome)?.value ?? 0) - (metricIn(a.outcome)?.value ?? 0);
  });
}
