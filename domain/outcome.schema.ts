import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/** A measured figure with its confidence interval. */
export const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;

/** How many of the checks of a program it passed, and of how many. */
export const Checks = z.object({ count: z.number(), of: z.number() });
export type Checks = z.infer<typeof Checks>;

/** How a trial ended. A bad candidate is data here, never an exception; only `passed` and `scored` are right. */
export const Outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed'), verdict: Artifact }),
  /** `metric` is what the job's objective compares: the speed-up over the baseline, as the grader's measurements give it. */
  z.object({ kind: z.literal('scored'), metric: Interval, verdict: Artifact }),
  z.object({ kind: z.literal('wrong'), reason: z.string(), verdict: Artifact, passed: Checks.optional() }),
  z.object({ kind: z.literal('invalidOutput'), reason: z.string(), passed: Checks.optional() }),
  z.object({ kind: z.literal('crashed'), reason: z.string() }),
  z.object({ kind: z.literal('timedOut'), reason: z.string() }),
  z.object({ kind: z.literal('outOfMemory'), reason: z.string() }),
  z.object({ kind: z.literal('resourceLimit'), reason: z.string() }),
  z.object({ kind: z.literal('buildFailed'), reason: z.string() }),
  z.object({ kind: z.literal('rejected'), reason: z.string() }),
]);
export type Outcome = z.infer<typeof Outcome>;
export type OutcomeKind = Outcome['kind'];
