import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NoSandbox, SandboxUnavailable } from '../domain/errors.ts';
import { startOf } from '../setup/process-start.mjs';
import type { BlobStore } from '../store/blobs.ts';
import {
  type ControlGroups,
  findControlGroups,
  killIfThere,
  listControlGroups,
  makeControlGroup,
  removeControlGroup,
} from './control-group.ts';
import { type Layers, layerFolder, noImages } from './layers.ts';
import { rejectBeyondMachine } from './machine.ts';
import type { Isolation, RunSpec, Sandbox, SweepOptions, WarmSpec } from './sandbox.ts';
import { absentForSharedUsers, absentSyscalls, allowedSyscalls, argumentRules } from './seccomp.ts';
import { probeProblem, probeTask, type SupervisedTask, supervised } from './supervised-task.ts';
import {
  type JobField,
  neutralise,
  newNonce,
  places,
  removeStaged,
  staged,
  stageWarm,
} from './supervisor-job.ts';
import { type TurnListener, watchTurn } from './turn.ts';
import { keptCold, keptWarm, type WarmHome, type WarmHost, warmWherePossible } from './warm.ts';

export type BubblewrapSandboxOptions = {
  blobs: BlobStore;
  /** Whose sandboxes these are: part of their control groups' names. */
  storeId: string;
  /** Folder for staged jobs. */
  root: string;
  bwrap: string;
  /** The static supervisor program. */
  supervisor: string;
  /** Folder of the guest's Python. */
  guest: string;
  /** The virtual environment to show as /opt/crucible/python. */
  python: string;
  /** Folder to show as /opt/crucible/nanobind; null: none. */
  nanobind: string | null;
  /** The measuring lock's file, one for all stores of this user. Users for sandboxes are handed out beside it. */
  lockFile: string;
  turns?: TurnListener | undefined;
  /** The packages of environments. */
  layers: Layers;
  /** `watched`: does without control groups also where they can be had. */
  memory?: 'auto' | 'watched';
};

/** A folder nobody has claimed, or whose result nobody has fetched, for this long was left by a crash. */
const FORGOTTEN_MS = 3_600_000;
/** One without its key, and nobody at work in it, was being made or removed when its worker died. */
const HALF_GONE_MS = 20_000;
/** Between making its folder and writing its name there, a claimant needs less. */
const CLAIMING_MS = 10_000;
const POLL_MS = 50;
/** Of a warm sandbox: its interpreter, what is between that and a fork of it, and the fork's process 1. */
const ZYGOTE_PROCESSES = 3;

/**
 * Opens a sandbox by bubblewrap, for hosts without a container engine. Its supervisor runs detached: it outlives this process and ends by
 * its own deadline. A later call with the same key waits for it and takes its result. Tries a sandbox first, and throws `NoSandbox` where
 * that fails: nothing ever runs unprotected.
 */
