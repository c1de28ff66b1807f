import { z } from 'zod';
import { ChatJob } from './kinds/chat.schema.ts';
import { ExperimentJob } from './kinds/experiment.schema.ts';
import { FitJob } from './kinds/fit.schema.ts';
import { OptimizeJob } from './kinds/optimize.schema.ts';
import { PipelineJob } from './kinds/pipeline.schema.ts';
import { SolveJob } from './kinds/solve.schema.ts';

/** What a user asks for. `kind` picks the workflow. */
export const Job = z.discriminatedUnion('kind', [
  OptimizeJob,
  SolveJob,
  PipelineJob,
  ChatJob,
  ExperimentJob,
  FitJob,
]);
export type Job = z.infer<typeof Job>;
export type JobKind = Job['kind'];
export type JobOf<K extends JobKind> = Extract<Job, { kind: K }>;

/** A job that is made of no others. */
export type StageJob = Exclude<Job, { kind: 'pipeline' | 'experiment' }>;
