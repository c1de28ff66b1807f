import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ArtifactDamaged } from '../../domain/errors.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { createCachedBlobs } from '../../store/cached-blobs.ts';
import { createFileBlobs } from '../../store/file-blobs.ts';
import { temporaryFolder } from './temporary-store.ts';

/** A far store that counts what is fetched from it, and a store with copies of it. */
async function cached(mostBytes: number) {
  const [farFolder, folder] = [await temporaryFolder(), join(await temporaryFolder(), 'copies')];
  const far = createFileBlobs(farFolder);
  const fetched: string[] = [];
  const counted: BlobStore = {
    ...far,
    get: (artifact) => {
      fetched.push(artifact);
      return far.get(artifact);
    },
    place: (artifact, path) => {
      fetched.push(artifact);
      return far.place(artifact, path);
    },
  };
  return { far, folder, fetched, blobs: createCachedBlobs(counted, folder, mostBytes) };
}

const pathIn = (folder: string, artifact: string): string =>
  join(folder, artifact.slice(0, 2), artifact.slice(2, 4), artifact);

it('what was written or fetched once is not fetched again, as bytes or as a file', async () => {
  const { far, fetched, blobs } = await cached(1e6);
  const [own, other] = [await blobs.put('own'), await far.put('of another host')];
  expect(await blobs.text(own)).toBe('own');
  expect(fetched).toEqual([]);
  for (let time = 0; time < 2; time += 1) expect(await blobs.text(other)).toBe('of another host');
  const target = join(await temporaryFolder(), 'placed');
  await blobs.place(other, target);
  expect(await readFile(target, 'utf8')).toBe('of another host');
  expect((await stat(target)).mode & 0o222).toBe(0);
  expect(fetched).toEqual([other]);

  const third = await far.put('placed first');
  for (const name of ['one', 'two']) await blobs.place(third, join(await temporaryFolder(), name));
  expect(fetched).toEqual([other, third]);
});

it('a damaged copy is fetched anew, and what the far store lost is not said to be there', async () => {
  const { far, folder, fetched, blobs } = await cached(1e6);
  const artifact = await blobs.put('whole');
  const copy = pathIn(folder, artifact);
  await chmod(copy, 0o600);
  await writeFile(copy, 'half');
  expect(await blobs.text(artifact)).toBe('whole');
  expect(await blobs.text(artifact)).toBe('whole');
  expect(fetched).toEqual([artifact]);
  expect(await blobs.remove(artifact, Date.now() + 1_000)).toBe(true);
  expect([await blobs.has(artifact), await far.has(artifact)]).toEqual([false, false]);
  await expect(blobs.get(artifact)).rejects.toThrow(ArtifactDamaged);
});

it('copies take about as much as they may, the oldest go first, and one that is too large for it is not kept', async () => {
  const { folder, fetched, blobs } = await cached(400_000);
  const artifacts: string[] = [];
  for (let n = 0; n < 12; n += 1) artifacts.push(await blobs.put(`${n}`.repeat(50_000)));
  const kept = (await readdir(folder, { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name));
  expect(kept.length).toBeGreaterThan(2);
  expect(kept.length).toBeLessThanOrEqual(8);
  expect(await blobs.text(artifacts.at(-1) ?? '')).toHaveLength(100_000);
  expect(fetched).toEqual([]);
  await blobs.get(artifacts[0] ?? '');
  expect(fetched).toEqual([artifacts[0]]);
  const large = await blobs.put('x'.repeat(200_000));
  await blobs.get(large);
  await blobs.get(large);
  expect(fetched.slice(1)).toEqual([large, large]);
});

it('where copies cannot be kept all is as without', async () => {
  const farFolder = await temporaryFolder();
  const notAFolder = join(farFolder, 'file');
  await writeFile(notAFolder, '');
  const blobs = createCachedBlobs(createFileBlobs(join(farFolder, 'far')), notAFolder, 1e6);
  await blobs.claim('some-store');
  const artifact = await blobs.put('kept far away');
  expect(artifact).toBe(createHash('sha256').update('kept far away').digest('hex'));
  expect(await blobs.text(artifact)).toBe('kept far away');
  expect(await blobs.head(artifact, 4)).toEqual({ start: Buffer.from('kept'), bytes: 13 });
});
