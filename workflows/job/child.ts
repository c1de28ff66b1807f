import { CancellationScope, startChild, TemporalFailure } from '@temporalio/workflow';
import type { Job, StageJob } from '../../domain/job.schema.ts';
import { stageId } from '../../domain/job-id.ts';
import type { JobInput, JobResult, Routes } from '../../domain/job-input.schema.ts';
import type { Extension, Told } from '../../domain/message.schema.ts';
import { type RunningJob, reasonOf } from './frame.ts';
import { steerSignal } from './steering.ts';

/** How a child ended. Whether its parent ends with it is the parent's to decide. */
export type ChildEnd = { kind: 'done'; result: JobResult } | { kind: 'failed'; why: string };

export interface NewChild {
  /** What the child is: a stage of a pipeline, a turn of a conversation, or a cell of an experiment. */
  as: 'stage' | 'turn' | 'cell';
  /** Tells it from its siblings. */
  name: string;
  job: StageJob;
  /** A `Tree`. */
  files: string;
  routes: Routes;
  /** The program it edits, a `Program`; null where it begins one. */
  from?: string | null;
}

/** Runs a job below another and returns how it ended; one that is given up has failed. Throws only where the parent itself is to end. */
export async function runChild<J extends Job>(
  { input, steering, children }: RunningJob<J>,
  { as, name, job, files, routes, from = null }: NewChild,
): Promise<ChildEnd> {
  const workflowId = stageId(input.jobId, name);
  const child: JobInput<StageJob> = {
    ...input,
    ...{ jobId: workflowId, series: workflowId, run: 1 },
    ...{ job: extended(job, steering.budget), files, routes, stageRoutes: {} },
    ...(from === null ? {} : { from }),
    role: as,
    parent: { jobId: input.jobId, stage: name },
  };
  await steering.going();
  const underWay = new CancellationScope();
  try {
    return await underWay.run(start);
  } catch (error) {
    unlessBug(error);
    if (CancellationScope.current().consideredCancelled) throw error;
    return { kind: 'failed', why: underWay.consideredCancelled ? 'it was given up' : reasonOf(error) };
  }

  async function start(): Promise<ChildEnd> {
    const handle = await startChild<(input: JobInput<StageJob>) => Promise<JobResult>>(job.kind, {
      workflowId,
      staticSummary: `${as} ${name} (${job.kind})`,
      // A child whose parent failed beside it closes itself in the ledger.
      parentClosePolicy: 'REQUEST_CANCEL',
      // Somebody may wait for any other job.
      ...(as === 'cell' ? { priority: { priorityKey: 4 } } : {}),
      args: [child],
    });
    // One that has ended has nothing to be told.
    const pass = async (told: Told): Promise<void> =>
      told.message.kind === 'stop' ? underWay.cancel() : handle.signal(steerSignal, told).catch(unlessBug);
    children.add(pass);
    try {
      if (steering.paused) await pass({ id: `${name}/paused`, message: { kind: 'pause' }, at: Date.now() });
      return { kind: 'done', result: await handle.result() };
    } finally {
      children.delete(pass);
    }
  }
}

function unlessBug(error: unknown): void {
  if (!(error instanceof TemporalFailure)) throw error;
}

/** The job with the trials and the time that its parent was extended by. */
function extended(job: StageJob, { trials = 0, wallMs = 0 }: Extension): StageJob {
  const { budget } = job;
  return {
    ...job,
    budget: {
      ...budget,
      trials: Math.max(budget.trials, trials),
      wallMs: Math.max(budget.wallMs, wallMs),
    },
  };
}
