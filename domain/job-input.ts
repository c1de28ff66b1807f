import type { Artifact } from './artifact.schema.ts';
import type { Job, OptimizeJob, SolveJob } from './job.schema.ts';
import type { BestFound } from './objective.ts';
import type { NotUsed } from './strategies.schema.ts';

/** What a model is asked for; each role has routes of its own. */
export const roles = ['plan', 'draft', 'debug', 'improve', 'explain'] as const;
export type Role = (typeof roles)[number];

/** Routes, `provider/model`, by role; each list is tried in order. */
export type Routes = Record<Role, string[]>;

/** Strategies alone. */
export const noRoutes: Routes = { plan: [], draft: [], debug: [], improve: [], explain: [] };

/** Why there is a job: a person asked for it, another job needs it as a part, or it tries again what another found. */
export const jobRoles = ['job', 'stage', 'cell', 'turn', 'verification', 'fork'] as const;
export type JobRole = (typeof jobRoles)[number];

/** What a job's workflow is started with: names and numbers, the files as one artifact. */
export interface JobInput<J extends Job = Job> {
  jobId: string;
  /** What the runs of one job have in common, and which run of it this is. */
  series: string;
  run: number;
  storeId: string;
  job: J;
  /** A `Tree` of all files the job names, below the paths it names them by. */
  files: Artifact;
  /** A list of what stands in the folder of the job and is not among those: to tell what a program misses. */
  beside: Artifact;
  role: JobRole;
  /** The job this one belongs to, and as which part of it. */
  parent: { jobId: string; stage: string } | null;
  /** Routes a model can be asked on; none: strategies alone. */
  routes: Routes;
  /** The same for each stage of a pipeline. */
  stageRoutes: Record<string, Routes>;
  /** Whether the server knows Crucible's search attributes. */
  searchable: boolean;
  /** Take nothing over from earlier jobs. */
  fresh: boolean;
  /** How often the job was taken up again after it had ended; what it did before is not done again. */
  resumed: number;
}

/** How a job ended, small enough for a history. */
export interface JobResult {
  jobId: string;
  status: 'finished' | 'failed' | 'cancelled';
  /** One line: what came out, and what a later verification found of that. */
  summary: string;
  /** What came out, where `summary` begins with what a later verification found. */
  found?: string;
  /** What stands as best by the job's objective. */
  best: BestFound | null;
  /** Candidates that were refused, without those that crashed or did not build. */
  refused: number;
  /** A `Tree`: what the next stage, or the user, gets. */
  product: Artifact | null;
  /** The HTML report. */
  report: Artifact | null;
  /** Strategies that were not used, and why; missing where none were looked for. */
  notUsed?: NotUsed[];
}

/** The job a stage is, once it is taken out of its pipeline. */
export type StageJob = OptimizeJob | SolveJob;
