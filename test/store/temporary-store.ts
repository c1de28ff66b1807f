import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store } from '../../store/store.ts';

/** A new empty folder that is removed when the running test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store in a new folder, and the folder. */
export async function temporaryHome(): Promise<{ store: Store; home: string }> {
  const home = await temporaryFolder();
  return { store: await temporaryStore(home), home };
}

/** A store that is closed when the running test ends; in a new folder where none is given. */
export async function temporaryStore(folder?: string, warn?: (message: string) => void): Promise<Store> {
  const store = await openStore(folder ?? (await temporaryFolder()), warn);
  onTestFinished(() => store.close());
  return store;
}
