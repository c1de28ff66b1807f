import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { z } from 'zod';
import { openStore, type SharedPlaces, type Store } from '../../store/store.ts';

/** Where the store of a test's folder is, where that is on servers; `files`: the folder in which the server keeps the blobs. */
const Shared = z.object({
  ledger: z.string(),
  blobs: z.object({ url: z.string(), endpoint: z.string(), region: z.null() }),
  files: z.string(),
});
export type Shared = z.infer<typeof Shared>;

/** In a test's folder, so that other processes find it too. */
export const sharedFile = 'shared.json';

async function sharedIn(folder: string): Promise<Shared | null> {
  const text = await readFile(join(folder, sharedFile), 'utf8').catch(() => null);
  return text === null ? null : Shared.parse(JSON.parse(text));
}

/** Returns where a test's store is on servers; null: in its folder. */
export async function placesIn(folder: string): Promise<SharedPlaces | null> {
  const shared = await sharedIn(folder);
  return shared && { ledger: shared.ledger, blobs: shared.blobs };
}

/** Opens the store of a test's folder. */
export async function storeIn(folder: string, warn?: (message: string) => void): Promise<Store> {
  return openStore(folder, { ...(warn === undefined ? {} : { warn }), shared: await placesIn(folder) });
}

/** Changes the ledger behind its back. */
export async function changeLedger(folder: string, sql: string): Promise<void> {
  const shared = await sharedIn(folder);
  if (shared === null) {
    const database = new DatabaseSync(join(folder, 'ledger.db'));
    database.exec(sql);
    database.close();
    return;
  }
  const client = new pg.Client(shared.ledger);
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** The file in which a blob is kept, by us or by the server. */
export async function fileOf(folder: string, artifact: string): Promise<string> {
  const files = (await sharedIn(folder))?.files ?? join(folder, 'blobs');
  return join(files, artifact.slice(0, 2), artifact.slice(2, 4), artifact);
}
