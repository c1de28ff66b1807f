import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/** A measured ratio with its confidence interval. */
export const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() });
export type Interval = z.infer<typeof Interval>;

/** How a trial ended. A bad candidate is data here, never an exception; only `passed` and `scored` carry values. */
export const Outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed'), verdict: Artifact }),
  /** `metric` is the speed-up over the baseline, as the grader's measurements give it. */
  z.object({ kind: z.literal('scored'), metric: Interval, verdict: Artifact }),
  z.object({ kind: z.literal('wrong'), reason: z.string(), verdict: Artifact }),
  z.object({ kind: z.literal('invalidOutput'), reason: z.string() }),
  z.object({ kind: z.literal('crashed'), reason: z.string() }),
  z.object({ kind: z.literal('timedOut'), reason: z.string() }),
  z.object({ kind: z.literal('outOfMemory'), reason: z.string() }),
  z.object({ kind: z.literal('resourceLimit'), reason: z.string() }),
  z.object({ kind: z.literal('buildFailed'), reason: z.string() }),
  z.object({ kind: z.literal('rejected'), reason: z.string() }),
]);
export type Outcome = z.infer<typeof Outcome>;
export type OutcomeKind = Outcome['kind'];