export async function createBubblewrapSandbox(options: BubblewrapSandboxOptions): Promise<Sandbox> {
  const { blobs, root, supervisor } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  const slots = join(dirname(options.lockFile), 'slots');
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await mkdir(slots, { recursive: true, mode: 0o700 });
  const groups = options.memory === 'watched' ? null : await findControlGroups();
  const store = sha256(options.storeId).slice(0, 8);
  const isolation: Isolation = {
    kind: 'bubblewrap',
    memory: groups ? 'cgroup' : 'watched',
    image: `host:${basename(dirname(options.python))}`,
  };
  const shown = [...(await hostFields(options)), ...syscallFields({ sharedUser: !asRoot })];
  const groupOf = (folder: string) => `${store}-${basename(folder)}`;

  async function carryOut<Result>(task: SupervisedTask<Result>, signal: AbortSignal): Promise<Result> {
    const folder = join(root, sha256(task.spec.key).slice(0, 40));
    // Each turn settles what it finds; two callers with one key can take each other's result only so often.
    for (let turn = 0; turn < 5; turn++) {
      signal.throwIfAborted();
      if (await claim(folder)) return await begin(folder, task, signal);
      await untilEnded(folder, signal);
      const result = await collected(folder, task).catch(orTaken);
      await clear(folder);
      if (result !== null) return result;
    }
    throw new SandboxUnavailable(`sandbox ${task.spec.key}: other processes keep taking ${folder}`);
  }

  /** Stages and starts what this process has claimed, and sees it to its end. */
  async function begin<Result>(
    folder: string,
    task: SupervisedTask<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    try {
      const status = await supervise(folder, task, signal);
      const result = await collected(folder, task);
      if (result !== null) return result;
      const log = neutralise(await readFile(join(folder, 'log'), 'utf8').catch(() => ''));
      throw new SandboxUnavailable(
        `sandbox ${task.spec.key}: the supervisor ended with ${status}: ${log.trim()}`,
      );
    } catch (cause) {
      // A full disk, a control group that cannot be made: the host's trouble, in the words of the system.
      if (cause instanceof Error && 'syscall' in cause)
        throw new SandboxUnavailable(`sandbox ${task.spec.key}: ${cause.message}`, { cause });
      throw cause;
    } finally {
      // A result stands, and an abort is an abort, also where the host is slow to end what is left: a sweep does it then.
      await clear(folder).catch(() => undefined);
    }
  }

  async function supervise<Result>(
    folder: string,
    task: SupervisedTask<Result>,
    signal: AbortSignal,
  ): Promise<string> {
    const nonce = newNonce();
    await writeFile(join(folder, 'nonce'), nonce, { mode: 0o600 });
    await writeFile(join(folder, 'key'), task.spec.key, { mode: 0o600 });
    const fields = await fieldsOf(folder, task.spec, { hasBase: task.hasBase ?? false, signal });
    if (task.lock !== 'none') fields.push(...lockFields(options.lockFile, task.lock));
    await task.stage(folder, { blobs, nonce, habitat: { kind: 'bubblewrap', fields } });
    signal.throwIfAborted();

    const log = await open(join(folder, 'log'), 'w', 0o600);
    const child = start(folder, log);
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, by) => resolve(by ?? `status ${code}`));
    });
    const kill = () => child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    const { turns, lockFile } = options;
    const stopWatching =
      turns === undefined || child.pid === undefined
        ? () => undefined
        : watchTurn(child.pid, lockFile, task.spec.key, turns);
    try {
      const started = child.pid === undefined ? null : await identity(child.pid);
      if (started !== null) await writeFile(join(folder, 'supervisor'), started);
      if (signal.aborted) kill();
      const status = await ended;
      signal.throwIfAborted();
      return status;
    } catch (cause) {
      kill();
      signal.throwIfAborted();
      throw new SandboxUnavailable(`sandbox ${task.spec.key}: cannot start ${supervisor}`, { cause });
    } finally {
      stopWatching();
      signal.removeEventListener('abort', kill);
      await log.close();
    }
  }

  /** What a job of this host says of where it runs; makes its control group. */
  async function fieldsOf(
    folder: string,
    { limits, environment }: Pick<RunSpec, 'limits' | 'environment'>,
    { hasBase, signal }: { hasBase: boolean; signal: AbortSignal },
  ): Promise<JobField[]> {
    const packages = await layerFolder(environment, { blobs, layers: options.layers, signal });
    const group = groups && (await makeControlGroup(groups, groupOf(folder), limits));
    const binds: [from: string, to: string][] = [
      ...(packages === null ? [] : [[packages, places.packages] as [string, string]]),
      [join(folder, staged.in), places.in],
      ...(hasBase ? [[join(folder, staged.base), places.base] as [string, string]] : []),
    ];
    return [
      ...shown,
      ...binds.flatMap(([from, to]): JobField[] => [
        ['bindFrom', from],
        ['bindTo', to],
      ]),
      ...(asRoot ? [['slots', slots] as const] : []),
      ...(group ? groupFields(group) : []),
    ];
  }

  /** Starts the supervisor of a staged job, detached. */
  const start = (folder: string, log: FileHandle): ChildProcess =>
    spawn(supervisor, ['job', join(folder, staged.job)], {
      cwd: '/',
      // A program sees only the job's environment; the supervisor needs none.
      env: {},
      detached: true,
      stdio: ['ignore', 'ignore', log.fd],
    });

  const warmFolder = (member: string) => join(root, sha256(`warm\0${member}`).slice(0, 40));

  const host: WarmHost = {
    async open({ name, spec }, signal) {
      const folder = warmFolder(name);
      for (;;) {
        signal.throwIfAborted();
        if (await claim(folder)) await openWarm(folder, spec, signal);
        if (existsSync(join(folder, 'supervisor'))) {
          if ((await alive(join(folder, 'supervisor'))) !== null) return warmHome(folder);
          await clear(folder);
        } else if ((await holder(folder)) === null) await clear(folder);
        // Another process is opening it.
        await sleep(POLL_MS);
      }
    },
    close: (name) => clear(warmFolder(name)),
  };

  async function openWarm(folder: string, spec: WarmSpec, signal: AbortSignal): Promise<void> {
    try {
      const nonce = newNonce();
      await writeFile(join(folder, 'nonce'), nonce, { mode: 0o600 });
      await writeFile(join(folder, 'key'), spec.key, { mode: 0o600 });
      const limits = { ...spec.limits, processes: spec.limits.processes + ZYGOTE_PROCESSES };
      const fields = await fieldsOf(folder, { ...spec, limits }, { hasBase: true, signal });
      await stageWarm(folder, spec, { blobs, nonce, habitat: { kind: 'bubblewrap', fields } });
      const log = await open(join(folder, 'log'), 'w', 0o600);
      const child = start(folder, log);
      await log.close();
      const started = child.pid === undefined ? null : await identity(child.pid);
      child.on('error', () => undefined);
      // It outlives this process, and what asks for it finds it.
      child.unref();
      if (started === null) throw new SandboxUnavailable(`sandbox ${spec.key}: cannot start ${supervisor}`);
      await writeFile(join(folder, 'supervisor'), started);
    } catch (error) {
      await clear(folder).catch(() => undefined);
      throw error;
    }
  }

  const warmHome = (folder: string): WarmHome => ({
    folder,
    trialsSeenAt: join(folder, staged.trials),
    async ended() {
      if ((await alive(join(folder, 'supervisor'))) !== null) return null;
      const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
      return { outOfMemory: false, said: neutralise(log).trim() || 'it is gone' };
    },
  });

  async function collected<Result>(folder: string, task: SupervisedTask<Result>): Promise<Result | null> {
    const nonce = await readFile(join(folder, 'nonce'), 'utf8').catch(() => null);
    return nonce === null ? null : task.collect(folder, { blobs, nonce, isolation });
  }

  /** Waits for the end of a sandbox that another call or process began; an abort ends it. */
  async function untilEnded(folder: string, signal: AbortSignal): Promise<void> {
    for (let owner = await holder(folder); owner !== null; owner = await holder(folder)) {
      if (signal.aborted) await clear(folder).catch(() => undefined);
      signal.throwIfAborted();
      await sleep(POLL_MS);
    }
  }

  /** Ends what runs for the folder, and removes all traces. */
  async function clear(folder: string): Promise<void> {
    const running = await alive(join(folder, 'supervisor'));
    // Bubblewrap dies with its parent, and the sandbox with bubblewrap.
    if (running !== null) killIfThere(running);
    if (groups) await removeControlGroup(groups, groupOf(folder));
    await removeStaged(folder);
  }

  const sandbox: Sandbox = {
    isolation,
    layers: options.layers,
    image: noImages('bubblewrap'),
    ...supervised(carryOut, rejectBeyondMachine),
    // A system may let bubblewrap have a namespace, and nobody in it have another.
    ...warmWherePossible(
      keptWarm({
        ...{ blobs, isolation, host, expect: rejectBeyondMachine },
        lock: { supervisor, file: options.lockFile, turns: options.turns },
      }),
      keptCold(carryOut, rejectBeyondMachine),
      blobs,
    ),

    async sweep({ all = false, isOver }: SweepOptions = {}) {
      let removed = 0;
      const left: unknown[] = [];
      const keep = (error: unknown) => void left.push(error);
      for (const name of await readdir(root)) {
        const folder = join(root, name);
        const age = Date.now() - (await stat(folder).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
        // A supervisor ends by its own deadline; what it left waits for a retry to fetch it.
        const key = await readFile(join(folder, 'key'), 'utf8').catch(() => null);
        const over = key !== null && isOver !== undefined && (await isOver(key));
        const patienceMs = key === null ? HALF_GONE_MS : FORGOTTEN_MS;
        const held = (await holder(folder)) !== null;
        if (!all && !over && (held || age < patienceMs)) {
          // Its supervisor is gone, and may have left programs that were frozen then.
          if (!held && groups) await removeControlGroup(groups, groupOf(folder)).catch(keep);
          continue;
        }
        await clear(folder).then(() => (removed += 1), keep);
      }
      const names = groups ? await listControlGroups(groups) : [];
      for (const name of names.filter((group) => group.startsWith(`${store}-`)))
        if (groups && !existsSync(join(root, name.slice(store.length + 1))))
          await removeControlGroup(groups, name).catch(keep);
      // One that cannot be removed keeps no other.
      if (left.length > 0) throw left[0];
      return removed;
    },
  };

  const hint = 'Type: bwrap --unshare-all --ro-bind / / true';
  const probed = await carryOut(probeTask(), AbortSignal.timeout(60_000)).catch((cause: Error) => {
    throw new NoSandbox(`bubblewrap does not work here. ${cause.message} ${hint}`, { cause });
  });
  const problem = probeProblem(probed);
  if (problem !== null) throw new NoSandbox(`bubblewrap does not isolate here: ${problem}. ${hint}`);
  return sandbox;
}

