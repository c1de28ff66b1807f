import type { Artifact } from './artifact.schema.ts';
import type { Job } from './job.schema.ts';
import type { Origin } from './job-input.schema.ts';

/** Returns the text whose hash tells two jobs apart: all that was asked, without the budget, which may be extended. */
export function identityOf(job: Job, files: Artifact): string {
  const withoutBudget = (key: string, value: unknown): unknown => (key === 'budget' ? undefined : value);
  return `${JSON.stringify(job, withoutBudget)}\n${files}`;
}

/** Returns the same of a fork: all that was asked, what it goes on from, and what models are told. */
export const forkIdentity = (
  job: Job,
  files: Artifact,
  { jobId, from, hint }: Pick<Origin, 'jobId' | 'from' | 'hint'>,
): string => `${identityOf(job, files)}\n${JSON.stringify([jobId, from, hint])}`;

/** `optimize/blur/4f2a90c1d7`: the same job asked for again has the same one. `hash` is the SHA-256 of `identityOf`. */
export const jobSeries = (job: Job, hash: string): string => `${job.kind}/${job.name}/${hash.slice(0, 10)}`;

/**
 * Returns the workflow ID of the `run`-th time a series was asked for. It is also the job's ID in the ledger.
 */
export const jobId = (series: string, run: number): string => `${series}.${run}`;

/** Returns the workflow ID of a pipeline's stage. */
export const stageId = (pipelineId: string, stage: string): string => `${pipelineId}/${stage}`;

/** Returns what the verifications of a job's best have in common: they are the runs of one series. */
export const verificationSeries = (id: string): string => `${id}/verify`;

/** Returns the workflow ID of the `round`-th time a finished job's best was verified again. */
export const verificationId = (id: string, round: number): string => `${verificationSeries(id)}-${round}`;

/** A job's ID, taken apart. */
export interface JobIdParts {
  /** The job that this one belongs to, `pipeline/start/4f2a90c1d7.1`; itself where it belongs to none. */
  top: string;
  kind: string;
  name: string;
  /** Its place below `top`: names of stages, and `verify-1`. */
  below: string[];
}

/** `kind/name/hash.run`, then what belongs to it. */
const topParts = 3;

/** Takes a job's ID apart. */
export function parseJobId(id: string): JobIdParts {
  const parts = id.split('/');
  const [kind = '', name = id] = parts;
  return { top: parts.slice(0, topParts).join('/'), kind, name, below: parts.slice(topParts) };
}

/** Returns the ID of the job that this one is a stage or a verification of. Null where it stands alone. */
export function parentId(id: string): string | null {
  const { top, below } = parseJobId(id);
  return below.length === 0 ? null : [top, ...below.slice(0, -1)].join('/');
}
