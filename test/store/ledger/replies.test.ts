import { describe, expect, it } from 'vitest';
import { changeLedger } from '../places.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const known = (digit: string): string => digit.repeat(64);

describe('the cache of replies', () => {
  it('gives back what was remembered, in this process and in the next', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    expect(await ledger.recallReply('a')).toBeUndefined();
    await ledger.rememberReply('a', known('a'));
    await ledger.rememberReply('b', known('b'));
    expect(await ledger.recallReply('a')).toEqual(known('a'));

    const other = await temporaryStore(folder);
    expect(await other.ledger.recallReply('a')).toEqual(known('a'));
    expect(await other.ledger.recallReply('b')).toEqual(known('b'));
  });

  it('remembers a reply anew, as after its artifact was damaged', async () => {
    const { ledger } = await temporaryStore();
    await ledger.rememberReply('a', known('a'));
    await ledger.rememberReply('a', known('c'));
    expect(await ledger.recallReply('a')).toEqual(known('c'));
  });

  it('holds the last 128 in memory, and finds the rest in the ledger', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    for (let index = 0; index < 200; index += 1) {
      await ledger.rememberReply(`key-${index}`, known('a'));
      await ledger.recallReply('key-0');
    }
    for (let index = 0; index < 200; index += 1)
      expect(await ledger.recallReply(`key-${index}`)).toEqual(known('a'));

    for (let index = 1; index < 128; index += 1) await ledger.recallReply(`key-${index}`);
    await ledger.recallReply('key-0');
    await changeLedger(folder, 'delete from replies');
    expect(await ledger.recallReply('key-0')).toEqual(known('a'));
    expect(await ledger.recallReply('key-1')).toEqual(known('a'));
    expect(await ledger.recallReply('key-128')).toBeUndefined();
  });
});
