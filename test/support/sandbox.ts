import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { Limits } from '../../domain/limits.schema.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { RunRequest, RunResult, Sandbox, SandboxKind } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import type { BlobStore } from '../../store/blobs.ts';
import { createFileBlobs } from '../../store/file-blobs.ts';

export const python = '/opt/crucible/python/bin/python3';

/** Small enough that a program which breaks out of one is seen within seconds. */
export const smallLimits = Limits.parse({
  wallMs: 20_000,
  memoryMb: 256,
  processes: 64,
  outputMb: 1,
  fileMb: 32,
  diskMb: 64,
});

/** A program whose children, one after another, keep a processor busy for so long; it has the kernel forget them as they end. */
export const unwaited = (seconds: number): string => `
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        until = time.process_time() + ${seconds}
        while time.process_time() < until: pass
        os._exit(0)
    time.sleep(${seconds})
`;

type RunOptions = Partial<Omit<RunRequest, 'limits' | 'files' | 'workspace'>> & {
  limits?: Partial<Limits>;
  files?: Record<string, string | Uint8Array>;
  workspace?: Record<string, string>;
  signal?: AbortSignal;
};

export type TestSandbox = {
  kind: SandboxKind;
  sandbox: Sandbox;
  blobs: BlobStore;
  folder: string;
  /** An environment variable that every program started here carries, by which its processes are found on the host. */
  mark: string;
  /** Runs a Python program given as text, as `main.py` of the workspace. */
  python(program: string, options?: RunOptions): Promise<RunResult>;
  run(argv: string[], options?: RunOptions): Promise<RunResult>;
  /** What the programs started here left behind: processes, containers, folders. Waits a moment for removals under way. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
};

/**
 * The back ends that a run of the tests covers: the one that CRUCIBLE_SANDBOX names, or the first that can be had, with the reason
 * for each that cannot. The full tier covers both, one run after the other.
 */
export async function sandboxKinds(): Promise<{ kinds: SandboxKind[]; missing: string[] }> {
  const named = process.env.CRUCIBLE_SANDBOX;
  const wanted: SandboxKind[] =
    named === 'docker' || named === 'bubblewrap' ? [named] : ['docker', 'bubblewrap'];
  const missing: string[] = [];
  for (const kind of wanted) {
    try {
      await (await openTestSandbox(kind)).close();
      return { kinds: [kind], missing };
    } catch (error) {
      missing.push(`${kind}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(`no sandbox to test: ${missing.join('; ')}`);
}

/** A sandbox of its own store in a temporary folder. `folder` reopens one that another process made. */
export async function openTestSandbox(kind: SandboxKind, folder?: string): Promise<TestSandbox> {
  const home = folder ?? (await mkdtemp(join(tmpdir(), 'crucible-sandbox-')));
  const blobs = createFileBlobs(join(home, 'blobs'));
  const storeId = home;
  const mark = `CRUCIBLE_TEST_MARK=${home}`;
  const root = join(home, 'sandboxes');
  const tools = await toolchain();
  const { sandbox } = await chooseSandbox({ wanted: kind, blobs, storeId, root, parts: tools });

  async function run(argv: string[], { signal, ...options }: RunOptions = {}): Promise<RunResult> {
    return sandbox.run(
      {
        key: randomUUID(),
        label: 'test',
        argv,
        ...options,
        env: { CRUCIBLE_TEST_MARK: home, ...options.env },
        files: await stored(blobs, options.files),
        workspace: await stored(blobs, options.workspace),
        limits: { ...smallLimits, ...options.limits },
      },
      signal ?? new AbortController().signal,
    );
  }

  return {
    kind,
    sandbox,
    blobs,
    folder: home,
    mark,
    run,
    python: (program, options = {}) =>
      run([python, 'main.py'], { ...options, workspace: { ...options.workspace, 'main.py': program } }),
    async leftovers() {
      const until = Date.now() + 5_000;
      for (;;) {
        const found = [
          ...(await markedProcesses(mark)),
          ...(kind === 'docker' ? await containersOf(storeId, tools.docker) : []),
          ...(await jobFolders(root)),
        ];
        if (found.length === 0 || Date.now() > until) return found;
        await sleep(50);
      }
    },
    async close() {
      await sandbox.sweep({ all: true });
      if (!folder) await rm(home, { recursive: true, force: true });
    },
  };
}

export async function stored(blobs: BlobStore, files: Record<string, string | Uint8Array> = {}) {
  const entries = Object.entries(files).map(async ([path, text]) => [path, await blobs.put(text)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Processes of this host, in whatever namespace, that were started with `mark` in their environment. */
export async function markedProcesses(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      if (!(await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').includes(mark)) continue;
      found.push(`process ${pid} ${(await readFile(`/proc/${pid}/comm`, 'utf8')).trim()}`);
    } catch {
      // It ended meanwhile, or belongs to somebody whose environment is not ours to read.
    }
  }
  return found;
}

async function containersOf(storeId: string, socketPath: string | null): Promise<string[]> {
  const engine = new Docker(socketPath ? { socketPath } : {});
  const containers = await engine.listContainers({
    all: true,
    filters: JSON.stringify({ label: [`crucible.store=${storeId}`] }),
  });
  return containers.map((container) => `container ${container.Names[0]} ${container.Status}`);
}

async function jobFolders(root: string): Promise<string[]> {
  const left: string[] = [];
  for (const name of await readdir(root)) {
    if (name.startsWith('guest-')) continue;
    left.push(...(await readdir(join(root, name))).map((job) => `folder ${name}/${job}`));
  }
  return left;
}
