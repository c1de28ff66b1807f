import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CamelCasePlugin, Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { StoreRefused } from '../domain/errors.ts';
import type { BlobStore } from './blobs.ts';
import type { LedgerSchema } from './ledger-schema.ts';
import { migrate } from './migrations.ts';
import { blobsOf, dialectOf, type SharedPlaces } from './store.ts';

/** A store: in the folder `home`, or on servers. */
export interface StorePlace {
  home: string;
  shared: SharedPlaces | null;
}

/** What was copied, and what was found there by an earlier copy. */
export interface Copied {
  id: string;
  rows: number;
  artifacts: number;
  bytes: number;
  thereBefore: number;
  /** Jobs that were running by the ledger. They go on from the copy where the Temporal server is the same. */
  running: number;
}

/** The tables with their keys, by the names they have in the database. */
const keys = {
  store: ['only'],
  jobs: ['id'],
  steps: ['key'],
  memo: ['content_key'],
  trials: ['job_id', 'position', 'candidate_id', 'purpose'],
  decisions: ['job_id', 'number'],
  messages: ['job_id', 'id'],
  events: ['job_id', 'key'],
  modelCalls: ['key', 'request'],
  accounts: ['id'],
  holds: ['id'],
  providers: ['provider'],
  routes: ['route'],
  replies: ['cache_key'],
  partials: ['key'],
  turns: ['key', 'since'],
  batches: ['id'],
  batchItems: ['id'],
} satisfies Record<keyof LedgerSchema, string[]>;

const tables = Object.entries(keys).map(([name, key]) => ({
  name: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  key,
}));

type Row = Record<string, string | number | null>;
type Database = Kysely<Record<string, Row>>;

/** Rows that are held at once. */
const page = 200;
/** Blobs that are copied at once. */
const atOnce = 6;

/**
 * Copies a store, its identity included, to a place where there is none, or an earlier copy of it. Nobody
 * changes either meanwhile. Blobs go first; rows in one transaction, whose counts and hashes are compared
 * before it is committed. Returns what was copied. May be done again after it was ended at any time. Throws
 * `StoreRefused` where there is another store, or one that has gone on by itself.
 */
export async function copyStore(
  from: StorePlace,
  to: StorePlace,
  said: (artifacts: number) => void = () => {},
): Promise<Copied> {
  if (from.shared === null)
    await access(join(from.home, 'ledger.db')).catch((cause: unknown) => {
      throw new StoreRefused(`${from.home}: expected a store there, found no ledger.db`, { cause });
    });
  if (to.shared === null) await mkdir(to.home, { recursive: true, mode: 0o700 });
  const [source, target] = [databaseAt(from), databaseAt(to)];
  const [taken, given] = [blobsOf(from.home, from.shared), blobsOf(to.home, to.shared)];
  try {
    for (const [db, place] of [[source, from] as const, [target, to] as const])
      await migrate(db.withPlugin(new CamelCasePlugin()), dialectOf(place.home, place.shared).where);
    const id = await expectSame(source, target, to);
    await given.claim(id);
    const blobs = await copyBlobs(taken, given, said);
    const rows = await target.transaction().execute((transaction) => copyRows(source, transaction, to));
    const running = await source.selectFrom('jobs').where('status', '=', 'running').select('id').execute();
    return { id, rows, ...blobs, running: running.length };
  } finally {
    await Promise.all([source.destroy(), target.destroy(), taken.close(), given.close()]);
  }
}

const databaseAt = ({ home, shared }: StorePlace): Database =>
  new Kysely({ dialect: dialectOf(home, shared).dialect });

/** Returns the ID of the store that is copied; throws where there is another at its target. */
async function expectSame(source: Database, target: Database, to: StorePlace): Promise<string> {
  const [own, other] = await Promise.all(
    [source, target].map((db) => db.selectFrom('store').select('id').executeTakeFirst()),
  );
  if (own === undefined) throw new StoreRefused('expected a store with an identity, found an empty ledger');
  if (other === undefined || other.id === own.id) return String(own.id);
  throw new StoreRefused(
    `${dialectOf(to.home, to.shared).where}: expected no store, or a copy of store ${own.id}, found store ${other.id}: choose an empty place`,
  );
}

