import { expect, it } from 'vitest';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

it('a warning is given once, by one of all workers', async () => {
  const folder = await temporaryFolder();
  const workers = await Promise.all(Array.from({ length: 4 }, () => temporaryStore(folder)));
  const given = await Promise.all(workers.map(({ ledger }) => ledger.warnOnce('acme is dear')));
  expect(given.toSorted()).toEqual([false, false, false, true]);
  const { ledger } = await temporaryStore(folder);
  expect(await ledger.warnOnce('acme is dear')).toBe(false);
  expect(await ledger.warnOnce('acme is slow')).toBe(true);
});
