import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Store } from '../store/store.ts';
import { type Config, serverAddress } from './config.ts';
import { closeEndedJobs } from './ended-jobs.ts';
import type { Log } from './log.ts';
import { signedBy } from './signed-payloads.ts';

const everyMs = 10_000;
const atOnce = 20;
/** A workflow closes right after its job; one that is not there by then never will be. */
const patienceMs = 60_000;

/**
 * Closes, now and then, jobs whose workflow has ended without closing them, and keeps the histories of closed jobs. The server forgets those after
 * its retention, and a changed workflow is replayed against them. A server that does not answer is asked again.
 */
export function keepHistories(store: Store, config: Config, log: Log): NodeJS.Timeout {
  const once = async (): Promise<void> => {
    const jobs = await store.ledger.withoutHistory(atOnce);
    const settled = jobs.filter((job) => Date.now() - (job.endedAt ?? 0) > 2_000);
    const open = await store.ledger.openJobs({ limit: 1 });
    if (settled.length + open.length === 0) return;
    const connection = await Connection.connect({ address: serverAddress(config), ...config.access });
    try {
      const { workflow } = new Client({
        connection,
        namespace: config.namespace,
        dataConverter: signedBy(store, config.payloadKeys),
      });
      await closeEndedJobs(store, workflow);
      for (const job of settled) {
        const handle = workflow.getHandle(job.id);
        const found = await handle.describe().catch((error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return null;
          throw error;
        });
        const lost = found === null && Date.now() - (job.endedAt ?? 0) > patienceMs;
        if (found === null && !lost) continue;
        if (found?.status.name === 'RUNNING') continue;
        const history = found === null ? '{"events":[]}' : historyToJSON(await handle.fetchHistory());
        await store.ledger.keepHistory(job.id, await store.blobs.put(history));
      }
    } finally {
      await connection.close();
    }
  };
  let busy = false;
  const look = (): void => {
    if (busy) return;
    busy = true;
    once()
      .catch((error: unknown) => log.warn({ error }, 'keeping histories failed, trying again later'))
      .finally(() => {
        busy = false;
      });
  };
  look();
  return setInterval(look, everyMs);
}
