import type { Artifact } from '../../domain/artifact.schema.ts';
import { fileFacts } from '../../record/file-facts.ts';
import { readTree } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

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
