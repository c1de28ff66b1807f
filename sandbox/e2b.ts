import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, type Dirent, openAsBlob } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Sandbox as Machine, SandboxInfo } from 'e2b';
import { JobRejected, NoSandbox, SandboxUnavailable } from '../domain/errors.ts';
import type { BlobStore } from '../store/blobs.ts';
import { brought, LACKS_PART, machineFields, ownSupervisor, startScript } from './e2b-machine.ts';
import { noImages, noLayers } from './layers.ts';
import type { Isolation, RunResult, Sandbox, SweepOptions } from './sandbox.ts';
import { probeProblem, probeTask, type SupervisedTask, supervised } from './supervised-task.ts';
import { neutralise, newNonce, removeStaged, staged } from './supervisor-job.ts';
import { keptCold } from './warm.ts';

export type E2bSandboxOptions = {
  blobs: BlobStore;
  /** Whose machines these are: part of their metadata. */
  storeId: string;
  /** Folder for what is staged. */
  root: string;
  /** The value of E2B_API_KEY. */
  key: string;
  /** One that was made as docs/e2b.md says. */
  template: string;
  /** The static supervisor program; null: the template's own is used. */
  supervisor: string | null;
  /** Folder of the guest's Python. */
  guest: string;
  /** For another service than E2B's own; left out, E2B_DOMAIN, E2B_API_URL and E2B_SANDBOX_URL are obeyed. */
  apiUrl?: string;
  sandboxUrl?: string;
};

/** Metadata of a machine: its owner's API tells them, nobody inside can ask for them. */
type About = {
  crucible: 'run';
  store: string;
  key: string;
  nonce: string;
  /** Of the job; the same in the machine as it was here. */
  folder: string;
  /** Milliseconds since 1970. */
  deadline: string;
};

const MIB = 1024 * 1024;
/** The supervisor ends itself a minute after the wall limit; sending files before, and bringing them back, takes the rest. */
const LONGER_MS = 360_000;
const TRANSFER_MS = 300_000;
const KILL_TIMEOUT_MS = 10_000;
/** Of a machine's memory, for its own system and the supervisor. */
const SYSTEM_MB = 192;
/** A staged folder is needed for seconds; one that is this old was left by a crash. */
const FORGOTTEN_MS = 3_600_000;
/** More than any job's results: who breaks out of the sandbox in a machine does not fill this disk. */
const MOST_RESULT_BYTES = 4096 * MIB;
const DOWNLOADS = 8;

/**
 * Opens a sandbox by E2B: a virtual machine without network for each run. In it our supervisor works with bubblewrap, as on a host of our
 * own. Tries one first. Throws `NoSandbox` where E2B refuses the key or the template, or the template lacks a part. Whatever fails there later is
 * `SandboxUnavailable`. An aborted run throws the signal's reason, with its machine gone.
 */
