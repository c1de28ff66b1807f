import { type Said, stillStands } from '../../domain/session.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { readSession } from '../../record/session.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

/** Turns that are told, the last ones. */
const mostTurns = 20;
/** Files of a turn that are named. */
const mostNamed = 8;

/**
 * Returns what was said before a turn of a conversation, and what came of it: a line each, in order. Null for
 * any other job.
 */
export async function conversationOf(store: Store, jobId: string): Promise<string | null> {
  const turn = await store.ledger.job(jobId);
  if (turn?.role !== 'turn' || turn.parent === null) return null;
  const whole = await store.ledger.job(turn.parent);
  if (whole === undefined) return null;
  const session = await readSession(store, whole);
  const before = session.said.filter((each) => each.told !== session.next?.told);
  const told = before.slice(-mostTurns);
  const lines = await Promise.all(
    told.map(async (each) => `${await lineOf(store, each)}${takenBack(each) ? ' This was taken back.' : ''}`),
  );
  return [
    ...(before.length > told.length ? [`${before.length - told.length} turns before`] : []),
    ...lines,
  ].join('\n');

  function takenBack(each: Said): boolean {
    return each.end?.kind === 'done' && each.turn !== null && !stillStands(session, each);
  }
}

async function lineOf({ blobs }: Store, { turn, text, end }: Said): Promise<string> {
  const asked = turn === null ? 'Files' : `Asked: ${text.replace(/\s+/g, ' ')} →`;
  if (end?.kind !== 'done') return `${asked} failed, nothing changed: ${end?.why ?? ''}`;
  const written = Object.entries(await readTree(blobs, end.written));
  const named = await Promise.all(
    written.slice(0, mostNamed).map(async ([path, artifact]) => {
      const facts = await fileFacts(blobs, path, artifact);
      return facts === null ? path : `${path} (${facts})`;
    }),
  );
  const more = written.length > named.length ? ` and ${written.length - named.length} more` : '';
  return `${asked} ${end.note}${turn === null ? '' : `; it wrote ${named.join(', ')}${more}`}.`;
}
