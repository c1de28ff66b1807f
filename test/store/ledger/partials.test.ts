import { expect, it } from 'vitest';
import { temporaryStore } from '../temporary-store.ts';

it('the text so far of a request is replaced as it grows, and gone when it is cleared', async () => {
  const { ledger } = await temporaryStore();
  const partial = { jobId: 'job', route: 'acme/large', text: 'def', at: 1 };
  await ledger.showPartial('b', partial);
  await ledger.showPartial('a', { ...partial, text: 'import', at: 2 });
  await ledger.showPartial('b', { ...partial, text: 'def blur():', at: 3 });
  await ledger.showPartial('c', { ...partial, jobId: 'other' });
  expect(await ledger.partials('job')).toEqual([
    { key: 'a', ...partial, text: 'import', at: 2 },
    { key: 'b', ...partial, text: 'def blur():', at: 3 },
  ]);
  await ledger.clearPartial('a');
  await ledger.clearPartial('a');
  expect(await ledger.partials('job')).toMatchObject([{ key: 'b' }]);
});

it('of a long text the end is shown, without half a character', async () => {
  const { ledger } = await temporaryStore();
  await ledger.showPartial('a', { jobId: 'job', route: 'r', text: `${'😀'.repeat(50_000)}!`, at: 1 });
  const [shown] = await ledger.partials('job');
  expect(shown?.text).toHaveLength(16_000);
  expect(shown?.text.endsWith('😀!')).toBe(true);
  expect(shown?.text.isWellFormed()).toBe(true);
});
