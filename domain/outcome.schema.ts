import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';
import { Diagnosis } from './diagnosis.schema.ts';

/** A measured figure with its confidence interval. */
export const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;

/** How many of the checks of a program it passed, and of how many. */
export const Checks = z.object({ count: z.number(), of: z.number() });
export type Checks = z.infer<typeof Checks>;

/** Of every failure. `diagnosis`: what it failed of, where that was looked for. */
const failed = { reason: z.string(), diagnosis: Diagnosis.optional() };

/** How a trial ended. A bad candidate is data here, never an exception; only `passed` and `scored` are right. */
export const Outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed'), verdict: Artifact }),
  /** `metric` is what the job's objective compares: the speed-up over the baseline, as the grader's measurements give it. */
  z.object({
    ...{ kind: z.literal('scored'), metric: Interval, verdict: Artifact },
    /** What each of its runs gave, where `metric` is their mean. */
    scores: z.array(z.number()).optional(),
  }),
  z.object({ kind: z.literal('wrong'), ...failed, verdict: Artifact, passed: Checks.optional() }),
  z.object({ kind: z.literal('invalidOutput'), ...failed, passed: Checks.optional() }),
  z.object({ kind: z.literal('crashed'), ...failed }),
  z.object({ kind: z.literal('timedOut'), ...failed }),
  z.object({ kind: z.literal('outOfMemory'), ...failed }),
  z.object({ kind: z.literal('resourceLimit'), ...failed }),
  z.object({ kind: z.literal('buildFailed'), ...failed }),
  z.object({ kind: z.literal('rejected'), ...failed }),
]);
export type Outcome = z.infer<typeof Outcome>;
export type OutcomeKind = Outcome['kind'];
