import { stat } from 'node:fs/promises';
import type { Artifact } from '../domain/artifact.schema.ts';
import type { BlobStore } from './blobs.ts';
import { createFileBlobs, removeAbandoned } from './file-blobs.ts';

/** Of the bound, what is left after room was made. */
const keptShare = 0.8;
/** Of the bound, the most that one blob takes. */
const largestShare = 0.25;

/**
 * Blobs that are `far` away, with copies below `folder` of what this host wrote or read last. They take about
 * `mostBytes` in all. A copy has the name of its bytes and is verified as it is read: it is not out of date.
 * What the far store keeps is its alone to say. A folder that cannot be written to, or has no room, is done without.
 */
export function createCachedBlobs(far: BlobStore, folder: string, mostBytes: number): BlobStore {
  const near = createFileBlobs(folder);
  /** Of the copies, by the last count and what was added since; null before the first. */
  let bytes: number | null = null;
  let making: Promise<void> | null = null;

  /** Removes what was there longest, where there is too much. */
  async function makeRoom(): Promise<void> {
    const copies: { artifact: Artifact; bytes: number; putAt: number }[] = [];
    for await (const copy of near.list()) copies.push(copy);
    copies.sort((one, other) => one.putAt - other.putAt);
    let left = copies.reduce((sum, copy) => sum + copy.bytes, 0);
    const target = left > mostBytes ? keptShare * mostBytes : left;
    for (const copy of copies) {
      if (left <= target) break;
      await near.remove(copy.artifact, Number.POSITIVE_INFINITY);
      left -= copy.bytes;
    }
    bytes = left;
  }

  async function keep(size: number, put: () => Promise<unknown>): Promise<void> {
    if (size > largestShare * mostBytes) return;
    try {
      await put();
      if (bytes !== null) bytes += size;
      if (bytes !== null && bytes <= mostBytes) return;
      making ??= makeRoom().finally(() => {
        making = null;
      });
      await making;
    } catch {
      // Without a copy it is fetched again.
    }
  }

  const putNear = (content: Uint8Array): Promise<void> => keep(content.length, () => near.put(content));
  const putNearFile = async (path: string): Promise<void> =>
    keep((await stat(path)).size, () => near.putFile(path));

  async function get(artifact: Artifact): Promise<Buffer> {
    // Missing, or damaged: then it is put anew.
    const copy = await near.get(artifact).catch(() => null);
    if (copy !== null) return copy;
    const fetched = await far.get(artifact);
    await putNear(fetched);
    return fetched;
  }

  return {
    async put(content) {
      const artifact = await far.put(content);
      await putNear(Buffer.from(content));
      return artifact;
    },
    async putFile(path) {
      const artifact = await far.putFile(path);
      await putNearFile(path);
      return artifact;
    },
    get,
    text: async (artifact) => (await get(artifact)).toString('utf8'),
    head: (artifact, most) => near.head(artifact, most).catch(() => far.head(artifact, most)),
    has: (artifact) => far.has(artifact),
    list: () => far.list(),
    async remove(artifact, before) {
      await near.remove(artifact, Number.POSITIVE_INFINITY).catch(() => false);
      return far.remove(artifact, before);
    },
    async place(artifact, path) {
      const isNear = await near.place(artifact, path).then(
        () => true,
        () => false,
      );
      if (isNear) return;
      await far.place(artifact, path);
      await putNearFile(path);
    },
    async claim(storeId) {
      await far.claim(storeId);
      await removeAbandoned(folder).catch(() => 0);
    },
    close: () => far.close(),
  };
}
