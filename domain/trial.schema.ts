import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';
import { Candidate } from './candidate.schema.ts';
import { Interval, Outcome } from './outcome.schema.ts';

/** What one call of the baseline and of the candidate took, side by side on the same inputs; in milliseconds. */
export const Measurement = z.object({
  baselineMs: Interval,
  candidateMs: Interval,
  speedup: Interval,
  /** How far baseline against itself on this host was from 1 at most, as a share: 0.03 is ±3 %. */
  noiseFloor: z.number(),
  pairs: z.number(),
  /**
   * The cost of asking, taken off the baseline. Off the candidate, too, where its text is of our own making
   * (`isOurs`).
   */
  askingMs: Interval,
  isOurs: z.literal(true).optional(),
  host: z.string(),
  /** What else the host had to do meanwhile; missing where it does not tell. */
  load: z
    .object({
      cores: z.number(),
      /** Programs that ran, or stood in line for a processor, and those of them that were not measured. */
      wanted: z.number(),
      others: z.number(),
      /** Shares of the time: what was measured stood in line; the host's own host took the processor away. */
      inLine: z.number(),
      stolen: z.number(),
    })
    .optional(),
  /** What each of several measurements gave that `speedup` covers; missing where there was one. */
  runs: z.array(Interval).optional(),
  /** Raw samples, as measured. */
  samples: Artifact,
});
export type Measurement = z.infer<typeof Measurement>;

/** A candidate built, run, graded and measured once. */
export const Trial = z.object({
  candidate: Candidate,
  /** `trial`, or `verification` of a trial that would be best. */
  purpose: z.enum(['baseline', 'trial', 'verification']),
  outcome: Outcome,
  measurement: Measurement.nullable(),
  /** Logs and files worth keeping, by what they are: `build.log`, `stderr`, `answers`. */
  artifacts: z.record(z.string(), Artifact),
  /** Milliseconds by step. */
  timings: z.record(z.string(), z.number()),
  /** The seeds of the inputs it was judged on, revealed with the verdict. */
  seeds: z.array(z.string()),
});
export type Trial = z.infer<typeof Trial>;
