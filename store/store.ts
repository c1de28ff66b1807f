import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CamelCasePlugin, Kysely } from 'kysely';
import type { BlobStore } from './blobs.ts';
import { createFileBlobs, removeAbandoned } from './file-blobs.ts';
import type { Warn } from './ledger/rows.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { LedgerSchema, StoreTable } from './ledger-schema.ts';
import { migrate } from './migrations.ts';
import { createSqliteDialect } from './sqlite.ts';

/** All that Crucible remembers. `id` tells stores apart: a job belongs to one. */
export interface Store {
  readonly id: string;
  readonly blobs: BlobStore;
  readonly ledger: Ledger;
  /** 32 bytes no candidate and no model ever sees: what the seeds of hidden inputs are made from. */
  secret(): Buffer;
  close(): Promise<void>;
}

/**
 * Opens the store in `folder`, creating it (for this user only) where there is none: `blobs/` and `ledger.db`.
 * Any number of processes of one host may open it at once. Throws `StoreRefused` where another Crucible wrote it.
 * `warn` hears of rows that cannot be read, each once.
 */
export async function openStore(folder: string, warn: Warn = console.error): Promise<Store> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ledgerPath = join(folder, 'ledger.db');
  const db = new Kysely<LedgerSchema>({
    dialect: createSqliteDialect(ledgerPath),
    plugins: [new CamelCasePlugin()],
  });
  try {
    await migrate(db, ledgerPath);
    const { id, secret } = await identity(db);
    const blobFolder = join(folder, 'blobs');
    await removeAbandoned(blobFolder);
    return {
      id,
      blobs: createFileBlobs(blobFolder),
      ledger: createLedger(db, warn),
      secret: () => Buffer.from(secret, 'hex'),
      close: () => db.destroy(),
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Returns the store's own row; of several processes that find none, the first to insert decides. */
async function identity(db: Kysely<LedgerSchema>): Promise<StoreTable> {
  await db
    .insertInto('store')
    .values({
      only: 1,
      id: randomUUID(),
      secret: randomBytes(32).toString('hex'),
      createdAt: Date.now(),
    })
    .onConflict((conflict) => conflict.column('only').doNothing())
    .execute();
  return db.selectFrom('store').selectAll().executeTakeFirstOrThrow();
}
