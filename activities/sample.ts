import type { Artifact } from '../domain/artifact.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import type { Sample } from '../domain/sample.ts';
import { firstFiles, firstRows, isCut, standIn } from '../domain/sampling.ts';
import type { Place } from '../domain/step.ts';
import { pick, without } from '../domain/tree.ts';
import type { BlobStore } from '../store/blobs.ts';
import { readTree, writeJson } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import { takeStep } from './context.ts';

export type SampleActivities = ReturnType<typeof createSampleActivities>;

export const createSampleActivities = ({ store }: { store: Store }) => ({
  /**
   * Returns what every candidate sees on the sample. It is `seen` with what stands in its place, or cut to so
   * many rows and files. Null where that is all there is. `files` are all of the job.
   */
  async packSample({
    files,
    seen,
    inputs,
    sample,
    hidden,
    ...place
  }: Place & {
    files: Artifact;
    seen: Artifact;
    inputs: string[];
    sample: string | { rows: number };
    hidden: string[];
  }): Promise<Sample | null> {
    return takeStep<Sample | null>(store, place, 'pack', async () => {
      if (typeof sample !== 'string') return cutSample(store.blobs, seen, inputs, sample.rows);
      const stands = standIn(without(await readTree(store.blobs, files), hidden), inputs, sample);
      if (typeof stands === 'string') throw new JobRejected(`sample: ${stands}`);
      return { files: await writeJson(store.blobs, pick(stands, inputs)), words: sample };
    });
  },
});

/** Parts of a sample that are told. */
const mostWords = 3;

/** Returns the inputs cut to their first rows, and folders to their first files; null where nothing is left out. */
async function cutSample(
  blobs: BlobStore,
  seen: Artifact,
  inputs: readonly string[],
  rows: number,
): Promise<Sample | null> {
  const { tree, words } = firstFiles(await readTree(blobs, seen), inputs, rows);
  for (const [path, artifact] of Object.entries(tree)) {
    const cut = isCut(path) ? await beginning(blobs, path, artifact, rows) : null;
    if (cut === null) continue;
    tree[path] = await blobs.put(cut);
    words.push(`the first ${rows} rows of ${path}`);
  }
  if (words.length === 0) return null;
  const more = words.length > mostWords ? [`${words.length - mostWords} more`] : [];
  return { files: await writeJson(blobs, tree), words: [...words.slice(0, mostWords), ...more].join(', ') };
}

/** Bytes of a file that are looked at first for its rows. */
const firstLooked = 1 << 16;

/** Returns the first rows of a file; null where it has no more. */
async function beginning(
  blobs: BlobStore,
  path: string,
  artifact: Artifact,
  rows: number,
): Promise<string | null> {
  for (let most = firstLooked; ; most *= 8) {
    const { start, bytes } = await blobs.head(artifact, most);
    // A text that was cut may end in the middle of a character, which is behind the rows then.
    const cut = firstRows(path, start.toString('utf8'), rows);
    if (cut !== null || bytes <= most) return cut;
  }
}
