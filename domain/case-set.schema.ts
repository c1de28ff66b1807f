import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';

/**
 * What the oracle answered to one case. `input` is the case as the oracle left it, null where unchanged.
 * `exact` what one that is more exact answered, where the job names one.
 */
export const Expected = z.object({
  answer: Artifact,
  input: Artifact.nullable(),
  exact: Artifact.optional(),
});

/** Secret inputs for one round: the first come with the oracle's answers, the others are for timing. */
export const CaseSet = z.object({
  /** Frames. */
  cases: z.array(Artifact),
  /** The first case for timing, as one that is asked twice: what its call shares and changes is looked at. Null without such a case. */
  twice: Artifact.nullable().default(null),
  /** The names of the function's parameters. */
  arguments: z.array(z.string()),
  /** For the first `expected.length` cases. */
  expected: z.array(Expected),
  /** What each case is, for people: `image: float64[64, 64], size = 48`. */
  described: z.array(z.string()),
  /** Seconds the oracle took for each expected answer. */
  oracleSeconds: z.array(z.number()),
  seed: z.string(),
});
export type CaseSet = z.infer<typeof CaseSet>;
