import { setTimeout as wait } from 'node:timers/promises';
import type { Conversation } from '../../domain/session.ts';
import { readSession } from '../../record/session.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { UserMistake } from '../terminal.ts';

/** Between two looks at the ledger. */
export const lookMs = 250;

/** Waits until a worker has opened a job. */
export async function openedJob({ ledger }: Store, id: string, signal: AbortSignal): Promise<JobRecord> {
  for (;;) {
    const record = await ledger.job(id);
    if (record !== undefined) return record;
    await wait(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/**
 * Waits until a conversation has done what the message `told` says, and returns how it stands then. `meanwhile`
 * is called at each look. Throws `UserMistake` where the conversation ends before.
 */
export async function untilDone(
  store: Store,
  id: string,
  told: string,
  signal: AbortSignal,
  meanwhile: (now: Conversation) => Promise<void> = async () => undefined,
): Promise<Conversation> {
  for (;;) {
    const record = await openedJob(store, id, signal);
    // Read first: how it stands then is with that message, where it is taken.
    const taken = (await store.ledger.messages(id)).find((each) => each.id === told)?.message.kind;
    const now = await readSession(store, record);
    await meanwhile(now);
    if (now.said.some((each) => each.told === told)) return now;
    // What is no turn is done once it is taken, and nothing before it is under way.
    if (taken !== undefined && taken !== 'turn' && taken !== 'put' && now.next === null) return now;
    if (record.status !== 'running')
      throw new UserMistake(`${id} is ${record.status}: go on with crucible chat ${id}`);
    await wait(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
