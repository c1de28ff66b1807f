import { createHash, randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NoSandbox } from '../domain/errors.ts';
import type { BlobStore } from '../store/blobs.ts';
import { createBubblewrapSandbox } from './bubblewrap.ts';
import { createDockerSandbox } from './docker.ts';
import { createE2bSandbox, type E2bSandboxOptions } from './e2b.ts';
import { createLayers } from './layers.ts';
import type { Sandbox, SandboxKind, WantedSandbox } from './sandbox.ts';
import type { TurnListener } from './turn.ts';

/** The parts of the machine's toolchain a sandbox is made of; null where one is missing (setup/toolchain.mjs finds them). */
export type SandboxParts = {
  /** Folder of the user's cache; the measuring lock lies there, shared by all stores. */
  cache: string;
  /** Unix socket of a Docker engine that answers. */
  docker: string | null;
  image: string | null;
  supervisor: string | null;
  bwrap: string | null;
  python: string | null;
  nanobind: string | null;
};

export type ChooseOptions = {
  wanted: WantedSandbox;
  blobs: BlobStore;
  storeId: string;
  /** Folder for what is staged; each kind has its own folder below it. */
  root: string;
  parts: SandboxParts;
  turns?: TurnListener | undefined;
  /** Folder of the guest's Python; unset: the one that ships. Tests take one with a guard switched off. */
  guest?: string | undefined;
  /** The user's access to E2B, if there is one. */
  e2b?: Pick<E2bSandboxOptions, 'key' | 'template' | 'apiUrl' | 'sandboxUrl'> | undefined;
};

export type ChosenSandbox = {
  sandbox: Sandbox;
  kind: SandboxKind;
  /** One line for people: what was taken and why. */
  why: string;
};

const guestSource = fileURLToPath(new URL('./guest', import.meta.url));

/**
 * Opens the wanted sandbox. `auto` takes Docker where it can be had, else bubblewrap, else E2B where the user
 * has a key. Throws `NoSandbox`, with one line on what to type, where there is none: without isolation nothing
 * runs.
 */
export async function chooseSandbox(options: ChooseOptions): Promise<ChosenSandbox> {
  const guest = await stageGuest(options.guest ?? guestSource, options.root);
  const possible: readonly SandboxKind[] = ['docker', 'bubblewrap', ...(options.e2b ? ['e2b' as const] : [])];
  const kinds = options.wanted === 'auto' ? possible : [options.wanted];
  const refused: string[] = [];
  for (const kind of kinds) {
    try {
      const sandbox = await open(kind, guest, options);
      const found = {
        docker: `image ${options.parts.image}`,
        bubblewrap: `${options.parts.bwrap}`,
        e2b: `template ${options.e2b?.template}`,
      }[kind];
      const reason =
        options.wanted === 'auto' ? refused.join('; ') || 'first choice' : 'CRUCIBLE_SANDBOX says so';
      return { sandbox, kind, why: `${kind} (${found}): ${reason}` };
    } catch (error) {
      // Asked for by name, an engine in trouble is for the caller to retry. `auto` goes on to the next kind.
      if (options.wanted !== 'auto' && !(error instanceof NoSandbox)) throw error;
      refused.push(`no ${kind}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const how = options.wanted === 'e2b' ? 'See docs/e2b.md' : 'Type: npm run setup';
  throw new NoSandbox(`No sandbox, so nothing is run. ${refused.join('; ')}. ${how}`);
}

async function open(kind: SandboxKind, guest: string, options: ChooseOptions): Promise<Sandbox> {
  const { blobs, storeId, parts } = options;
  const all = { blobs, storeId, root: join(options.root, kind), guest };
  if (kind === 'e2b') {
    if (options.e2b === undefined) throw new NoSandbox('E2B_API_KEY is not set');
    return createE2bSandbox({ ...all, ...options.e2b, supervisor: parts.supervisor });
  }
  const common = {
    ...all,
    supervisor: present(parts.supervisor, 'the supervisor program is not built'),
    lockFile: join(parts.cache, 'measuring.lock'),
    turns: options.turns,
    layers: createLayers({ cache: parts.cache }),
  };
  if (kind === 'docker') {
    const socketPath = present(parts.docker, 'no Docker engine answers');
    const image = present(parts.image, 'the Docker engine has no sandbox image');
    return createDockerSandbox({ ...common, socketPath, image });
  }
  return createBubblewrapSandbox({
    ...common,
    bwrap: present(parts.bwrap, 'bubblewrap is not installed'),
    python: present(parts.python, "the sandbox's Python is not installed"),
    nanobind: parts.nanobind,
  });
}

function present(part: string | null, otherwise: string): string {
  if (part === null) throw new NoSandbox(otherwise);
  return part;
}

/**
 * Copies the guest folder to `root/guest-HASH`, readable by every user and writable by none, unless it is
 * there. Returns that path. A sandbox mounts the copy: the source's modes and owner are whatever a checkout
 * made them.
 */
export async function stageGuest(source: string, root: string): Promise<string> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.pyc'))
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = await readFile(join(source, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  const target = join(root, `guest-${hash.digest('hex').slice(0, 12)}`);
  if (await stat(target).catch(() => null)) return target;

  const draft = `${target}.${randomBytes(4).toString('hex')}`;
  const folders = new Set(['.', ...files.map(dirname)]);
  for (const folder of folders) await mkdir(join(draft, folder), { recursive: true });
  for (const file of files) await copyFile(join(source, file), join(draft, file));
  // Set afterwards, since modes given on making are cut by this process's umask.
  for (const folder of folders) await chmod(join(draft, folder), 0o755);
  for (const file of files) await chmod(join(draft, file), 0o444);
  try {
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was quicker with the same files.
    if (!(await stat(target).catch(() => null))) throw error;
  }
  return target;
}
