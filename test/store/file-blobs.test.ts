import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ArtifactDamaged, StorageFull } from '../../domain/errors.ts';
import { createFileBlobs, removeAbandoned } from '../../store/file-blobs.ts';
import { startProcess, together } from './processes.ts';
import { mayMount, smallDisk } from './small-disk.ts';
import { temporaryFolder } from './temporary-store.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Names of all files below `folder`, without those of folders. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

const pathOf = (folder: string, artifact: string): string =>
  join(folder, artifact.slice(0, 2), artifact.slice(2, 4), artifact);

/** Changes one bit of a stored blob, as a failing disk would. */
async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  await chmod(path, 0o644);
  await writeFile(path, bytes);
}

describe('blobs in files', { timeout: 30_000 }, () => {
  it('any bytes come back as they were put, under their SHA-256, from memory and from a file', async () => {
    const folder = await temporaryFolder();
    const blobs = createFileBlobs(join(folder, 'blobs'));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        await writeFile(join(folder, 'source'), bytes);
        const artifact = await blobs.put(bytes);
        expect(artifact).toBe(sha256(bytes));
        expect(await blobs.putFile(join(folder, 'source'))).toBe(artifact);
        expect(Uint8Array.from(await blobs.get(artifact))).toEqual(bytes);
        expect(await blobs.has(artifact)).toBe(true);
      }),
      { numRuns: 25 },
    );
    expect(await readdir(join(folder, 'blobs', 'tmp'))).toEqual([]);
  });

  it('text comes back as text, the empty one too', async () => {
    const blobs = createFileBlobs(await temporaryFolder());
    expect(await blobs.text(await blobs.put('größer → 大'))).toBe('größer → 大');
    expect(await blobs.text(await blobs.put(''))).toBe('');
  });

  it('the beginning of a blob comes with how long it is, without the rest being read', async () => {
    const blobs = createFileBlobs(await temporaryFolder());
    const artifact = await blobs.put('0123456789');
    expect(await blobs.head(artifact, 4)).toEqual({ start: Buffer.from('0123'), bytes: 10 });
    expect(await blobs.head(artifact, 40)).toEqual({ start: Buffer.from('0123456789'), bytes: 10 });
    await expect(blobs.head('0'.repeat(64), 4)).rejects.toThrow(/is missing/);
  });

  it('what was never put is missing, and a name that is no hash is refused', async () => {
    const folder = await temporaryFolder();
    const blobs = createFileBlobs(folder);
    expect(await blobs.has(sha256('never'))).toBe(false);
    await expect(blobs.get(sha256('never'))).rejects.toThrow(ArtifactDamaged);
    await expect(blobs.place(sha256('never'), join(folder, 'placed'))).rejects.toThrow(/is missing/);
    await expect(blobs.get('../../etc/passwd')).rejects.toThrow(/expected an artifact name/);
  });

  it('a flipped bit is found by reading and placing, and mended by putting the bytes again', async () => {
    const folder = await temporaryFolder();
    const blobs = createFileBlobs(folder);
    const artifact = await blobs.put('the quick brown fox');
    await flipBit(pathOf(folder, artifact));
    await expect(blobs.get(artifact)).rejects.toThrow(ArtifactDamaged);
    await expect(blobs.text(artifact)).rejects.toThrow(/is damaged/);
    await expect(blobs.place(artifact, join(folder, 'placed'))).rejects.toThrow(ArtifactDamaged);
    await expect(stat(join(folder, 'placed'))).rejects.toThrow('ENOENT');

    expect(await blobs.put('the quick brown fox')).toBe(artifact);
    expect(await blobs.text(artifact)).toBe('the quick brown fox');

    await flipBit(pathOf(folder, artifact));
    await writeFile(join(folder, 'source'), 'the quick brown fox');
    await blobs.putFile(join(folder, 'source'));
    expect(await blobs.text(artifact)).toBe('the quick brown fox');
  });

  it('a placed blob is a read-only hard link, and placing again replaces what is there', async () => {
    const folder = await temporaryFolder();
    const blobs = createFileBlobs(join(folder, 'blobs'));
    const artifact = await blobs.put('placed');
    const path = join(folder, 'in', 'deep', 'file');
    await blobs.place(artifact, path);
    await blobs.place(artifact, path);
    const placed = await stat(path);
    expect(placed.mode & 0o777).toBe(0o444);
    expect(placed.ino).toBe((await stat(pathOf(join(folder, 'blobs'), artifact))).ino);
    await blobs.place(await blobs.put('other'), path);
    expect(await readFile(path, 'utf8')).toBe('other');
    expect(await blobs.text(artifact)).toBe('placed');
  });

  it('many processes may put the same bytes at once', async () => {
    const folder = await temporaryFolder();
    const names = await together<string[]>(4, folder, 'put');
    expect(new Set(names.map((list) => list.join())).size).toBe(1);
    expect((await filesIn(folder)).toSorted()).toEqual(names[0]?.toSorted());
    const blobs = createFileBlobs(folder);
    for (const artifact of names[0] ?? []) expect((await blobs.get(artifact)).length).toBe(100_000);
  });

  it('a writer killed in the middle of a put leaves no blob, and its temporary file is removed later', async () => {
    const folder = await temporaryFolder();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = await startProcess(folder, 'putFile', pipe);
    writer.go();
    const source = await open(pipe, 'w');
    onTestFinished(() => source.close());
    await source.write(Buffer.alloc(500_000, 7));

    const temporary = join(folder, 'blobs', 'tmp');
    const written = async (): Promise<number> => {
      const [name] = await readdir(temporary);
      return name === undefined ? 0 : (await stat(join(temporary, name))).size;
    };
    while ((await written()) === 0) await sleep(5);
    writer.child.kill('SIGKILL');
    await once(writer.child, 'exit');

    expect(await readdir(join(folder, 'blobs'))).toEqual(['tmp']);
    expect(await removeAbandoned(join(folder, 'blobs'))).toBe(0);
    expect(await removeAbandoned(join(folder, 'blobs'), Date.now() + 2 * 60 * 60 * 1000)).toBe(1);
    expect(await filesIn(join(folder, 'blobs'))).toEqual([]);
  });

  it.runIf(mayMount)(
    'a full disk is StorageFull with nothing half-written, and putting works once there is room',
    async () => {
      const disk = await smallDisk(512);
      const blobs = createFileBlobs(disk);
      const kept = await blobs.put(Buffer.alloc(100_000, 1));
      const source = join(await temporaryFolder(), 'large');
      await writeFile(source, Buffer.alloc(2_000_000, 2));

      await expect(blobs.put(Buffer.alloc(2_000_000, 2))).rejects.toThrow(StorageFull);
      await expect(blobs.putFile(source)).rejects.toThrow(StorageFull);
      expect(await filesIn(disk)).toEqual([kept]);

      const filler = join(disk, 'filler');
      await writeFile(filler, Buffer.alloc(350_000));
      await expect(blobs.put(Buffer.alloc(200_000, 3))).rejects.toThrow(/free some space/);
      await rm(filler);
      const artifact = await blobs.put(Buffer.alloc(200_000, 3));
      expect(await blobs.get(artifact)).toEqual(Buffer.alloc(200_000, 3));
    },
  );

  it.runIf(mayMount)(
    'on another file system a blob is placed as a read-only copy, whole or not at all',
    async () => {
      const disk = await smallDisk(256);
      const blobs = createFileBlobs(await temporaryFolder());
      await blobs.place(await blobs.put('small'), join(disk, 'in', 'small'));
      expect(await readFile(join(disk, 'in', 'small'), 'utf8')).toBe('small');
      expect((await stat(join(disk, 'in', 'small'))).mode & 0o777).toBe(0o444);

      const large = await blobs.put(Buffer.alloc(1_000_000));
      await expect(blobs.place(large, join(disk, 'in', 'large'))).rejects.toThrow(StorageFull);
      expect(await filesIn(disk)).toEqual(['small']);
    },
  );
});
