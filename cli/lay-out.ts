import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Tree } from '../domain/artifact.schema.ts';
import { SafePath } from '../domain/safe-path.schema.ts';
import type { BlobStore } from '../store/blobs.ts';
import { UserMistake } from './terminal.ts';

/**
 * Lays files out as `folder`, in place of what was laid out there before. They are those of a tree, and `own`
 * ones by name. Throws `UserMistake` for a path that leads out of it.
 */
export async function layOutTree(
  blobs: BlobStore,
  tree: Tree,
  folder: string,
  own: Readonly<Record<string, Buffer>> = {},
): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  for (const [path, artifact] of Object.entries(tree)) {
    if (!SafePath.safeParse(path).success)
      throw new UserMistake(`${path}: expected a path inside the workspace`);
    await mkdir(dirname(join(draft, path)), { recursive: true });
    await blobs.place(artifact, join(draft, path));
  }
  for (const [name, bytes] of Object.entries(own)) await writeFile(join(draft, name), bytes);
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
}
