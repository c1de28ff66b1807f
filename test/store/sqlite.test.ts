import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { StorageFull, StoreRefused } from '../../domain/errors.ts';
import { openStore } from '../../store/store.ts';
import { mayMount, smallDisk } from './small-disk.ts';
import { spending } from './spending.ts';
import { temporaryFolder, temporaryStore } from './temporary-store.ts';

describe('a store in a folder', { timeout: 30_000 }, () => {
  it('is created for its user alone, where there was no folder', async () => {
    const folder = join(await temporaryFolder(), 'new', 'store');
    await (await openStore(folder)).close();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await readdir(folder)).filter((name) => !name.startsWith('ledger.db'))).toEqual(['blobs']);
  });

  it.each([
    [
      'a newer Crucible',
      "insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')",
      /^\S+ledger\.db: written by a newer Crucible .*up to 0002-batches, found 9999-later.*: update Crucible/,
    ],
    [
      'an unreleased Crucible',
      "delete from kysely_migration where name > '0001-ledger'; update kysely_migration set name = '0001-first'; alter table jobs rename column input to job",
      /^\S+ledger\.db: written by a Crucible from before its first release .*found 0001-first.*: move .* or set CRUCIBLE_HOME/,
    ],
  ])(
    'written by %s is refused in one line that says what to do, and left as it was',
    async (_, made, line) => {
      const folder = await temporaryFolder();
      const store = await openStore(folder);
      await store.close();
      const ledger = new DatabaseSync(join(folder, 'ledger.db'));
      ledger.exec(made);
      const whole = () =>
        ['sqlite_master', 'kysely_migration', 'store'].map((table) =>
          ledger.prepare(`select * from ${table} order by 1, 2`).all(),
        );
      const before = whole();
      const refused = await openStore(folder).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(StoreRefused);
      expect(String(refused instanceof Error && refused.message)).toMatch(line);
      expect(whole()).toEqual(before);
      ledger.close();
    },
  );

  it('from before there were batches keeps what it has, and knows them from then on', async () => {
    const folder = await temporaryFolder();
    const store = await openStore(folder);
    await store.ledger.remember('before', 42);
    await store.close();
    const ledger = new DatabaseSync(join(folder, 'ledger.db'));
    ledger.exec('drop table batches; drop table batch_items');
    ledger.exec("delete from kysely_migration where name = '0002-batches'");
    ledger.close();
    const opened = await openStore(folder);
    expect(await opened.ledger.recall('before')).toBe(42);
    const queued = { body: 'a'.repeat(64), bytes: 10 };
    const begun = { key: 'k', jobId: 'j', route: 'acme/m', queued };
    expect(await opened.ledger.startCall(begun)).toEqual({ kind: 'started', request: 1 });
    expect(await opened.ledger.batchItem('k', 1)).toMatchObject({ batchId: null, bytes: 10 });
    await opened.close();
  });

  it('whose ledger is no database is refused by name', async () => {
    const folder = await temporaryFolder();
    await writeFile(
      join(folder, 'ledger.db'),
      'not a database, but long enough to be read as one '.repeat(20),
    );
    await expect(openStore(folder)).rejects.toThrow(/ledger\.db: expected a ledger/);
  });

  it.runIf(mayMount)(
    'on a full disk says StorageFull, loses nothing and goes on when there is room',
    async () => {
      const disk = await smallDisk(2_048);
      const filler = join(disk, 'filler');
      await writeFile(filler, Buffer.alloc(1_000_000));
      const { ledger } = await temporaryStore(join(disk, 'store'));
      const value = (index: number): string => String(index % 10).repeat(50_000);
      const remembered: number[] = [];
      const fill = async (): Promise<void> => {
        for (let index = 0; index < 100; index += 1) {
          await ledger.remember(`key-${index}`, value(index));
          remembered.push(index);
        }
      };
      await expect(fill()).rejects.toThrow(StorageFull);
      expect(remembered.length).toBeGreaterThan(2);
      for (const index of remembered) expect(await ledger.recall(`key-${index}`)).toBe(value(index));
      expect(await ledger.recall(`key-${remembered.length}`)).toBeUndefined();

      await expect(
        ledger.openAccount({ id: 'a', cap: { microUsd: 10, tokens: 10 } }).then(() => spendMuch()),
      ).rejects.toThrow(StorageFull);
      await rm(filler);
      const before = await ledger.account('a');
      await ledger.openAccount({ id: 'a', cap: { microUsd: 10, tokens: 10 } });
      await spending(ledger, 'a', { microUsd: 1, tokens: 1 }, 'after');
      expect((await ledger.account('a'))?.held.tokens).toBe((before?.held.tokens ?? 0) + 1);

      /** A transaction of several statements that runs out of room. */
      async function spendMuch(): Promise<void> {
        for (let index = 0; index < 10_000; index += 1)
          await spending(ledger, 'a', { microUsd: 0, tokens: 0 }, `call-${index}-${'x'.repeat(3_000)}`);
      }
    },
  );
});
