import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/** A decision that leads to a candidate. A `strategy` is a mechanical one by its name in the job's list. */
export const NextDecision = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('strategy'), strategy: z.string() }),
  /** What the diagnosis of the parent says can be done without a model. */
  z.object({ kind: z.literal('fix'), parent: z.string() }),
  /** `stuck`: two candidates that failed of the same, the second made from the first: begun anew in their place. */
  z.object({ kind: z.literal('draft'), stuck: z.array(z.string()).optional() }),
  /**
   * `other` is not the first of several fixes that were asked for at once. It goes by the candidate that the
   * first one became.
   */
  z.object({
    ...{ kind: z.literal('debug'), parent: z.string() },
    other: z.object({ of: z.string(), index: z.number().int().positive() }).optional(),
  }),
  z.object({ kind: z.literal('improve'), parents: z.array(z.string()) }),
  /**
   * A configuration of a model, by its name, is fitted on more folds, each within `limitMs`. `of`: the candidate that it is already; null: a new
   * one. `program`: a `Program`.
   */
  z.object({
    ...{ kind: z.literal('fit'), config: z.string(), folds: z.array(z.number().int().nonnegative()) },
    ...{ limitMs: z.number().positive(), program: Artifact, of: z.string().nullable() },
    /** What training is told beside the fold: rounds, seconds, rows. */
    told: z.record(z.string(), z.number()),
    /** In a few words, for people. */
    why: z.string(),
  }),
  /**
   * A file that somebody brought, by the ID of the message it came with. Where it is `of` a candidate, a
   * unified diff of its program.
   */
  z.object({
    ...{ kind: z.literal('human'), told: z.string(), name: z.string(), file: Artifact },
    of: z.string().optional(),
  }),
]);
export type NextDecision = z.infer<typeof NextDecision>;

/** A decision that a model makes into a program. */
export type ModelDecision = Exclude<NextDecision, { kind: 'strategy' | 'fix' | 'fit' | 'human' }>;

/** A decision with the number of the candidate it is to lead to: 3 for `c-3`. */
export interface NumberedDecision {
  number: number;
  decision: NextDecision;
}
