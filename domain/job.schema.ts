import { z } from 'zod';
import { ChatJob } from './kinds/chat.schema.ts';
import { OptimizeJob } from './kinds/optimize.schema.ts';
import { PipelineJob, Stage } from './kinds/pipeline.schema.ts';
import { SolveJob } from './kinds/solve.schema.ts';

export { Budget, Models, ScoreObjective, Strategy, slug, Tolerance } from './job-fields.schema.ts';
export { SafePath } from './safe-path.schema.ts';
export { OutputCheck, type RunCheck, Validator } from './validator.schema.ts';
export { ChatJob, OptimizeJob, PipelineJob, SolveJob, Stage };

/** What a user asks for. `kind` picks the workflow. */
export const Job = z.discriminatedUnion('kind', [OptimizeJob, SolveJob, PipelineJob, ChatJob]);
export type Job = z.infer<typeof Job>;
export type JobKind = Job['kind'];
export type JobOf<K extends JobKind> = Extract<Job, { kind: K }>;

/** A job that is made of no others. */
export type StageJob = Exclude<Job, { kind: 'pipeline' }>;
