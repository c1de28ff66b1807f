import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Artifact } from '../domain/artifact.schema.ts';
import { ArtifactDamaged, StorageFull, StoreRefused } from '../domain/errors.ts';
import type { BlobStore } from './blobs.ts';
import { failpoint } from './failpoint.ts';

/** A temporary file nobody has written to for so long belongs to a process that died. */
const abandonedMs = 60 * 60 * 1000;

/** As long as the pieces in which a file is read. */
const zeros = Buffer.alloc(64 * 1024);

/** Nobody may write: a hard link placed elsewhere is the same file as the blob. */
const readOnly = 0o444;

/**
 * Blobs as read-only files `FOLDER/ab/cd/abcd…`, safe to share between processes. A blob appears under its name
 * whole or not at all. Creates what is missing below `folder`. What was put is on disk when `put` returns.
 */
export function createFileBlobs(folder: string): BlobStore {
  const pathOf = (artifact: Artifact): string =>
    join(folder, nameOf(artifact).slice(0, 2), artifact.slice(2, 4), artifact);

  /** Gives `fill` a temporary path, then makes the file it wrote there the blob of the name it returns. */
  async function store(fill: (temporary: string) => Promise<Artifact>): Promise<Artifact> {
    const temporary = join(temporaryFolder(folder), randomUUID());
    return keepingRoom(folder, async () => {
      await mkdir(dirname(temporary), { recursive: true });
      try {
        const artifact = await fill(temporary);
        failpoint('blob-written');
        const path = pathOf(artifact);
        if ((await hashOf(path)) === artifact) {
          await touch(path);
          return artifact;
        }
        await mkdir(dirname(path), { recursive: true });
        await rename(temporary, path);
        await syncFolder(dirname(path));
        return artifact;
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  async function verified(artifact: Artifact): Promise<string> {
    const path = pathOf(artifact);
    check(artifact, await hashOf(path), path);
    return path;
  }

  async function get(artifact: Artifact): Promise<Buffer> {
    const path = pathOf(artifact);
    const bytes = await readFile(path).catch(undefinedIfMissing);
    check(artifact, bytes && createHash('sha256').update(bytes).digest('hex'), path);
    return bytes ?? Buffer.alloc(0);
  }

  return {
    async put(content) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      const artifact = createHash('sha256').update(bytes).digest('hex');
      // Compared, not hashed: a stream for each of many small files takes longer than all the rest.
      const there = await readFile(pathOf(artifact)).catch(undefinedIfMissing);
      if (there?.equals(bytes)) {
        await touch(pathOf(artifact));
        return artifact;
      }
      return store(async (temporary) => {
        const file = await open(temporary, 'wx', readOnly);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        return artifact;
      });
    },

    async putFile(path) {
      return store(async (temporary) => {
        const hash = createHash('sha256');
        const target = await open(temporary, 'wx', readOnly);
        try {
          let size = 0;
          for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
            hash.update(chunk);
            // Zeros stay a hole: what takes no room where it was made takes none here.
            if (!chunk.equals(zeros.subarray(0, chunk.length))) await writeAt(target, chunk, size);
            size += chunk.length;
          }
          await target.truncate(size);
          await target.sync();
        } finally {
          await target.close();
        }
        return hash.digest('hex');
      });
    },

    get,

    async text(artifact) {
      return (await get(artifact)).toString('utf8');
    },

    async head(artifact, most) {
      const path = pathOf(artifact);
      const file = await open(path, 'r').catch(undefinedIfMissing);
      if (file === undefined) throw damaged(artifact, 'is missing', path);
      try {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(most), 0, most, 0);
        return { start: buffer.subarray(0, bytesRead), bytes: (await file.stat()).size };
      } finally {
        await file.close();
      }
    },

    async has(artifact) {
      return (await stat(pathOf(artifact)).catch(undefinedIfMissing)) !== undefined;
    },

    async *list() {
      for (const one of await foldersIn(folder))
        for (const two of await foldersIn(join(folder, one)))
          for (const artifact of (await readdir(join(folder, one, two)).catch(undefinedIfMissing)) ?? []) {
            const found = await stat(join(folder, one, two, artifact)).catch(undefinedIfMissing);
            if (found !== undefined && Artifact.safeParse(artifact).success)
              yield { artifact, bytes: found.blocks * 512, putAt: found.mtimeMs };
          }
    },

    async remove(artifact, before) {
      const path = pathOf(artifact);
      const aside = join(temporaryFolder(folder), randomUUID());
      await mkdir(dirname(aside), { recursive: true });
      if ((await rename(path, aside).then(() => true, undefinedIfMissing)) === undefined) return false;
      // Who puts it from now on writes it anew; who put it just before has touched it.
      const isOld = (await stat(aside)).mtimeMs < before;
      if (isOld) await rm(aside);
      else await rename(aside, path);
      return isOld;
    },

    async place(artifact, path) {
      const blob = await verified(artifact);
      await keepingRoom(dirname(path), async () => {
        await mkdir(dirname(path), { recursive: true });
        await rm(path, { force: true });
        try {
          await link(blob, path);
        } catch (error) {
          if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(codeOf(error))) throw error;
          await copy(blob, path);
        }
      });
    },

    async claim(storeId) {
      const path = join(folder, 'store-id');
      await mkdir(folder, { recursive: true });
      const owner =
        (await readFile(path, 'utf8').catch(undefinedIfMissing)) ?? (await claimFirst(path, storeId));
      if (owner === storeId) return void (await removeAbandoned(folder));
      throw new StoreRefused(
        `${folder}: expected the blobs of store ${storeId}, found those of store ${owner}: choose another folder`,
      );
    },

    async close() {},
  };
}

