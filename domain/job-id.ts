import type { Artifact } from './artifact.schema.ts';
import type { Job } from './job.schema.ts';

/** The text whose hash tells two jobs apart: all that was asked, without the budget, which may be extended. */
export function identityOf(job: Job, files: Artifact): string {
  const withoutBudget = (key: string, value: unknown): unknown => (key === 'budget' ? undefined : value);
  return `${JSON.stringify(job, withoutBudget)}\n${files}`;
}

/** `optimize/blur/4f2a90c1d7`: the same job asked for again has the same one. `hash` is the SHA-256 of `identityOf`. */
export const jobSeries = (job: Job, hash: string): string => `${job.kind}/${job.name}/${hash.slice(0, 10)}`;

/** The workflow ID of the `run`-th time a series was asked for; it is also the job's ID in the ledger. */
export const jobId = (series: string, run: number): string => `${series}.${run}`;

/** The workflow ID of a pipeline's stage. */
export const stageId = (pipelineId: string, stage: string): string => `${pipelineId}/${stage}`;

/** The workflow ID of the `round`-th time a finished job's best was verified again. */
export const verificationId = (id: string, round: number): string => `${id}/verify-${round}`;
