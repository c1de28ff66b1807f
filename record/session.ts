import { SaidEnd } from '../domain/session.schema.ts';
import { type Conversation, sessionOf } from '../domain/session.ts';
import { readInput } from '../store/documents.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';

/** Reads how a conversation stands, as the ledger knows it. */
export async function readSession(
  { blobs, ledger }: Store,
  record: Pick<JobRecord, 'id' | 'input'>,
): Promise<Conversation> {
  const [{ files }, told, steps] = await Promise.all([
    readInput(blobs, record),
    ledger.messages(record.id),
    ledger.steps(record.id, 'turn'),
  ]);
  const ended = steps.flatMap(({ end }) => (end.kind === 'done' ? [SaidEnd.parse(end.result)] : []));
  return sessionOf(files, told, ended);
}