export async function createE2bSandbox(options: E2bSandboxOptions): Promise<Sandbox> {
  const { blobs, root, template, apiUrl, sandboxUrl } = options;
  const { Sandbox: Machines, CommandExitError } = await import('e2b');
  const urls = { ...(apiUrl && { apiUrl }), ...(sandboxUrl && { sandboxUrl }) };
  const connection = { apiKey: options.key, ...urls, retries: 0 };
  const store = sha256(options.storeId).slice(0, 16);
  const isolation: Isolation = { kind: 'e2b', memory: 'watched', image: template };
  const supervisor = options.supervisor === null ? ownSupervisor : brought.supervisor;
  await mkdir(root, { recursive: true, mode: 0o700 });

  async function carryOut<Result>(task: SupervisedTask<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    if (task.spec.environment !== undefined) throw noLayers();
    // What an earlier attempt left, or one whose making was never confirmed.
    for (const earlier of await machines({ key: task.spec.key })) {
      const result = await adopt(earlier, task, signal);
      if (result !== null) return result;
    }
    return begin(task, signal);
  }

  async function machines(wanted: Partial<About>): Promise<SandboxInfo[]> {
    const query = { metadata: { crucible: 'run', store, ...wanted } };
    const pages = Machines.list({ ...connection, query });
    const found: SandboxInfo[] = [];
    while (pages.hasNext) found.push(...(await ask('list machines', pages.nextItems())));
    return found;
  }

  /** Waits for a machine that is there already, and takes its result. Null where it has none; it is gone in any case. */
  async function adopt<Result>(
    { sandboxId, metadata }: SandboxInfo,
    task: SupervisedTask<Result>,
    signal: AbortSignal,
  ): Promise<Result | null> {
    const { nonce = '', folder = '', deadline } = metadata;
    const timeoutMs = Math.max(1_000, Number(deadline) - Date.now());
    const machine = ask('connect', Machines.connect(sandboxId, { ...connection, timeoutMs }));
    try {
      return await inside(machine, signal, async () => {
        await untilIdle(await machine);
        return collected(await machine, { nonce, folder }, task);
      });
    } catch (error) {
      // It has ended meanwhile, or cannot be reached: a new one is as good.
      if (error instanceof SandboxUnavailable) return null;
      throw error;
    }
  }

  async function begin<Result>(task: SupervisedTask<Result>, signal: AbortSignal): Promise<Result> {
    const { key, label, limits } = task.spec;
    const folder = join(root, randomBytes(12).toString('hex'));
    const nonce = newNonce();
    try {
      await task.stage(folder, {
        blobs,
        nonce,
        habitat: { kind: 'bubblewrap', fields: machineFields({ folder, supervisor, hasBase: task.hasBase }) },
      });
      const lifeMs = limits.wallMs + LONGER_MS;
      const about: About = { crucible: 'run', store, key, nonce, folder, deadline: `${Date.now() + lifeMs}` };
      const machine = ask(
        'make a machine',
        Machines.create(template, {
          ...connection,
          metadata: about,
          timeoutMs: lifeMs,
          lifecycle: { onTimeout: 'kill' },
          allowInternetAccess: false,
        }),
      );
      return await inside(machine, signal, async () => {
        const { memoryMB } = await ask('describe a machine', (await machine).getInfo());
        if (limits.memoryMb + SYSTEM_MB > memoryMB)
          throw new JobRejected(
            `limits.memoryMb: expected at most ${memoryMB - SYSTEM_MB} with E2B's template ${template}, got ${limits.memoryMb}; ` +
              'make the template with more memory, see docs/e2b.md',
          );
        const script = startScript(
          { folder, supervisor, hasBase: task.hasBase },
          await emptyFoldersBelow(folder),
        );
        await send(await machine, folder);
        await removeStaged(folder);
        const said = await supervise(await machine, script);
        const result = await collected(await machine, about, task);
        if (result !== null) return result;
        throw new SandboxUnavailable(
          `${label}: expected the supervisor's record in E2B's machine, found none: ${said}`,
        );
      });
    } finally {
      await removeStaged(folder);
    }
  }

  /** Does `work`, and ends the machine, whatever comes; an abort does not wait for `work`. */
  async function inside<Result>(
    machine: Promise<Machine>,
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> {
    let made = false;
    const working = machine.then(() => {
      made = true;
      return work();
    });
    try {
      return await orAborted(working, signal);
    } finally {
      // One that is still being made ends when it is, and one that cannot be ended now when its time is over.
      const ended = machine
        .then((there) => there.kill({ requestTimeoutMs: KILL_TIMEOUT_MS }))
        .catch(() => false);
      if (made) await ended;
    }
  }

  /** Brings the supervisor, the guest and the job to where they are expected. */
  async function send(machine: Machine, folder: string): Promise<void> {
    const files = [
      ...(options.supervisor === null ? [] : [[options.supervisor, brought.supervisor]]),
      ...(await filesBelow(options.guest)).map((path) => [
        join(options.guest, path),
        join(brought.guest, path),
      ]),
      ...(await filesBelow(folder)).map((path) => [join(folder, path), join(folder, path)]),
    ] as [from: string, to: string][];
    const entries = files.map(async ([from, to]) => ({ path: to, data: await openAsBlob(from) }));
    const sending = machine.files.write(await Promise.all(entries), {
      user: 'root',
      requestTimeoutMs: TRANSFER_MS,
    });
    await ask('take files', sending);
  }

  /** Runs the job to its end. Returns what there is to say where it leaves no record. */
  async function supervise(machine: Machine, script: string): Promise<string> {
    const command = { background: true, user: 'root', timeoutMs: 0 } as const;
    const handle = await ask('start the supervisor', machine.commands.run(script, command));
    try {
      await handle.wait();
      return 'it ended well';
    } catch (cause) {
      if (!(cause instanceof CommandExitError)) {
        await untilIdle(machine);
        return wordsOf(cause);
      }
      const said = neutralise(cause.stderr).trim();
      if (cause.exitCode === LACKS_PART)
        throw new NoSandbox(
          `E2B's template ${template} has no ${said}. Make one as docs/e2b.md says, and set E2B_TEMPLATE to it`,
        );
      return `it ended with ${cause.exitCode} ${said}`;
    }
  }

  /** Waits until nothing that was started there runs; a connection that breaks is made anew. */
  async function untilIdle(machine: Machine): Promise<void> {
    for (;;) {
      const [running] = await ask('list processes', machine.commands.list());
      if (running === undefined) return;
      const handle = await machine.commands.connect(running.pid, { timeoutMs: 0 }).catch(() => null);
      await handle?.wait().catch(() => undefined);
    }
  }

  async function collected<Result>(
    machine: Machine,
    about: Pick<About, 'nonce' | 'folder'>,
    task: SupervisedTask<Result>,
  ): Promise<Result | null> {
    const here = join(root, randomBytes(12).toString('hex'));
    const there = `${about.folder}/${staged.result}`;
    try {
      await mkdir(join(here, staged.result), { recursive: true, mode: 0o700 });
      const listed = await machine.files.list(there, { user: 'root' }).catch(() => []);
      const wanted = listed.filter(({ name, type }) => type === 'file' && resultName.test(name));
      const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
      if (bytes > MOST_RESULT_BYTES)
        throw new SandboxUnavailable(
          `${task.spec.label}: expected at most ${MOST_RESULT_BYTES} bytes of results, got ${bytes}`,
        );
      const waiting = wanted.values();
      const fetchNext = async () => {
        for (const { name, size } of waiting)
          await download(machine, `${there}/${name}`, size, join(here, staged.result, name));
      };
      await Promise.all(Array.from({ length: DOWNLOADS }, fetchNext));
      return await task.collect(here, { blobs, nonce: about.nonce, isolation });
    } finally {
      await removeStaged(here);
    }
  }

  async function download(machine: Machine, from: string, size: number, to: string): Promise<void> {
    const stream = await ask('give files back', machine.files.read(from, { format: 'stream', user: 'root' }));
    const limited = async function* () {
      let seen = 0;
      for await (const piece of stream) {
        seen += piece.length;
        if (seen > size) throw new Error(`expected ${size} bytes of ${from}, got more`);
        yield piece;
      }
    };
    await ask('give files back', pipeline(limited, createWriteStream(to, { flags: 'wx', mode: 0o600 })));
  }

  /** Names in the error what E2B was asked for. */
  async function ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (cause) {
      throw new SandboxUnavailable(`E2B did not ${what}: ${wordsOf(cause)}`, { cause });
    }
  }

  const wordsOf = (cause: unknown): string =>
    neutralise(cause instanceof Error ? cause.message : String(cause)).replaceAll(options.key, '[key]');

  const sandbox: Sandbox = {
    isolation,
    layers: null,
    image: noImages('e2b'),
    ...supervised(carryOut),
    ...keptCold(carryOut),

    async sweep({ all = false, isOver }: SweepOptions = {}) {
      let removed = 0;
      for (const { sandboxId, metadata } of await machines({})) {
        const late = Date.now() > Number(metadata.deadline);
        if (!all && !late && !(await isOver?.(metadata.key ?? ''))) continue;
        if (await ask('end a machine', Machines.kill(sandboxId, connection))) removed += 1;
      }
      for (const name of await readdir(root)) {
        const made = await stat(join(root, name)).catch(() => null);
        if (made === null || (!all && Date.now() - made.mtimeMs < FORGOTTEN_MS)) continue;
        await removeStaged(join(root, name));
        removed += 1;
      }
      return removed;
    },
  };

  await probe(carryOut, template);
  return sandbox;
}

