import { setTimeout as wait } from 'node:timers/promises';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { Config } from '../../workers/config.ts';
import { exitStatus } from '../exit-status.ts';
import { findJob } from '../follow/find-job.ts';
import { connect } from '../server/client.ts';
import { running } from '../server/embedded.ts';
import { type CommandContext, UserMistake } from '../terminal.ts';

/** A job that is asked to end closes itself within seconds: its sandboxes are stopped and its report is written. */
const cancelMs = 20_000;

/**
 * Asks a job to end, and says what came of it. It was cancelled, with its best so far, had ended already, or
 * was told, where it takes longer. Throws `UserMistake` where it had ended before, or nothing can be asked.
 */
export async function cancelJob(
  config: Config,
  { store, out, json }: CommandContext,
  text: string,
): Promise<void> {
  const found = await findJob(store, text);
  if (found.status !== 'running') throw new UserMistake(`${found.id} is not running: it is ${found.status}`);
  const now = await running(config.home);
  const address = config.temporalAddress ?? now?.address;
  if (address === undefined)
    throw new UserMistake(`no server runs, so ${found.id} rests. Start it: crucible up, then cancel again`, {
      status: exitStatus.failed,
    });
  const record = await askToEnd(config, store, found, address);
  if (json) return out(JSON.stringify({ jobId: record.id, status: record.status }));
  if (record.status !== 'running') return out(`${record.id} ${endedWords(record, record.status)}`);
  const idle = now?.worker == null && config.temporalAddress === undefined;
  out(
    `${record.id}: the server was told to cancel it, and it has not ended yet${idle ? ': no worker runs, start one with crucible up' : ''}. See: crucible watch ${record.id}`,
  );
}

/** Returns how a job ended, and what there is of it. */
function endedWords({ result }: JobRecord, status: Exclude<JobRecord['status'], 'running'>): string {
  if (status === 'finished') return 'had finished by then';
  if (status === 'failed') return 'failed before it could be cancelled';
  return result?.best == null ? 'is cancelled; what it did is kept' : 'is cancelled; its best so far is kept';
}

/** Cancels at the server; returns the record as it is then, after `cancelMs` at the latest. */
async function askToEnd(config: Config, store: Store, found: JobRecord, address: string): Promise<JobRecord> {
  const client = await connect(address, config.namespace, store, config);
  const look = async (): Promise<JobRecord> => (await store.ledger.job(found.id)) ?? found;
  try {
    await client.closeEnded(store);
    const before = await look();
    if (before.status !== 'running')
      throw new UserMistake(`${before.id} is not running: it is ${before.status}`);
    if (!(await client.cancel(before.id))) {
      await client.closeEnded(store);
      const after = await look();
      if (after.status !== 'running') return after;
      throw new UserMistake(
        `${before.id} is open in the ledger, and the server at ${address} does not know it: another server has it, or this one has lost it. Submit the same job again, which takes it up where it was; then cancel that`,
      );
    }
    const until = Date.now() + cancelMs;
    let record = before;
    while (record.status === 'running' && Date.now() < until) {
      await wait(200);
      record = await look();
    }
    return record;
  } finally {
    await client.close();
  }
}
