import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { SafePath } from '../../domain/safe-path.schema.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { UserMistake } from '../terminal.ts';

/** Lays files out as `folder`, which nothing may stand at but what was laid out there before. Throws `UserMistake` for a path that leads out of it. */
export async function layOutTree({ blobs }: Store, tree: Tree, folder: string): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  for (const [path, artifact] of Object.entries(tree)) {
    if (!SafePath.safeParse(path).success)
      throw new UserMistake(`${path}: expected a path inside the workspace`);
    await mkdir(dirname(join(draft, path)), { recursive: true });
    await blobs.place(artifact, join(draft, path));
  }
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
}

/** Returns a line a file: its path, its size and what is known of it. */
export async function fileLines({ blobs }: Store, files: Artifact): Promise<string[]> {
  const tree = await readTree(blobs, files);
  return Promise.all(
    Object.entries(tree)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(async ([path, artifact]) => {
        const { bytes } = await blobs.head(artifact, 0);
        const facts = await fileFacts(blobs, path, artifact);
        const size = `${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`;
        return `${path}  ${[size, ...(facts === null ? [] : [facts])].join(', ')}`;
      }),
  );
}
