import { setTimeout as wait } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import type { JobInput, JobResult, VerificationInput } from '../../domain/job-input.schema.ts';
import type { Message } from '../../domain/message.schema.ts';
import { endingOf, queues } from '../../domain/queues.ts';
import { bestAttribute, kindAttribute, spendAttribute, statusAttribute } from '../../domain/visibility.ts';
import type { Store } from '../../store/store.ts';
import type { Config } from '../../workers/config.ts';
import { closeEndedJobs } from '../../workers/ended-jobs.ts';
import { expectSigned, signedBy } from '../../workers/signed-payloads.ts';
import { exitStatus } from '../exit-status.ts';
import { UserMistake } from '../terminal.ts';

/** The one place that talks to Temporal. */
export interface JobClient {
  /** Whether the server lists jobs by Crucible's search attributes. */
  readonly searchable: boolean;
  /** Starts the workflow of a job, or attaches to the one that runs under its ID. */
  start(input: JobInput): Promise<void>;
  /** Starts a later verification of a job's best, or attaches to it. */
  verify(input: VerificationInput): Promise<void>;
  result(jobId: string): Promise<JobResult>;
  /** Asks for the end of a job. False where the server does not know it, or it has ended there. */
  cancel(jobId: string): Promise<boolean>;
  /** Tells a running job something; the same ID again counts once. Returns why it was refused, and null where it was accepted. */
  tell(jobId: string, told: { id: string; message: Message }): Promise<string | null>;
  /** Closes jobs that stand open in the ledger though their workflow has ended at the server. */
  closeEnded(store: Store): Promise<void>;
  /** Waits until no workflow runs under the ID; at once where there is none. Throws the signal's reason when aborted. */
  closed(jobId: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const retentionSeconds = 90 * 24 * 60 * 60;

/**
 * Connects to the server at `address` and returns the client. The server is made to know the search attributes,
 * and to keep closed workflows for 90 days. Where it does not allow that, jobs run without. Throws
 * `UserMistake` where no server answers.
 */
export async function connect(
  address: string,
  namespace: string,
  store: Store,
  { access, payloadKeys }: Pick<Config, 'access' | 'payloadKeys'> = { access: {}, payloadKeys: [] },
): Promise<JobClient> {
  const connection = await Connection.connect({ address, connectTimeout: '5s', ...access }).catch(
    (error: unknown) => {
      throw new UserMistake(
        `expected a Temporal server at ${address}, none answered (${firstLine(error)}). Start one with: crucible up`,
        { status: exitStatus.failed },
      );
    },
  );
  const client = new Client({ connection, namespace, dataConverter: signedBy(store, payloadKeys) });
  const searchable = await prepareNamespace(connection, namespace);
  const start = async (workflow: string, input: JobInput): Promise<void> => {
    await client.workflow.start(workflow, {
      workflowId: input.jobId,
      taskQueue: `${queues.orchestrate}${endingOf(store.id)}`,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `${input.job.kind} ${input.job.name}`,
    });
  };
  return {
    searchable,
    start: (input) => start(input.job.kind, input),
    verify: (input) => start('verify', input),
    async result(jobId) {
      const result: JobResult = await client.workflow.getHandle(jobId).result();
      expectSigned(result);
      return result;
    },
    async cancel(jobId) {
      try {
        await client.workflow.getHandle(jobId).cancel();
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    tell: (jobId, told) => tell({ client, store }, jobId, told),
    closeEnded: (store) => closeEndedJobs(store, client.workflow),
    closed: (jobId, signal) => workflowClosed(client, jobId, signal),
    close: () => connection.close(),
  };
}

/** A worker that is started takes so long at most before it hears what a job is told. */
const hearingMs = 60_000;

/** Asks the ledger first. A workflow that went on as new, or has ended, does not know what it took before. */
async function tell(
  { client, store }: { client: Client; store: Store },
  jobId: string,
  { id, message }: { id: string; message: Message },
): Promise<string | null> {
  const taken = async () => (await store.ledger.messages(jobId)).some((each) => each.id === id);
  const until = Date.now() + hearingMs;
  for (;;) {
    if (await taken()) return null;
    try {
      const handle = client.workflow.getHandle(jobId);
      await client.withDeadline(until, () =>
        handle.executeUpdate(message.kind, { args: [message], updateId: id }),
      );
      return null;
    } catch (error) {
      const why = refusedWith(error);
      if (why !== null) return (await taken()) ? null : why;
      // A workflow that goes on as new at this moment, or a worker that is gone: told again, it counts once.
      if (Date.now() + retryMs > until) throw error;
      await wait(retryMs);
    }
  }
}

/** Returns why a workflow does not take a message; null where it gave no answer. */
function refusedWith(error: unknown): string | null {
  if (error instanceof WorkflowUpdateFailedError) return rootCause(error.cause) ?? error.message;
  return error instanceof WorkflowNotFoundError ? 'its workflow has ended' : null;
}

const retryMs = 500;

/** Waits for the workflow of that ID to close, however it ends. */
export async function workflowClosed(client: Client, jobId: string, signal: AbortSignal): Promise<void> {
  try {
    await client.withAbortSignal(signal, () => client.workflow.getHandle(jobId).result());
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Wire values of `temporal.api.enums.v1.IndexedValueType`. */
const indexed = { KEYWORD: 2, DOUBLE: 4 } as const;

/** Registers the search attributes and the retention; whether the server has the attributes now. */
export async function prepareNamespace(connection: Connection, namespace: string): Promise<boolean> {
  const attributes = [kindAttribute, statusAttribute, bestAttribute, spendAttribute];
  const { operatorService, workflowService } = connection;
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = attributes.filter((each) => customAttributes[each.name] === undefined);
    if (missing.length === 0) return true;
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map((each) => [each.name, indexed[each.type as keyof typeof indexed]]),
      ),
    });
    await workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: { seconds: retentionSeconds as never } },
    });
    return true;
  } catch (error) {
    console.error(
      `The server's search attributes can't be set (${firstLine(error)}): its UI lists jobs without them.`,
    );
    return false;
  }
}

/** The first line of what an error says. */
export const firstLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