/** Throws where it is no artifact's name; what is made of it can lead nowhere else. */
export function nameOf(artifact: Artifact): string {
  if (Artifact.safeParse(artifact).success) return artifact;
  throw new ArtifactDamaged(`expected an artifact name (64 hex digits), got ${JSON.stringify(artifact)}`);
}

/** Returns what stands in the file at `path`; of several processes that find none, the first to write decides. */
async function claimFirst(path: string, storeId: string): Promise<string> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, storeId, { mode: 0o600 });
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return readFile(path, 'utf8');
}

/** Tells that a blob is wanted now: what removes old ones leaves it. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(undefinedIfMissing);
}

/** Names of two hexadecimal digits. */
const foldersIn = async (path: string): Promise<string[]> =>
  ((await readdir(path).catch(undefinedIfMissing)) ?? []).filter((name) => /^[0-9a-f]{2}$/.test(name));

/** Removes temporary files below `folder` that a killed writer left behind. Returns how many. */
export async function removeAbandoned(folder: string, now = Date.now()): Promise<number> {
  const temporary = temporaryFolder(folder);
  const names = (await readdir(temporary).catch(undefinedIfMissing)) ?? [];
  let removed = 0;
  for (const name of names) {
    const found = await stat(join(temporary, name)).catch(undefinedIfMissing);
    if (found === undefined || now - found.mtimeMs < abandonedMs) continue;
    await rm(join(temporary, name), { force: true });
    removed += 1;
  }
  return removed;
}

/** Beside the blobs, since a rename is atomic only within one file system. */
const temporaryFolder = (folder: string): string => join(folder, 'tmp');

async function copy(from: string, to: string): Promise<void> {
  const temporary = `${to}.${randomUUID()}`;
  try {
    await copyFile(from, temporary);
    await chmod(temporary, readOnly);
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let put = 0; put < bytes.length; )
    put += (await file.write(bytes, put, bytes.length - put, position + put)).bytesWritten;
}

/** Returns the hash of the file at `path`; undefined where there is none. */
export async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    return undefinedIfMissing(error);
  }
  return hash.digest('hex');
}

function check(artifact: Artifact, found: string | undefined, path: string): void {
  if (found === artifact) return;
  const what = found === undefined ? 'is missing' : `is damaged: its bytes have the hash ${found}`;
  throw damaged(artifact, what, path);
}

const damaged = (artifact: Artifact, what: string, path: string): ArtifactDamaged =>
  new ArtifactDamaged(`artifact ${artifact} ${what} (${path}); put it again, or redo the step that made it`);

/** A new name is durable only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Does `write`, and throws `StorageFull` where the disk of `folder` has no room for it. */
export async function keepingRoom<T>(folder: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (!['ENOSPC', 'EDQUOT'].includes(codeOf(cause))) throw cause;
    throw new StorageFull(`no room left below ${folder}: free some space, nothing was half-written`, {
      cause,
    });
  }
}

function undefinedIfMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';
