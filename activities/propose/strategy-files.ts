import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tree } from '../../domain/artifact.schema.ts';
import type { BlobStore } from '../../store/blobs.ts';

const folder = fileURLToPath(new URL('../../strategies', import.meta.url));

let stored: Promise<Tree> | undefined;

/** Returns the programs of `strategies` as artifacts; read once by each worker. */
export function strategyFiles(blobs: BlobStore): Promise<Tree> {
  stored ??= read(blobs);
  return stored;
}

async function read(blobs: BlobStore): Promise<Tree> {
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
