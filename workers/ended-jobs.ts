import { type WorkflowClient, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import { forgedReason } from '../domain/forged.ts';
import { JobResult } from '../domain/job-input.schema.ts';
import { objectiveOf } from '../domain/objective.ts';
import { stepKey } from '../domain/step.ts';
import { bestFound, refusedTrials } from '../domain/trial.ts';
import { readInput } from '../store/documents.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';

/** Open jobs that are in memory at once. */
const atOnce = 100;

/**
 * Closes jobs that stand open in the ledger though their workflow has ended. It was terminated, or could not close its job.
 * A job whose workflow the server does not know is left alone: another server may have it.
 */
export async function closeEndedJobs(store: Store, workflow: WorkflowClient): Promise<void> {
  let after: JobRecord | undefined;
  do {
    const page = await store.ledger.openJobs({ after, limit: atOnce });
    for (const job of page) await closeEnded(store, workflow, job);
    after = page.at(-1);
  } while (after !== undefined);
}

async function closeEnded(store: Store, workflow: WorkflowClient, job: JobRecord): Promise<void> {
  const ended = await endOf(workflow, job);
  if (ended === null) return;
  await store.ledger.closeCalls(job.id);
  const trials = (await store.ledger.trials(job.id)).map(({ trial }) => trial);
  // What cannot be read is this job's trouble alone: it is closed without a best.
  const asked = await readInput(store.blobs, job).catch(() => null);
  const best = asked === null ? null : bestFound(trials, objectiveOf(asked.job));
  const result: JobResult = {
    jobId: job.id,
    ...ended,
    best,
    refused: refusedTrials(trials).length,
    ...{ product: null, report: null },
  };
  const closed = await store.ledger.closeJob(
    job.id,
    {
      status: ended.status,
      endedAt: Date.now(),
      result,
      best: best?.metric?.value ?? null,
    },
    // A job that was taken up again meanwhile is another matter.
    { input: job.input },
  );
  if (closed)
    await store.ledger.say(
      job.id,
      stepKey({ jobId: job.id, step: `ended/${job.input}` }),
      `${ended.status}: ${ended.summary}`,
      Date.now(),
    );
}

/** How the workflow of an open job ended; null where it goes on, or is not known. */
async function endOf(
  workflow: WorkflowClient,
  { id }: JobRecord,
): Promise<Pick<JobResult, 'status' | 'summary'> | null> {
  const handle = workflow.getHandle(id);
  try {
    const { status } = await handle.describe();
    switch (status.name) {
      case 'COMPLETED':
        return await finished(handle);
      case 'FAILED':
        return { status: 'failed', summary: await failureOf(handle) };
      case 'CANCELLED':
        return { status: 'cancelled', summary: 'cancelled' };
      case 'TERMINATED':
        return { status: 'cancelled', summary: 'its workflow was terminated at the server' };
      case 'TIMED_OUT':
        return { status: 'failed', summary: 'its workflow ran out of time' };
      default:
        return null;
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** A result that is not signed is somebody else's word. */
async function finished(handle: {
  result(): Promise<unknown>;
}): Promise<Pick<JobResult, 'status' | 'summary'>> {
  const result = await handle.result();
  const forged = forgedReason(result);
  return forged === null
    ? { status: 'finished', summary: JobResult.parse(result).summary }
    : { status: 'failed', summary: forged };
}

async function failureOf(handle: { result(): Promise<unknown> }): Promise<string> {
  const failure = await handle.result().then(
    () => undefined,
    (error: unknown) => error,
  );
  const cause = failure instanceof WorkflowFailedError ? failure.cause : failure;
  return rootCause(cause) ?? String(cause);
}
