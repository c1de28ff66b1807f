import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Mounted } from '../domain/environment.schema.ts';
import { JobRejected } from '../domain/errors.ts';
import { packageName, readRequirements } from '../domain/requirements.ts';
import { onPath } from '../setup/places.mjs';
import type { BlobStore } from '../store/blobs.ts';
import { addMesa, keepMesa } from './mesa.ts';
import { coreLock } from './packages.ts';
import { PackagesConflict, type PipOptions, pip } from './pip.ts';

/** A folder of packages beside those that every sandbox has. */
export interface Layer {
  folder: string;
  mb: number;
}

/** Makes and finds layers. Each is named by what is in it, so it is made once, and never changed. */
export interface Layers {
  /**
   * Finds what `requirements` lead to, and makes its layer. Returns its lock: one version and a hash of every package, those that
   * every sandbox has included. Asks the package indexes that the user's pip asks. Throws `JobRejected`, or `PackagesUnavailable`.
   */
  lock(requirements: readonly string[], signal: AbortSignal): Promise<string>;
  /**
   * Returns the layer of a lock. Makes it where it is not there, out of the very files that the lock names.
   */
  layer(lock: string, signal: AbortSignal): Promise<Layer>;
  /** Returns whether the layer of a lock is there already. */
  has(lock: string): Promise<boolean>;
}

/** A draft that nobody has touched for this long was left by a crash. */
const FORGOTTEN_MS = 6 * 3_600_000;

/** Layers below the folder `cache`/layers, for all stores of this user. */
export function createLayers({ cache }: { cache: string }): Layers {
  const root = join(cache, 'layers');

  /** A folder for what is half-made; it ends with `act`. */
  async function inDraft<T>(act: (draft: string) => Promise<T>): Promise<T> {
    await mkdir(root, { recursive: true });
    await removeForgotten(root);
    const draft = await mkdtemp(join(root, draftPrefix));
    try {
      for (const folder of ['wheels', 'layer/packages', 'empty'])
        await mkdir(join(draft, folder), { recursive: true });
      return await act(draft);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  async function folderOf(lock: string): Promise<string> {
    const made = [await coreLock(), lock, process.arch].map((part) => sha256(part));
    return join(root, `env-${sha256(made.join(' ')).slice(0, 24)}`);
  }

  async function found(lock: string): Promise<Layer | null> {
    const folder = await folderOf(lock);
    const about = await readFile(join(folder, aboutFile), 'utf8').catch(() => null);
    return about === null ? null : { folder: join(folder, 'packages'), ...About.parse(JSON.parse(about)) };
  }

  /** Installs what of a lock is not in every sandbox, out of `draft`/wheels. */
  async function install(draft: string, lock: string, signal: AbortSignal): Promise<void> {
    const target = join(draft, 'layer/packages');
    const own = await beyondCore(lock);
    if (own !== '') {
      await writeFile(join(draft, 'own.txt'), own);
      const from = ['--no-index', '--find-links', join(draft, 'wheels'), '--require-hashes'];
      const how = ['--no-deps', '--no-compile', '--no-warn-script-location', '--target', target];
      await pip('install', [...from, ...how, '-r', join(draft, 'own.txt')], whereIn(draft, signal));
    }
    await keepMesa(target, lock);
    await compile(target, signal);
    await writeFile(join(draft, 'layer/lock.txt'), lock);
    const about: About = { mb: await megabytes(target) };
    await writeFile(join(draft, 'layer', aboutFile), JSON.stringify(about));
    await promisify(execFile)('chmod', ['-R', 'a+rX,go-w', join(draft, 'layer')]);
    try {
      await rename(join(draft, 'layer'), await folderOf(lock));
    } catch (error) {
      // Another process was quicker with the same.
      if ((await found(lock)) === null) throw error;
    }
  }

  return {
    async lock(requirements, signal) {
      return inDraft(async (draft) => {
        const asked = join(draft, 'asked.txt');
        await writeFile(asked, `${requirements.join('\n')}\n`);
        await writeFile(join(draft, 'core.txt'), await corePins());
        const into = ['-r', asked, '-d', join(draft, 'wheels')];
        const where = whereIn(draft, signal);
        await pip('download', [...into, '-c', join(draft, 'core.txt')], where).catch((error: unknown) => {
          // What is asked for goes before what every sandbox has.
          if (!(error instanceof PackagesConflict)) throw error;
          return pip('download', into, where);
        });
        await addMesa(join(draft, 'wheels'), where);
        const lock = await lockOf(join(draft, 'wheels'));
        if ((await found(lock)) === null) await install(draft, lock, signal);
        return lock;
      });
    },

    has: async (lock) => (await found(lock)) !== null,

    async layer(lock, signal) {
      const there = await found(lock);
      if (there !== null) return there;
      await inDraft(async (draft) => {
        const own = await beyondCore(lock);
        await writeFile(join(draft, 'asked.txt'), own);
        const exactly = ['--no-deps', '--require-hashes', '-r', join(draft, 'asked.txt')];
        if (own !== '')
          await pip('download', [...exactly, '-d', join(draft, 'wheels')], whereIn(draft, signal));
        await install(draft, lock, signal);
      });
      const made = await found(lock);
      if (made === null) throw new Error('a layer of packages was removed as soon as it was made');
      return made;
    },
  };
}

/**
 * Holds what is kept of a layer beside its packages. Measuring it anew for every run would take longer than the
 * run.
 */
const About = z.object({ mb: z.number() });
type About = z.infer<typeof About>;
const aboutFile = 'about.json';

const draftPrefix = '.draft-';

/** Where pip runs for a draft: in an empty folder. */
const whereIn = (draft: string, signal: AbortSignal): PipOptions => ({
  cwd: join(draft, 'empty'),
  log: join(draft, 'pip.log'),
  signal,
});

async function removeForgotten(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(draftPrefix)) continue;
    const made = await stat(join(root, name)).catch(() => null);
    if (made !== null && Date.now() - made.mtimeMs > FORGOTTEN_MS)
      await rm(join(root, name), { recursive: true, force: true });
  }
}

