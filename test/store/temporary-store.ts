import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { Store } from '../../store/store.ts';
import { type Shared, sharedFile, storeIn } from './places.ts';

/** Servers on which stores are to be, and where one keeps its files; a store is in its folder where there are none. */
export interface Servers {
  postgres: { port: number; password: string };
  s3: { endpoint: string; folder: string };
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: Servers | undefined;
  }
}

/** A new empty folder that is removed when the running test ends; its store is on servers where there are some. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const servers = inject('servers');
  if (servers !== undefined)
    await writeFile(join(folder, sharedFile), JSON.stringify(await placesOn(servers)));
  return folder;
}

/** The bucket of all tests. */
export const testBucket = 'crucible-tests';

/** A database and a place in the bucket of a test's own. */
async function placesOn({ postgres, s3 }: Servers): Promise<Shared> {
  const name = `t${randomUUID().slice(0, 13)}`;
  const ask = async (sql: string): Promise<void> => {
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port: postgres.port, user: 'owner', database: 'postgres' },
    });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await ask(`create database "${name}" owner crucible`);
  onTestFinished(() => ask(`drop database "${name}" with (force)`));
  return {
    ledger: `postgres://crucible:${postgres.password}@127.0.0.1:${postgres.port}/${name}`,
    blobs: { url: `s3://${testBucket}/${name}`, endpoint: s3.endpoint, region: null },
    files: join(s3.folder, testBucket, name),
  };
}

/** A store in a new folder, and the folder. */
export async function temporaryHome(): Promise<{ store: Store; home: string }> {
  const home = await temporaryFolder();
  return { store: await temporaryStore(home), home };
}

/** A store that is closed when the running test ends; in a new folder where none is given. */
export async function temporaryStore(folder?: string, warn?: (message: string) => void): Promise<Store> {
  const store = await storeIn(folder ?? (await temporaryFolder()), warn);
  onTestFinished(() => store.close());
  return store;
}
