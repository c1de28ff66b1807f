import type { Client } from '@temporalio/client';
import { z } from 'zod';

/** What the histories of a job say of its life. The server wrote them, in the order things came. */
export interface Life {
  /** Workflow runs, those it went on as new in counted too. */
  histories: number;
  /** Times it was begun: at first, and whenever it was taken up again. */
  begun: number;
  /** Times it ended as cancelled. */
  cancelled: number;
  pauses: number;
  /** Steps that were begun in a pause though they belong to a candidate of which there was none before; as they are in the history. */
  begunWhilePaused: string[];
  /** Candidates that were begun outside of pauses. */
  candidates: number;
}

const Step = z.object({ step: z.string() });

/** Reads a job's life from its histories: all its runs, each activity between a pause and what ends it. */
export async function lifeOf({ workflow }: Client, jobId: string): Promise<Life> {
  const runs: { runId: string; startTime: Date }[] = [];
  for await (const run of workflow.list({ query: `WorkflowId = '${jobId}'` })) runs.push(run);
  runs.sort((one, other) => one.startTime.getTime() - other.startTime.getTime());
  const life: Life = {
    ...{ histories: runs.length, begun: 0, cancelled: 0, pauses: 0 },
    ...{ begunWhilePaused: [], candidates: 0 },
  };
  const known = new Set<string>();
  let paused = false;
  for (const { runId } of runs) {
    // Of a candidate that was decided on in an earlier run only its own run says that it was begun.
    const begun = new Set<string>();
    const { events } = await workflow.getHandle(jobId, runId).fetchHistory();
    for (const event of events ?? []) {
      const started = event.workflowExecutionStartedEventAttributes;
      if (started != null && !started.continuedExecutionRunId) {
        life.begun += 1;
        paused = false;
      }
      if (event.workflowExecutionCanceledEventAttributes != null) life.cancelled += 1;
      const told = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name;
      if (told === 'pause') life.pauses += 1;
      if (told === 'pause' || told === 'resume') paused = told === 'pause';
      const scheduled = event.activityTaskScheduledEventAttributes;
      const step = stepIn(scheduled?.input?.payloads?.[0]?.data);
      const [candidate] = /^c-\d+/.exec(step) ?? [];
      if (candidate === undefined || begun.has(candidate)) continue;
      begun.add(candidate);
      known.add(candidate);
      if (paused) life.begunWhilePaused.push(`${scheduled?.activityType?.name} ${step}`);
    }
  }
  return { ...life, candidates: known.size };
}

/** Returns the step that an activity was asked for; nothing where it names none. */
function stepIn(data: Uint8Array | null | undefined): string {
  if (data == null) return '';
  return Step.safeParse(JSON.parse(Buffer.from(data).toString('utf8'))).data?.step ?? '';
}
