import { cellsOf, jobOfCell } from '../cells.ts';
import type { Job, JobKind, JobOf, StageJob } from '../job.schema.ts';
import { chat } from './chat.ts';
import type { ExperimentJob } from './experiment.schema.ts';
import { experiment } from './experiment.ts';
import { fit } from './fit.ts';
import type { Kind } from './kind.ts';
import { optimize } from './optimize.ts';
import type { Stage } from './pipeline.schema.ts';
import { pipeline } from './pipeline.ts';
import { solve } from './solve.ts';

/** Every kind of job. Whatever else needs to know of a kind asks here; the compiler says what a new one lacks. */
export const kinds = { optimize, solve, pipeline, chat, experiment, fit } satisfies {
  [K in JobKind]: Kind<JobOf<K>>;
};

/** The names of all kinds. */
export const kindNames = Object.keys(kinds).filter((name): name is JobKind => Object.hasOwn(kinds, name));

/** Returns what there is to know of a job's kind. */
export const kindOf = ({ kind }: Pick<Job, 'kind'>): Kind<Job> => kinds[kind];

/** Returns the kinds that people talk to. */
export const talkingKinds = (): JobKind[] => kindNames.filter((kind) => kinds[kind].talks ?? false);

/** Returns the jobs a job is made of; none where it is tried by itself. */
export const stagesOf = (job: Job): readonly Stage[] => kindOf(job).stages(job);

/** Returns whether a job is tried by itself, and can be a stage. */
export const isPart = (job: Job): job is StageJob => job.kind !== 'pipeline' && job.kind !== 'experiment';

/** Returns a job whose parts are the cells of a grid; null for any other. */
export const gridIn = (job: Job): ExperimentJob | null => (job.kind === 'experiment' ? job : null);

/** Returns how a part of a job is called that has candidates where the job itself has none. */
export const partWords = (job: Job): string =>
  gridIn(job) === null ? 'one of its stages, as in JOB/STAGE' : 'one of its cells, as in JOB/CELL';

/**
 * A job that is tried by itself, and the fields that lead to it. They are none, those of a stage, or those of a
 * cell.
 */
export interface Part {
  part: StageJob;
  path: (string | number)[];
}

/**
 * Returns the job itself or, where it is made of others, each of those. Of cells that name the same files and
 * ask the same models the first.
 */
export function partsOf(job: Job): Part[] {
  if (isPart(job)) return [{ part: job, path: [] }];
  if (job.kind === 'pipeline') return job.stages.map((part, index) => ({ part, path: ['stages', index] }));
  const parts = new Map<string, StageJob>();
  for (const cell of cellsOf(job)) {
    const part = jobOfCell(job, cell);
    const key = JSON.stringify([kindOf(part).files(part), kindOf(part).asking(part), part.budget.usd]);
    if (!parts.has(key)) parts.set(key, part);
  }
  return [...parts.values()].map((part) => ({ part, path: ['cell'] }));
}

/**
 * Returns the same job with what `change` makes of it. Where it is made of others, each of those is changed.
 */
export function withParts(job: Job, change: <P extends StageJob>(part: P) => P): Job {
  if (isPart(job)) return change(job);
  return job.kind === 'pipeline'
    ? { ...job, stages: job.stages.map((stage) => change(stage)) }
    : { ...job, cell: change(job.cell) };
}
