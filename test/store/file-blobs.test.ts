import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StorageFull } from '../../domain/errors.ts';
import { createFileBlobs, removeAbandoned } from '../../store/file-blobs.ts';
import { flipBit } from './flip-bit.ts';
import { startProcess } from './processes.ts';
import { mayMount, smallDisk } from './small-disk.ts';
import { temporaryFolder } from './temporary-store.ts';

/** Names of all files below `folder`, without those of folders. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

const pathOf = (folder: string, artifact: string): string =>
  join(folder, artifact.slice(0, 2), artifact.slice(2, 4), artifact);

describe('blobs in files', { timeout: 30_000 }, () => {
  it('a damaged one is mended by putting its bytes again, also where nobody has found it yet', async () => {
    const folder = await temporaryFolder();
    const blobs = createFileBlobs(folder);
    await writeFile(join(folder, 'source'), 'the quick brown fox');
    for (const put of [() => blobs.put('the quick brown fox'), () => blobs.putFile(join(folder, 'source'))]) {
      const artifact = await put();
      await flipBit(pathOf(folder, artifact));
      await put();
      expect(await blobs.text(artifact)).toBe('the quick brown fox');
    }
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
  });

  it('a placed blob is a hard link, which takes no room', async () => {
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

    expect(await readdir(join(folder, 'blobs'))).toEqual(['store-id', 'tmp']);
    expect(await removeAbandoned(join(folder, 'blobs'))).toBe(0);
    expect(await removeAbandoned(join(folder, 'blobs'), Date.now() + 2 * 60 * 60 * 1000)).toBe(1);
    expect(await filesIn(join(folder, 'blobs'))).toEqual(['store-id']);
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
