import type { Store } from '../../store/store.ts';

/**
 * Returns what people told a job and those above it by `asOf`, milliseconds since 1970: a line each, in order.
 * Null where they told nothing.
 */
export async function hintsOf({ ledger }: Store, jobId: string, asOf: number): Promise<string | null> {
  const told: { text: string; at: number }[] = [];
  for (let id: string | null = jobId; id !== null; id = (await ledger.job(id))?.parent ?? null)
    for (const { message, at } of await ledger.messages(id))
      if (message.kind === 'hint' && at <= asOf) told.push({ text: message.text, at });
  return told.length === 0
    ? null
    : told
        .sort((one, other) => one.at - other.at)
        .map(({ text }) => text)
        .join('\n');
}
