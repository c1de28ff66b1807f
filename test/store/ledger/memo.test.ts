import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadTooLarge } from '../../../domain/errors.ts';
import { temporaryStore } from '../temporary-store.ts';

describe('the memo', () => {
  it('gives back any JSON value under its key, and the latest where there were several', async () => {
    const { ledger } = await temporaryStore();
    expect(await ledger.recall('unknown')).toBeUndefined();
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.jsonValue(), async (key, value) => {
        await ledger.remember(key, 'older');
        await ledger.remember(key, value);
        expect(await ledger.recall(key)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what belongs in an artifact', async () => {
    const { ledger } = await temporaryStore();
    await expect(ledger.remember('large', 'x'.repeat(70_000))).rejects.toThrow(PayloadTooLarge);
    expect(await ledger.recall('large')).toBeUndefined();
  });
});
