import type { Job } from './job.schema.ts';
import { kindOf } from './kinds/kinds.ts';
import type { Checks, Interval, Outcome, OutcomeKind } from './outcome.schema.ts';

/** What makes one program of a job better than another. */
export type Objective =
  /** A program passes every check, or does so `twice`; until one does, more checks are better. */
  | { kind: 'passes'; twice?: true }
  /** A ratio to the original, such as a speed-up: one counts that is surely above `atLeast`. What reaches the goal is good enough. */
  | { kind: 'ratio'; atLeast: number; goal?: number }
  /** A score of which larger, or smaller, is better; every one counts. */
  | {
      kind: 'score';
      metric: string;
      direction: 'maximize' | 'minimize';
      goal?: number;
      /**
       * It is of rows that were left out of what was learnt from, a fold after the other. It is sure once all
       * of them were.
       */
      byFolds?: true;
    };

/** What is found of a program, as far as objectives compare it. */
export interface Found {
  outcome: OutcomeKind;
  /** Null where nothing was measured. */
  metric: Interval | null;
  /** Null where no checks were counted. */
  passed: Checks | null;
}

/** What was found, and whether it was found twice. */
type Tried = Found & { verified: boolean };

/** Returns the objective of a job. */
export const objectiveOf = (job: Job): Objective => kindOf(job).objective(job);

/** Returns what objectives compare of an outcome. */
export const foundIn = (outcome: Outcome): Found => ({
  outcome: outcome.kind,
  metric: outcome.kind === 'scored' ? outcome.metric : null,
  passed: 'passed' in outcome ? (outcome.passed ?? null) : null,
});

/** Returns 1 where larger is better, -1 where smaller is. */
export const signOf = (objective: Objective): 1 | -1 =>
  objective.kind === 'score' && objective.direction === 'minimize' ? -1 : 1;

/** Returns the bound of an interval that says least for a program, as a number of which larger is better. */
const carefully = ({ low, high }: Interval, objective: Objective): number =>
  signOf(objective) === 1 ? low : -high;

/** Returns the bound that says most for a program, as a number of which larger is better. */
const hopefully = ({ low, high }: Interval, objective: Objective): number =>
  signOf(objective) === 1 ? high : -low;

/** Returns whether a program is surely as good as `goal`: its whole interval is. */
export const reaches = ({ metric }: Found, goal: number, objective: Objective): boolean =>
  metric !== null && carefully(metric, objective) >= signOf(objective) * goal;

/** Returns whether a program is as good as was asked for; false where no goal is set. */
export const meetsGoal = (found: Found, objective: Objective): boolean =>
  objective.kind !== 'passes' && objective.goal !== undefined && reaches(found, objective.goal, objective);

/** Returns whether what was found is what the job is after, by the bound that says least for it. */
export function clears({ outcome, metric }: Found, objective: Objective): boolean {
  switch (objective.kind) {
    case 'passes':
      return outcome === 'passed';
    case 'ratio':
      return metric !== null && metric.low > objective.atLeast;
    case 'score':
      return metric !== null;
  }
}

/**
 * Returns whether what clears the objective is tried a second time before it counts. A measurement is; a
 * check says the same twice.
 */
export const triesTwice = (objective: Objective): boolean =>
  objective.kind !== 'passes' || objective.twice === true;

/** Numbers of which the first that differ decide; larger is better. */
function meritsOf({ outcome, metric, passed }: Found, objective: Objective): [number, number] {
  if (objective.kind === 'passes')
    return [outcome === 'passed' ? 1 : 0, passed === null ? -1 : passed.count / passed.of];
  return metric === null
    ? [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
    : [signOf(objective) * metric.value, carefully(metric, objective)];
}

/** Sorts the better one first; 0 where neither is. */
export function byMerit(a: Found, b: Found, objective: Objective): number {
  const [ofA, ofB] = [meritsOf(a, objective), meritsOf(b, objective)];
  const differs = ofA.findIndex((each, index) => each !== ofB[index]);
  return differs < 0 ? 0 : (ofA[differs] ?? 0) > (ofB[differs] ?? 0) ? -1 : 1;
}

/**
 * Returns whether `a` is better than `b`. It goes by the value, and where those are equal by the bound that
 * says least.
 */
export const isBetter = (a: Found, b: Found, objective: Objective): boolean => byMerit(a, b, objective) < 0;

/**
 * Returns whether `a` takes the place of `b` as best. Scores are compared by an interval that is clear of the
 * other's, for both have chance in them. All else has to be better.
 */
export function surpasses(a: Found, b: Found, objective: Objective): boolean {
  if (objective.kind !== 'score' || objective.byFolds || a.metric === null || b.metric === null)
    return isBetter(a, b, objective);
  return carefully(a.metric, objective) > hopefully(b.metric, objective);
}

/** Returns whether what was tried is what the job is after, and was tried as often as that asks for. */
export const stands = (tried: Tried, objective: Objective): boolean =>
  clears(tried, objective) && (tried.verified || !triesTwice(objective));

/**
 * Returns the best of those that clear the objective and were tried as often as it asks for. It is the first
 * that none of those after it surpasses.
 */
export const best = <T extends Tried>(tried: readonly T[], objective: Objective): T | undefined =>
  tried
    .filter((each) => stands(each, objective))
    .reduce<T | undefined>(
      (top, each) => (top === undefined || surpasses(each, top, objective) ? each : top),
      undefined,
    );

/**
 * Of those that were judged, and do not stand, the one that comes nearest to the objective. The first of
 * equals.
 */
export const closest = <T extends Tried>(tried: readonly T[], objective: Objective): T | undefined =>
  tried
    .filter((each) => (each.metric !== null || each.passed !== null) && !stands(each, objective))
    .sort((a, b) => byMerit(a, b, objective))[0];