/** What every sandbox of this host shows. */
async function hostFields(options: BubblewrapSandboxOptions): Promise<JobField[]> {
  const fields: JobField[] = [['bwrap', options.bwrap]];
  const show = (from: string, to: string) => fields.push(['bindFrom', from], ['bindTo', to]);
  show('/usr', '/usr');
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) {
    const found = await lstat(path).catch(() => null);
    if (found?.isSymbolicLink()) fields.push(['linkFrom', await readlink(path)], ['linkTo', path]);
    else if (found?.isDirectory()) show(path, path);
  }
  for (const path of ['/etc/ld.so.cache', '/etc/alternatives']) if (existsSync(path)) show(path, path);
  const empty = join(dirname(options.lockFile), 'empty');
  await mkdir(empty, { recursive: true, mode: 0o755 });
  for (const prefix of await basePrefixes(options.python)) {
    if (!isShared(prefix)) show(prefix, prefix);
    else
      for (const path of await pythonBelow(prefix)) {
        show(path, path);
        const packages = join(path, 'site-packages');
        if (existsSync(packages)) show(empty, packages);
      }
  }
  show(options.python, places.python);
  if (options.nanobind !== null) show(options.nanobind, places.nanobind);
  show(options.guest, places.guest);
  show(options.supervisor, places.supervisor);
  return fields;
}

