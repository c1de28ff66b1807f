import { byMerit, clears, foundIn, type Objective } from './objective.ts';
import type { Checks, Interval, Outcome, OutcomeKind } from './outcome.schema.ts';
import type { Trial } from './trial.schema.ts';
import { isBlend, isCertain } from './trial.ts';

/** How a candidate stands: `verified` held twice; `better` once; `worse` is right without a gain that is sure. */
export type Standing = 'verified' | 'better' | 'worse' | 'passed' | 'refused' | 'failed';

/** One look at a candidate. */
type Look = Pick<Trial, 'purpose' | 'outcome'>;

/** Returns how a candidate stands by the last look at it. */
export function standingOf({ outcome, purpose }: Look, objective: Objective): Standing {
  switch (outcome.kind) {
    case 'passed':
      return 'passed';
    case 'scored':
      if (!clears(foundIn(outcome), objective)) return 'worse';
      if (isCertain({ purpose }, objective)) return 'verified';
      // A score that is clear of the best is looked at twice.
      return objective.kind === 'score' ? 'worse' : 'better';
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
  better: 'not verified',
  worse: 'no sure gain',
};

export const checksText = ({ count, of }: Checks): string => `passed ${count} of ${of} checks`;

/** Returns how a candidate stands, in two or three words. */
export function verdictWords(look: Look, objective: Objective): string {
  const { metric, outcome, passed } = foundIn(look.outcome);
  if (look.purpose === 'baseline' && metric !== null) return 'baseline';
  if (passed !== null && passed.of > 1) return checksText(passed);
  if (objective.kind === 'score' && objective.byFolds && metric !== null)
    return look.purpose !== 'verification' ? 'some folds' : isBlend(look.outcome) ? 'tested' : 'all folds';
  return standingWords[standingOf(look, objective)] ?? outcomeWords[outcome];
}

/** Returns the metric of an outcome, such as the speed-up; null where none was measured. */
export const metricIn = (outcome: Outcome): Interval | null => foundIn(outcome).metric;

/**
 * Returns `candidates` sorted as a leaderboard, by the last look at each. First come the verified by their
 * merit, then those that were better once. The baseline and what is no better come last. Those that failed are
 * last: more passed checks first, else in the order they were tried.
 */
export function ranked<T>(
  candidates: readonly T[],
  lastLook: (candidate: T) => Look,
  objective: Objective,
): T[] {
  const order: Standing[] = ['verified', 'better', 'worse', 'passed', 'refused', 'failed'];
  // What was refused and what failed stand together.
  const groupOf = (look: Look): number =>
    Math.min(order.indexOf(standingOf(look, objective)), order.indexOf('refused'));
  return candidates.toSorted((one, other) => {
    const [a, b] = [lastLook(one), lastLook(other)];
    const byGroup = groupOf(a) - groupOf(b);
    return byGroup !== 0 ? byGroup : byMerit(foundIn(a.outcome), foundIn(b.outcome), objective);
  });
}
