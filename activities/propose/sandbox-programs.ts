import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tree } from '../../domain/artifact.schema.ts';
import type { BlobStore } from '../../store/blobs.ts';

const stored = new Map<string, Promise<Tree>>();

/** Returns the programs of `strategies`, `fixes`, `learn` or `cases` as artifacts; read once by each worker. */
export function programsOf(
  folder: 'strategies' | 'fixes' | 'learn' | 'cases',
  blobs: BlobStore,
): Promise<Tree> {
  const known = stored.get(folder) ?? read(fileURLToPath(new URL(`../../${folder}`, import.meta.url)), blobs);
  stored.set(folder, known);
  return known;
}

async function read(folder: string, blobs: BlobStore): Promise<Tree> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), await blobs.putFile(path)];
      }),
    ),
  );
}
