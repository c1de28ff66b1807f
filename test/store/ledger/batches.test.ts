import { expect, it } from 'vitest';
import type { Ledger } from '../../../store/ledger.ts';
import { temporaryStore } from '../temporary-store.ts';

const body = 'b'.repeat(64);
const most = { items: 1_000, bytes: 1_000 };

async function queue(ledger: Ledger, names: readonly string[], bytes = 10, now = 1_000): Promise<void> {
  for (const key of names)
    await ledger.startCall({ key, jobId: `job-${key}`, route: 'acme/m', queued: { body, bytes }, now });
}
const gather = (ledger: Ledger, more: object = {}) =>
  ledger.gatherBatch({ route: 'acme/m', waitedSince: 1_000, most, now: 2_000, holdMs: 500, ...more });

it('an item comes into one batch, whoever gathers at once', async () => {
  const { ledger } = await temporaryStore();
  await queue(ledger, ['a', 'b', 'c', 'd', 'e']);
  const gathered = await Promise.all(Array.from({ length: 4 }, () => gather(ledger)));
  const made = gathered.filter((id) => id !== null);
  const items = (await Promise.all(made.map((id) => ledger.itemsOfBatch(id)))).flat();
  expect(items.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const id of made) expect((await ledger.itemsOfBatch(id)).length).toBeGreaterThan(0);
});

it('waits for more, unless as much waits as one takes', async () => {
  const { ledger } = await temporaryStore();
  await queue(ledger, ['a', 'b'], 400);
  expect(await gather(ledger, { waitedSince: 999 })).toBeNull();
  expect(await gather(ledger, { route: 'acme/other' })).toBeNull();
  await queue(ledger, ['c'], 400);
  const id = await gather(ledger, { waitedSince: 999 });
  expect((await ledger.itemsOfBatch(id ?? '')).map(({ key }) => key).sort()).toEqual(['a', 'b']);
  const full = await gather(ledger, { waitedSince: 999, most: { items: 1, bytes: 10 } });
  expect(await ledger.itemsOfBatch(full ?? '')).toMatchObject([{ key: 'c' }]);
});

it('one alone acts on a batch, until it lets go or its time is over', async () => {
  const { ledger } = await temporaryStore();
  await queue(ledger, ['a']);
  const id = (await gather(ledger)) ?? '';
  expect(await ledger.holdBatch(id, 2_400, 500)).toBe(false);
  expect(await ledger.holdBatch(id, 2_500, 500)).toBe(true);
  expect(await ledger.holdBatch(id, 2_600, 500)).toBe(false);
  expect(await ledger.batchSubmitted(id, 'theirs', 3_000)).toBe(true);
  expect(await ledger.batchSubmitted(id, 'again', 3_000)).toBe(false);
  expect(await ledger.batch(id)).toMatchObject({ name: 'theirs', status: 'submitted', lookAt: 3_000 });
});

it('what is queued is not lost, takes no place, and waits again where its batch is refused', async () => {
  const { ledger } = await temporaryStore();
  const limits = { requestsPerMinute: null, tokensPerMinute: null, inFlight: 1 };
  await queue(ledger, ['a', 'b']);
  const admission = { provider: 'acme', limits, tokens: 1 };
  const now = 1_000 + 100 * 60 * 60_000;
  const sent = { key: 'sent', jobId: 'job', route: 'acme/m', admission };
  expect(await ledger.startCall({ ...sent, now })).toMatchObject({ kind: 'started' });
  expect(await ledger.startCall({ ...sent, key: 'second', now: now + 1 })).toMatchObject({ kind: 'wait' });
  expect(await ledger.requestsOf('a')).toMatchObject([{ status: 'queued' }]);
  // Asked for again, it is the one that waits.
  await queue(ledger, ['a']);
  expect(await ledger.requestsOf('a')).toHaveLength(1);
  const id = (await gather(ledger)) ?? '';
  await ledger.closeCalls('job-b');
  await ledger.dissolveBatch(id);
  expect(await ledger.batch(id)).toBeUndefined();
  const again = await gather(ledger);
  expect(await ledger.itemsOfBatch(again ?? '')).toMatchObject([{ key: 'a' }]);
});
