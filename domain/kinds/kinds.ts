import type { Job, JobKind, JobOf, StageJob } from '../job.schema.ts';
import { chat } from './chat.ts';
import type { Kind } from './kind.ts';
import { optimize } from './optimize.ts';
import type { Stage } from './pipeline.schema.ts';
import { pipeline } from './pipeline.ts';
import { solve } from './solve.ts';

/** Every kind of job. Whatever else needs to know of a kind asks here; the compiler says what a new one lacks. */
export const kinds = { optimize, solve, pipeline, chat } satisfies { [K in JobKind]: Kind<JobOf<K>> };

/** Returns what there is to know of a job's kind. */
export const kindOf = ({ kind }: Pick<Job, 'kind'>): Kind<Job> => kinds[kind];

/** Returns the jobs a job is made of; none where it is tried by itself. */
export const stagesOf = (job: Job): readonly Stage[] => kindOf(job).stages(job);

/** Returns whether a job is tried by itself, and can be a stage. */
export const isPart = (job: Job): job is StageJob => job.kind !== 'pipeline';

/** A job that is tried by itself, and the fields that lead to it: none, or those of a stage. */
export interface Part {
  part: StageJob;
  path: (string | number)[];
}

/** Returns the job itself or, where it is made of others, each of those. */
export const partsOf = (job: Job): Part[] =>
  isPart(job)
    ? [{ part: job, path: [] }]
    : job.stages.map((part, index) => ({ part, path: ['stages', index] }));

/** Returns the same job with what `change` makes of it or, where it is made of others, of each of those. */
export const withParts = (job: Job, change: <P extends StageJob>(part: P) => P): Job =>
  isPart(job) ? change(job) : { ...job, stages: job.stages.map((stage) => change(stage)) };