/** The rules on system calls. `sharedUser`: the host knows all programs as one user. */
function syscallFields({ sharedUser }: { sharedUser: boolean }): JobField[] {
  const absent = sharedUser ? [...absentSyscalls, ...absentForSharedUsers] : absentSyscalls;
  const allowed = allowedSyscalls.filter((name) => !absent.includes(name));
  return [
    ...allowed.map((name): JobField => ['allow', name]),
    ...absent.map((name): JobField => ['absent', name]),
    ...argumentRules.map((rule): JobField => {
      const subject = `${rule.syscall} ${rule.argument}`;
      return 'equals' in rule
        ? ['allowEqual', `${subject} ${rule.equals.join(' ')}`]
        : ['allowWithout', `${subject} ${rule.without}`];
    }),
  ];
}

/** Where the interpreter behind a virtual environment lives, unless below /usr: it must be shown under the same path. */
async function basePrefixes(python: string): Promise<string[]> {
  const interpreter = join(python, 'bin/python3');
  const real = await realpath(interpreter).catch((cause: Error) => {
    throw new NoSandbox(`expected a Python interpreter at ${interpreter}. Type: npm run setup`, { cause });
  });
  const config = await readFile(join(python, 'pyvenv.cfg'), 'utf8').catch(() => '');
  const home = /^home *= *(.*)$/m.exec(config)?.[1];
  const folders = [dirname(real), ...(home === undefined ? [] : [home])];
  const prefixes = new Set(folders.map((bin) => dirname(bin)));
  return [...prefixes].filter((prefix) => !/^\/(usr(\/|$)|$)/.test(prefix) && prefix !== python);
}

/** Whether much else of the user's stands in the folder that an interpreter was installed to. */
const isShared = (prefix: string): boolean => prefix === homedir() || basename(prefix) === '.local';

/** What of such a folder is Python's own. */
async function pythonBelow(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['bin', 'lib', 'lib64'])
    for (const name of await readdir(join(prefix, folder)).catch(() => []))
      if (/^(python|libpython)[0-9.]*/.test(name)) found.push(join(prefix, folder, name));
  return found;
}

const lockFields = (file: string, mode: 'shared' | 'exclusive'): JobField[] => [
  ['lock', file],
  ['lockMode', mode],
];

const groupFields = (group: ControlGroups): JobField[] => [
  ['cgroupMemory', group.memory],
  ['cgroupPids', group.pids],
  ['cgroupCpu', group.cpu],
  ['cgroupFreezer', group.freezer],
];

/** Makes the folder, and says in it that this process is at work there. False where it exists. */
async function claim(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(join(folder, 'owner'), (await identity(process.pid)) ?? '');
  return true;
}

/** The process that is at work in the folder: its supervisor, or before there is one, who claimed it. Null: nobody. */
async function holder(folder: string): Promise<number | null> {
  if (existsSync(join(folder, 'supervisor'))) return alive(join(folder, 'supervisor'));
  if (existsSync(join(folder, 'owner'))) return alive(join(folder, 'owner'));
  const made = await stat(folder).catch(() => null);
  return made !== null && Date.now() - made.mtimeMs < CLAIMING_MS ? process.pid : null;
}

/** The process named in the file, if it is that very one and lives. */
async function alive(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isNaN(pid) || (await identity(pid)) !== text ? null : pid;
}

/** Null where whoever began the run collects its result as well, and removed it meanwhile. */
function orTaken(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** A living process's number with its start time and the boot it belongs to, since numbers are used again. */
async function identity(pid: number): Promise<string | null> {
  const start = startOf(pid);
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return start === null ? null : `${pid} ${start} ${boot.trim()}`;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
