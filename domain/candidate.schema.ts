import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/**
 * How a candidate arose. `baseline`: the user's own program, which others are compared with. `strategy`,
 * `recipe`: by one that needs no model. `fix`: by what the diagnosis of its parent says can be done without
 * one. `human`: as the user gave it, to be tried like any other.
 */
export const Operator = z.enum([
  'baseline',
  'draft',
  'debug',
  'improve',
  'strategy',
  'recipe',
  'fix',
  'human',
]);
export type Operator = z.infer<typeof Operator>;

/** One version of a program under trial. */
export const Candidate = z.object({
  /** `c-0` is the user's own program. */
  id: z.string().regex(/^c-\d+$/),
  parents: z.array(z.string()),
  operator: Operator,
  /** What it tries, in a few words: `vectorize_loops + parallelize`, or a model's idea. */
  title: z.string().max(80),
  /** One sentence on what was changed. */
  note: z.string().max(500),
  /** A `Program`. */
  program: Artifact,
});
export type Candidate = z.infer<typeof Candidate>;