async function copyBlobs(
  from: BlobStore,
  to: BlobStore,
  said: (artifacts: number) => void,
): Promise<Pick<Copied, 'artifacts' | 'bytes' | 'thereBefore'>> {
  const copied = { artifacts: 0, bytes: 0, thereBefore: 0 };
  const folder = await mkdtemp(join(tmpdir(), 'crucible-copy-'));
  const listed = from.list()[Symbol.asyncIterator]();
  const copyMore = async (): Promise<void> => {
    for (let next = await listed.next(); !next.done; next = await listed.next()) {
      const { artifact } = next.value;
      const { bytes } = await from.head(artifact, 0);
      const there = (await to.has(artifact)) ? (await to.head(artifact, 0)).bytes : null;
      if (there === bytes) copied.thereBefore += 1;
      else {
        // Placing verifies what is read, and putting names what was written.
        const path = join(folder, artifact);
        await from.place(artifact, path);
        const put = await to.putFile(path);
        await rm(path);
        if (put !== artifact) throw new Error(`artifact ${artifact}: it became ${put} on its way`);
        copied.artifacts += 1;
        copied.bytes += bytes;
      }
      said(copied.artifacts + copied.thereBefore);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, copyMore));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return copied;
}

/** Returns how many rows there are now. */
async function copyRows(
  source: Database,
  target: Transaction<Record<string, Row>>,
  to: StorePlace,
): Promise<number> {
  const { where } = dialectOf(to.home, to.shared);
  let all = 0;
  for (const { name, key } of tables) {
    for await (const rows of pagesOf(source, name, key))
      await target
        .insertInto(name)
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(key)
            .doUpdateSet((set) =>
              Object.fromEntries(
                Object.keys(rows[0] ?? {}).map((column) => [column, set.ref(`excluded.${column}`)]),
              ),
            ),
        )
        .execute();
    const [one, other] = [await digestOf(source, name, key), await digestOf(target, name, key)];
    if (other.rows > one.rows)
      throw new StoreRefused(
        `${where}: its table ${name} has ${other.rows} rows, and the store that is copied ${one.rows}: it has gone on by itself, or garbage was collected since; nothing was changed. Copy to an empty place`,
      );
    if (one.hash !== other.hash)
      throw new StoreRefused(
        `the table ${name} changed while it was copied: end all that uses the store (crucible down), and copy again`,
      );
    all += one.rows;
  }
  return all;
}

/** How many rows a table has, and a hash of them in the order of their keys. */
async function digestOf(
  db: Database,
  name: string,
  key: readonly string[],
): Promise<{ rows: number; hash: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const rows of pagesOf(db, name, key))
    for (const row of rows) {
      count += 1;
      const columns = Object.keys(row).sort();
      // PostgreSQL keeps no zero character.
      hash.update(
        `${JSON.stringify(columns.map((column) => row[column])).replaceAll('\\u0000', '\u{fffd}')}\n`,
      );
    }
  return { rows: count, hash: hash.digest('hex') };
}

/** All rows of a table in the order of their keys, some at a time. */
async function* pagesOf(db: Database, name: string, key: readonly string[]): AsyncIterable<Row[]> {
  const columns: RawBuilder<unknown> = sql.join(key.map((column) => sql.ref(column)));
  for (let last: Row | undefined; ; ) {
    const spot: Row | undefined = last;
    const after =
      spot === undefined ? sql`` : sql`where (${columns}) > (${sql.join(key.map((column) => spot[column]))})`;
    const { rows } = await sql<Row>`
      select * from ${sql.table(name)} ${after} order by ${columns} limit ${sql.lit(page)}`.execute(db);
    if (rows.length > 0) yield rows;
    last = rows.at(-1);
    if (rows.length < page) return;
  }
}
