import { CancellationScope, executeChild, TemporalFailure } from '@temporalio/workflow';
import type { Job } from '../../domain/job.schema.ts';
import { stageId } from '../../domain/job-id.ts';
import type { JobInput, JobResult, Routes, StageJob } from '../../domain/job-input.ts';
import { type RunningJob, reasonOf } from './frame.ts';

/** How a child ended. Whether its parent ends with it is the parent's to decide. */
export type ChildEnd = { kind: 'done'; result: JobResult } | { kind: 'failed'; why: string };

export interface NewChild {
  /** What the child is to its parent: a stage of a pipeline. */
  as: 'stage';
  /** Tells it from its siblings. */
  name: string;
  job: StageJob;
  /** A `Tree`. */
  files: string;
  routes: Routes;
}

/** Runs a job below another and returns how it ended. Throws only where the parent itself is to end. */
export async function runChild<J extends Job>(
  { input }: RunningJob<J>,
  { as, name, job, files, routes }: NewChild,
): Promise<ChildEnd> {
  const workflowId = stageId(input.jobId, name);
  const child: JobInput<StageJob> = {
    ...input,
    ...{ jobId: workflowId, series: workflowId, run: 1 },
    ...{ job, files, routes, stageRoutes: {} },
    role: as,
    parent: { jobId: input.jobId, stage: name },
  };
  try {
    const result = await executeChild<(input: JobInput<StageJob>) => Promise<JobResult>>(job.kind, {
      workflowId,
      staticSummary: `${as} ${name} (${job.kind})`,
      // A child whose parent failed beside it closes itself in the ledger.
      parentClosePolicy: 'REQUEST_CANCEL',
      args: [child],
    });
    return { kind: 'done', result };
  } catch (error) {
    if (!(error instanceof TemporalFailure) || CancellationScope.current().consideredCancelled) throw error;
    return { kind: 'failed', why: reasonOf(error) };
  }
}