/** Tries a machine, and says what is wrong with the key or the template. */
async function probe(
  carryOut: (task: ReturnType<typeof probeTask>, signal: AbortSignal) => Promise<RunResult>,
  template: string,
): Promise<void> {
  const { AuthenticationError, SandboxError } = await import('e2b');
  const probed = await carryOut(probeTask(), AbortSignal.timeout(120_000)).catch((error: Error) => {
    const { cause } = error;
    if (cause instanceof AuthenticationError)
      throw new NoSandbox('E2B did not accept the key; set E2B_API_KEY to a valid one', { cause });
    if (cause instanceof SandboxError && [400, 403, 404].includes(cause.statusCode ?? 0))
      throw new NoSandbox(`${error.message}. Set E2B_TEMPLATE to a template made as docs/e2b.md says`, {
        cause,
      });
    throw error;
  });
  const problem = probeProblem(probed);
  if (problem !== null) throw new NoSandbox(`E2B's template ${template} does not isolate: ${problem}`);
}

/** Names of what the supervisor leaves. */
const resultName = /^(record\.json|[a-z]+[0-9]*)$/;

/** Regular files below the folder, by their paths from there. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, pathOf(entry)));
}

/** Folders below it that have nothing in them, by their paths from there. */
async function emptyFoldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const full = new Set(entries.map((entry) => entry.parentPath));
  const folders = entries.filter((entry) => entry.isDirectory()).map(pathOf);
  return folders.filter((path) => !full.has(path)).map((path) => relative(folder, path));
}

const pathOf = (entry: Dirent): string => join(entry.parentPath, entry.name);

/** Settles as `work` does, or at once with the signal's reason. */
async function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  // Whichever loses the race rejects with nobody left to hear it.
  work.catch(() => undefined);
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([work, given.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
