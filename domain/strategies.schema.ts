import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/**
 * Strategies that are not used for one reason. It begins with the user's file and line where one is to blame.
 */
export const NotUsed = z.object({
  strategies: z.array(z.string()),
  reason: z.string(),
  /** Of a pipeline: whose program it is about. */
  stage: z.string().optional(),
});
export type NotUsed = z.infer<typeof NotUsed>;

/**
 * What strategies can do for a program. It has the combinations that apply, in the order worth trying, and why
 * others do not.
 */
export const StrategyList = z.object({
  applicable: z.array(z.string()),
  notUsed: z.array(NotUsed),
  /** What was observed of a function on a sample case: time by line, types by name. */
  record: Artifact.nullish(),
  /** The programs that were made on the way, by their combinations: `MadePrograms`. */
  made: Artifact.nullish(),
});
export type StrategyList = z.infer<typeof StrategyList>;

/** What strategies made of a program: combination → the program and what was done. */
export const MadePrograms = z.record(z.string(), z.object({ program: Artifact, note: z.string() }));
export type MadePrograms = z.infer<typeof MadePrograms>;

/** What `observe.py` writes of a program on one case, as far as people are shown it. */
export const ObservedRecord = z.object({
  lines: z.array(z.object({ file: z.string(), line: z.number(), share: z.number() })),
  functions: z.array(
    z.object({ name: z.string(), arguments: z.record(z.string(), z.object({ type: z.string() })) }),
  ),
});
