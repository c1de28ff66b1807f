import { describe, expect, it } from 'vitest';
import { StoreRefused } from '../../domain/errors.ts';
import { changeLedger, storeIn } from './places.ts';
import { together } from './processes.ts';
import { temporaryFolder, temporaryStore } from './temporary-store.ts';

describe('a store', { timeout: 30_000 }, () => {
  it('is created empty, and is the same when opened again', async () => {
    const folder = await temporaryFolder();
    const first = await storeIn(folder);
    expect(await first.ledger.jobs({ limit: 10 })).toEqual([]);
    await first.ledger.remember('key', { kept: true });
    const artifact = await first.blobs.put('kept');
    await first.close();

    const again = await temporaryStore(folder);
    expect(again.id).toBe(first.id);
    expect(again.secret()).toEqual(first.secret());
    expect(again.secret()).toHaveLength(32);
    expect(await again.ledger.recall('key')).toEqual({ kept: true });
    expect(await again.blobs.text(artifact)).toBe('kept');
  });

  it('opened by many processes at once has one identity; another store has another', async () => {
    const folder = await temporaryFolder();
    const identities = await together<{ id: string; secret: string }>(6, folder, 'identity');
    expect(new Set(identities.map(({ id }) => id)).size).toBe(1);
    expect(new Set(identities.map(({ secret }) => secret)).size).toBe(1);
    const other = await temporaryStore();
    expect(other.id).not.toBe(identities[0]?.id);
    expect(other.secret().toString('hex')).not.toBe(identities[0]?.secret);
  });

  it('written by a newer Crucible is refused in one line, without its password', async () => {
    const folder = await temporaryFolder();
    await (await storeIn(folder)).close();
    await changeLedger(
      folder,
      "insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')",
    );
    const refused = await storeIn(folder).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreRefused);
    expect(String(refused)).toMatch(
      /written by a newer Crucible .*up to 0002-batches, found 9999-later.*: update Crucible/,
    );
    expect(String(refused)).not.toContain('canary');
  });

  it('opened twice in one process waits for itself instead of failing', async () => {
    const folder = await temporaryFolder();
    const first = await temporaryStore(folder);
    const second = await temporaryStore(folder);
    const opened = {
      id: 'solve/a',
      series: 'solve/a',
      run: 1,
      name: 'a',
      kind: 'solve' as const,
      role: 'job' as const,
      input: '0'.repeat(64),
      startedAt: 1,
    };
    const { id } = await first.ledger.openJob(opened);
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? first : second).ledger.say(id, `event-${index}`, 'said', index),
      ),
    );
    expect(await first.ledger.events(id)).toHaveLength(40);
  });
});
