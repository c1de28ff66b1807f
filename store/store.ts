import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CamelCasePlugin, type Dialect, Kysely, sql } from 'kysely';
import type { BlobStore } from './blobs.ts';
import { createCachedBlobs } from './cached-blobs.ts';
import { createFileBlobs } from './file-blobs.ts';
import type { Warn } from './ledger/rows.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { LedgerSchema, StoreTable } from './ledger-schema.ts';
import { migrate } from './migrations.ts';
import { createPostgresDialect, shownUrl } from './postgres.ts';
import { type Bucket, createS3Blobs } from './s3-blobs.ts';
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

/** Where a store is kept that is not in a folder of one host. */
export interface SharedPlaces {
  /** `postgres://…`. */
  ledger: string;
  blobs: Bucket | { folder: string };
}

/** What a host keeps of a bucket, in all. */
const copiesBytes = 2 * 2 ** 30;

/**
 * Opens the store in the folder `home`, creating it (for this user only) where there is none: `blobs/` and
 * `ledger.db`. Any number of processes of one host may open it at once. With `shared`, ledger and blobs are
 * there, and hosts may be any. Throws `StoreRefused` where another Crucible wrote it, `StoreUnavailable` where
 * it cannot be reached. `warn` hears of rows that cannot be read, each once. It hears of a host whose clock is
 * not that of the ledger's server, too. With `copies`, this host keeps copies of what it wrote to a bucket, or
 * read from it, below `home`.
 */
export async function openStore(
  home: string,
  {
    warn = console.error,
    shared = null,
    copies = false,
  }: { warn?: Warn; shared?: SharedPlaces | null; copies?: boolean } = {},
): Promise<Store> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const { dialect, where } = dialectOf(home, shared);
  const db = new Kysely<LedgerSchema>({ dialect, plugins: [new CamelCasePlugin()] });
  const isFar = shared !== null && 'url' in shared.blobs;
  const kept = blobsOf(home, shared);
  const blobs = copies && isFar ? createCachedBlobs(kept, join(home, 'blob-copies'), copiesBytes) : kept;
  const close = async (): Promise<void> => {
    await db.destroy();
    await blobs.close();
  };
  try {
    await migrate(db, where);
    if (shared !== null) await compareClocks(db, where, warn);
    const { id, secret } = await identity(db);
    await blobs.claim(id);
    return { id, blobs, ledger: createLedger(db, warn), secret: () => Buffer.from(secret, 'hex'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Hosts whose clocks differ by more begin too early what another has put off. A request to a provider that
 * asked to wait is one.
 */
const clocksDifferMs = 10_000;

/**
 * Warns where this host's clock is not that of the ledger's server. Hosts put off by their own clocks what
 * others begin by theirs.
 */
async function compareClocks(db: Kysely<LedgerSchema>, where: string, warn: Warn): Promise<void> {
  const asked = Date.now();
  const { rows } = await sql<{
    now: number;
  }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db);
  const answered = Date.now();
  const [{ now: theirs } = { now: asked }] = rows;
  // What the answer took is no difference.
  const differsMs = theirs < asked ? asked - theirs : Math.max(0, theirs - answered);
  if (differsMs <= clocksDifferMs) return;
  warn(
    `CRUCIBLE_STORE: this host's clock is ${Math.round(differsMs / 1000)} s ${theirs < asked ? 'ahead of' : 'behind'} that of the server at ${where}: set both by NTP; until then times are wrong, and what is to wait begins too early or too late`,
  );
}

/** Returns how a ledger is spoken to, and its name for people. */
export function dialectOf(home: string, shared: SharedPlaces | null): { dialect: Dialect; where: string } {
  const path = join(home, 'ledger.db');
  return shared === null
    ? { dialect: createSqliteDialect(path), where: path }
    : { dialect: createPostgresDialect(shared.ledger), where: shownUrl(shared.ledger) };
}

export function blobsOf(home: string, shared: SharedPlaces | null): BlobStore {
  if (shared === null) return createFileBlobs(join(home, 'blobs'));
  return 'folder' in shared.blobs ? createFileBlobs(shared.blobs.folder) : createS3Blobs(shared.blobs);
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
