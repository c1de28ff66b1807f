import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';
import { Candidate } from './candidate.schema.ts';
import { Job } from './job.schema.ts';
import { jobRoles, roles } from './job-input.ts';
import { OptimizeJob } from './kinds/optimize.schema.ts';
import { SolveJob } from './kinds/solve.schema.ts';
import { Interval } from './outcome.schema.ts';
import { NotUsed } from './strategies.schema.ts';

/** Routes, `provider/model`, by role; each list is tried in order. */
export const Routes = z.record(z.enum(roles), z.array(z.string()));
export type Routes = z.infer<typeof Routes>;

/** What a fork begins with: what another job had tried, as it stood when the fork was asked for. */
export const Origin = z.object({
  jobId: z.string(),
  /** The candidate that it goes on from. */
  from: z.string(),
  /** When it was asked for, milliseconds since 1970: what was tried by then is taken over. */
  at: z.number(),
  /** How many candidates that are: they count in the fork's budget of trials. */
  tried: z.number(),
  /** What models read with every question; null: nothing. */
  hint: z.string().nullable(),
});
export type Origin = z.infer<typeof Origin>;

/** What a job's workflow is started with: names and numbers, the files as one artifact. */
export const JobInput = z.object({
  jobId: z.string(),
  /** What the runs of one job have in common, and which run of it this is. */
  series: z.string(),
  run: z.number(),
  storeId: z.string(),
  job: Job,
  /** A `Tree` of all files the job names, below the paths it names them by. */
  files: Artifact,
  /**
   * A list of what stands in the folder of the job and is not among those. It is there to tell what a program
   * misses.
   */
  beside: Artifact,
  role: z.enum(jobRoles),
  /** The job this one belongs to, and as which part of it. */
  parent: z.object({ jobId: z.string(), stage: z.string() }).nullable(),
  /** Routes a model can be asked on; none: strategies alone. */
  routes: Routes,
  /** The same for each stage of a pipeline. */
  stageRoutes: z.record(z.string(), Routes),
  /** Whether the server knows Crucible's search attributes. */
  searchable: z.boolean(),
  /** Take nothing over from earlier jobs. */
  fresh: z.boolean(),
  /** Stages that are done again where nothing of them was changed. */
  anew: z.array(z.string()).optional(),
  /** How often the job was taken up again after it had ended; what it did before is not done again. */
  resumed: z.number(),
  /** What was spent on it before it was submitted, milliseconds: it counts in its time. */
  spentMs: z.number().nonnegative().optional(),
  /** Of a turn in a conversation: the `Program` that it edits. */
  from: Artifact.optional(),
  /** Of a fork: what it begins with. */
  origin: Origin.optional(),
});
export type JobInput<J extends Job = Job> = Omit<z.infer<typeof JobInput>, 'job'> & { job: J };

/** What a later verification of a job's best is started with. */
export const VerificationInput = JobInput.extend({
  job: z.discriminatedUnion('kind', [OptimizeJob, SolveJob]),
  /** As it was built then, where it was measured. */
  candidate: Candidate,
  /** The speed-up, or the score, that stood; null where checks were passed and nothing is compared. */
  claim: Interval.nullable(),
});
export type VerificationInput = z.infer<typeof VerificationInput>;

/** The candidate that stands as a job's best; `metric` is null where nothing is measured. */
export const BestFound = z.object({ candidate: z.string(), title: z.string(), metric: Interval.nullable() });
export type BestFound = z.infer<typeof BestFound>;

/** How a job ended, small enough for a history. */
export const JobResult = z.object({
  jobId: z.string(),
  status: z.enum(['finished', 'failed', 'cancelled']),
  /** One line: what came out, and before it what was chosen, and found by a later verification. */
  summary: z.string(),
  /** What came out, where `summary` begins with what is known since. */
  found: z.string().optional(),
  /** What a later verification found; missing where there was none. */
  finding: z.string().optional(),
  /** What stands as best by the job's objective. */
  best: BestFound.nullable(),
  /**
   * What a person chose, and the job gives in place of its best. Missing where nothing was chosen, or what does
   * not stand.
   */
  chosen: BestFound.optional(),
  /** Candidates that were refused, without those that crashed or did not build. */
  refused: z.number(),
  /** A `Tree`: what the next stage, or the user, gets. */
  product: Artifact.nullable(),
  /** The HTML report. */
  report: Artifact.nullable(),
  /** Strategies that were not used, and why; missing where none were looked for. */
  notUsed: z.array(NotUsed).optional(),
});
export type JobResult = z.infer<typeof JobResult>;