/** Returns a lock of the wheels in a folder, in the order of their names. */
async function lockOf(folder: string): Promise<string> {
  const lines: string[] = [];
  for (const file of await readdir(folder)) {
    const [name = '', version = ''] = file.split('-');
    if (!file.endsWith('.whl') || version === '')
      throw new JobRejected(`environment: expected wheels alone, got ${file}`);
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, file)), hash);
    lines.push(`${packageName(name)}==${version} \\\n    --hash=sha256:${hash.digest('hex')}\n`);
  }
  return lines.sort().join('');
}

/** The versions that every sandbox has, `name==version`, one a line. */
const corePins = async (): Promise<string> =>
  readRequirements(await coreLock())
    .requirements.map(({ text }) => `${text}\n`)
    .join('');

/** Returns what of a lock is not there already. */
async function beyondCore(lock: string): Promise<string> {
  const core = new Set((await corePins()).split('\n'));
  return readRequirements(lock)
    .requirements.filter(({ text }) => !core.has(text.split(';', 1)[0]?.trim() ?? ''))
    .map(({ text, hashes }) => [text, ...hashes.map((hash) => `--hash=${hash}`)].join(' '))
    .map((line) => `${line}\n`)
    .join('');
}

/** Compiles beforehand, where there is the sandbox's Python: a sandbox could not keep it. No code is run; what is no Python is left. */
async function compile(folder: string, signal: AbortSignal): Promise<void> {
  const python = onPath('python3.11');
  if (python === null) return;
  const how = [
    '-q',
    '-j',
    '0',
    '--invalidation-mode',
    'unchecked-hash',
    '-s',
    folder,
    '-p',
    '/opt/crucible/packages',
  ];
  await promisify(execFile)(python, ['-I', '-m', 'compileall', ...how, folder], { signal }).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      if (!(error instanceof Error && 'code' in error && error.code === 1)) throw error;
    },
  );
}

async function megabytes(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-sk', folder]);
  return Math.ceil(Number.parseInt(stdout, 10) / 1024);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Returns the folder of packages that a sandbox shows; null where it shows none. */
export async function layerFolder(
  environment: Mounted | undefined,
  { blobs, layers, signal }: { blobs: BlobStore; layers: Layers; signal: AbortSignal },
): Promise<string | null> {
  if (environment?.kind !== 'layer') return null;
  return (await layers.layer(await blobs.text(environment.lock), signal)).folder;
}

/** What a back end says of packages where it can show none. */
export const noLayers = (): JobRejected =>
  new JobRejected(
    "environment: E2B's machines have what their template has: put the packages into the template (docs/e2b.md), or use CRUCIBLE_SANDBOX=docker or bubblewrap",
  );

/** What a back end says of images where it runs none. */
export const noImages = (kind: string) => async (): Promise<never> => {
  throw new JobRejected(
    `environment.image: images are run by Docker alone, and the sandbox here is ${kind}: use CRUCIBLE_SANDBOX=docker, or name \`requirements\``,
  );
};

/** Returns what layers take on the disk below `cache`. */
export async function layersBelow(cache: string): Promise<{ folder: string; count: number; mb: number }> {
  const folder = join(cache, 'layers');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('env-'));
  const sizes = await Promise.all(
    names.map(async (name) => {
      const about = await readFile(join(folder, name, aboutFile), 'utf8').catch(() => '{"mb":0}');
      return About.parse(JSON.parse(about)).mb;
    }),
  );
  return { folder, count: names.length, mb: sizes.reduce((sum, mb) => sum + mb, 0) };
}
