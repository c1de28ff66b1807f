import { z } from 'zod';
import { OptimizeJob } from './kinds/optimize.schema.ts';
import { PipelineJob, Stage } from './kinds/pipeline.schema.ts';
import { SolveJob } from './kinds/solve.schema.ts';

export { Budget, Models, SafePath, Strategy, slug, Tolerance, Validator } from './job-fields.schema.ts';
export { OptimizeJob, PipelineJob, SolveJob, Stage };

/** What a user asks for. `kind` picks the workflow. */
export const Job = z.discriminatedUnion('kind', [OptimizeJob, SolveJob, PipelineJob]);
export type Job = z.infer<typeof Job>;
export type JobKind = Job['kind'];
export type JobOf<K extends JobKind> = Extract<Job, { kind: K }>;

/** The job a stage is, once it is taken out of its pipeline. */
export type StageJob = JobOf<Stage['kind']>;
