import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { JobRejected, NoSandbox, SandboxUnavailable } from '../domain/errors.ts';
import type { BlobStore } from '../store/blobs.ts';
import { assertContained, type ContainerPlan, containerOptions } from './docker-container.ts';
import { type Layers, layerFolder } from './layers.ts';
import { rejectBeyondMachine } from './machine.ts';
import { takeMeasuringLock } from './measuring-lock.ts';
import type { Isolation, RunSpec, Sandbox, SweepOptions, WarmSpec } from './sandbox.ts';
import { type SupervisedTask, supervised } from './supervised-task.ts';
import {
  neutralise,
  newNonce,
  places,
  removeStaged,
  staged,
  stageWarm,
  supervisorCommand,
} from './supervisor-job.ts';
import type { TurnListener } from './turn.ts';
import { keptWarm, type WarmHome, type WarmHost } from './warm.ts';

export type DockerSandboxOptions = {
  blobs: BlobStore;
  /** Whose sandboxes these are: part of every name and label, so that the stores on one engine keep apart. */
  storeId: string;
  /** Folder for staged jobs, on a file system the engine can mount from. */
  root: string;
  /** Tag or digest of the sandbox image. */
  image: string;
  /** Host path of the static supervisor program. */
  supervisor: string;
  /** Host path of the guest folder, readable by everybody. */
  guest: string;
  /** The measuring lock's file, one for all stores of this user. */
  lockFile: string;
  turns?: TurnListener | undefined;
  /** The packages of environments. */
  layers: Layers;
  socketPath?: string;
  /** How long the engine may take to answer anything but the end of a container. */
  engineTimeoutMs?: number;
};

/**
 * What the supervisor may take beyond the wall limit before the host ends it. It ends the tree and brings the
 * outputs out.
 */
const FINISH_MS = 15_000;
/** What making and starting a container may take beyond that, before a sweep takes it for abandoned. */
const ABANDONED_MS = 45_000;
/** A staged folder that has had no container for this long was left by a crash. */
const ORPHANED_MS = 600_000;

/** One without its key was being removed when its worker died. */
const HALF_GONE_MS = 20_000;

/** A warm one ends itself long before; the engine's word for how long it may be there. */
const WARM_MS = 7 * 86_400_000;
/** Of a warm one: its interpreter, and one between that and a fork of it. */
const ZYGOTE_PROCESSES = 2;

/** Exit code of a container that somebody else killed or removed. */
const KILLED = 137;
/** A file in the staged folder that says a later attempt is waiting for the same container. */
const ADOPTED = 'adopted';

const labels = {
  store: 'crucible.store',
  key: 'crucible.key',
  label: 'crucible.label',
  /** Milliseconds since 1970, from when on a sweep may remove it. */
  deadline: 'crucible.deadline',
  /** Name of the staged folder below the root. The nonce lies in there, beside what is mounted. */
  folder: 'crucible.folder',
  /** Of one that stays, and serves one program after the other. */
  warm: 'crucible.warm',
} as const;

/** One container with its staged folder. */
type Stay = {
  container: Docker.Container;
  plan: ContainerPlan;
  folder: string;
  earlier: boolean;
  untilMs: number;
};

/**
 * Opens a sandbox by the Docker engine: one container per command, removed when its result has been collected. Throws `SandboxUnavailable`
 * where the engine fails or does not answer, and `NoSandbox` where the image is missing. An aborted run throws the signal's reason, with its
 * container gone.
 */
export async function createDockerSandbox(options: DockerSandboxOptions): Promise<Sandbox> {
  const { blobs, storeId, root, image } = options;
  const socketPath = options.socketPath ?? '/var/run/docker.sock';
  const engine = new Docker({ socketPath, timeout: options.engineTimeoutMs ?? 30_000 });
  // The end of a container is long in coming, without a byte: that wait is bounded by the container's deadline.
  const patientEngine = new Docker({ socketPath });
  const isolation: Isolation = { kind: 'docker', memory: 'cgroup', image };
  /** Removals under way, by container name. Nobody waits for one but the next user of its name, and `sweep`. */
  const removals = new Map<string, Promise<void>>();

  await ask(`find the image ${image}`, engine.getImage(image).inspect()).catch((error) => {
    throw statusOf(error) === 404 ? imageMissing(error) : error;
  });
  await mkdir(root, { recursive: true, mode: 0o700 });

  async function carryOut<Result>(task: SupervisedTask<Result>, signal: AbortSignal): Promise<Result> {
    const name = `crucible-${sha256(`${storeId}\0${task.spec.key}`).slice(0, 40)}`;
    const { supervisor, lockFile: file, turns, layers } = options;
    const packages = await layerFolder(task.spec.environment, { blobs, layers, signal });
    const lock = await takeMeasuringLock(task.lock === 'exclusive' ? 'exclusive' : 'shared', {
      ...{ supervisor, file, turns, signal },
      key: task.spec.key,
    });
    try {
      // Two workers can hold one key for a moment, when one was asleep. Each turn settles what it finds, so few are needed.
      for (let turn = 0; turn < 5; turn++) {
        await removals.get(name);
        signal.throwIfAborted();
        const stay = (await findEarlier(name, task, packages)) ?? (await prepare(name, task, packages));
        const result = stay && (await seeThrough(stay, task, signal));
        if (result) return result;
        await sleep(100, undefined, { signal });
      }
    } finally {
      lock.release();
    }
    throw new SandboxUnavailable(
      `sandbox ${name} (${task.spec.label}) was removed by somebody else, repeatedly`,
    );
  }

  /** The container an earlier attempt at this key left, where it can still give a result. Removes any other of that name. */
  async function findEarlier<Result>(
    name: string,
    task: SupervisedTask<Result>,
    packages: string | null,
  ): Promise<Stay | null> {
    const found = await orGone(ask('look for an earlier container', engine.getContainer(name).inspect()));
    if (found === null) return null;
    const folder = join(root, folderLabel(found.Config.Labels));
    const deadline = Number(found.Config.Labels[labels.deadline]);
    const stay: Stay = {
      container: engine.getContainer(found.Id),
      plan: planOf(name, { folder, packages }, task, deadline),
      folder,
      earlier: true,
      untilMs: deadline - ABANDONED_MS,
    };
    const state = found.State.Status;
    const hasTime =
      state === 'exited' || (['created', 'running'].includes(state) && Date.now() < stay.untilMs);
    if (hasTime && (await nonceOf(folder)) !== null && (await claim(folder))) return stay;
    await remove(stay);
    return null;
  }

  /** Stages the job and makes its container, checked but not started. Null where somebody else made it first. */
  async function prepare<Result>(
    name: string,
    task: SupervisedTask<Result>,
    packages: string | null,
  ): Promise<Stay | null> {
    const folder = join(root, `${name}.${randomBytes(6).toString('hex')}`);
    const nonce = newNonce();
    const deadline = Date.now() + task.spec.limits.wallMs + FINISH_MS + ABANDONED_MS;
    const plan = planOf(name, { folder, packages }, task, deadline);
    try {
      await mkdir(folder, { mode: 0o700 });
      await writeFile(join(folder, 'key'), task.spec.key, { mode: 0o600 });
      await task.stage(folder, { blobs, nonce, habitat: { kind: 'container' } });
      await writeFile(join(folder, 'nonce'), nonce, { mode: 0o600 });
      const container = await ask('make a container', engine.createContainer(createCall(plan)));
      return { container, plan, folder, earlier: false, untilMs: Number.POSITIVE_INFINITY };
    } catch (error) {
      await removeStaged(folder);
      if (statusOf(error) === 409) return null;
      throw statusOf(error) === 404 ? imageMissing(error) : error;
    }
  }

  /**
   * Starts the container unless it has been, waits for its end, and collects. Null where it turns out to be of no use.
   * When the engine or the store fails, the container stays for the next attempt to find.
   */
  async function seeThrough<Result>(
    stay: Stay,
    task: SupervisedTask<Result>,
    signal: AbortSignal,
  ): Promise<Result | null> {
    try {
      await startContained(stay);
      const until = Math.min(stay.untilMs, Date.now() + task.spec.limits.wallMs + FINISH_MS);
      const inTime = await ended(stay.container, until, signal);
      if (!inTime) await orGone(ask('stop a container', stay.container.kill()));
      const result = await conclude(stay, task, inTime);
      // Where two workers wait for one container, the one that is done last removes it.
      const leave = !stay.earlier && existsSync(join(stay.folder, ADOPTED));
      if (!leave) removals.set(stay.plan.name, remove(stay));
      return result;
    } catch (error) {
      if (signal.aborted) await remove(stay);
      throw error;
    }
  }

  async function startContained(stay: Stay): Promise<void> {
    const found = await orGone(ask('inspect a container', stay.container.inspect()));
    if (found?.State.Status !== 'created') return;
    try {
      assertContained(found, stay.plan);
    } catch (error) {
      await remove(stay);
      throw error;
    }
    await ask('start a container', stay.container.start()).catch((error) => {
      // Somebody who adopted it was quicker.
      if (statusOf(error) !== 304) throw error;
    });
  }

  /** In this order: what the engine did, what the kernel did by the engine's account, what the supervisor found. */
  async function conclude<Result>(
    stay: Stay,
    task: SupervisedTask<Result>,
    inTime: boolean,
  ): Promise<Result | null> {
    const after = await orGone(ask('inspect a container', stay.container.inspect()));
    const nonce = await nonceOf(stay.folder);
    if (after === null || nonce === null) return null;
    const { OOMKilled: outOfMemory, ExitCode: code, Error: trouble } = after.State;
    const verdict = outOfMemory && { engineVerdict: 'outOfMemory' as const };
    const ranIn = { ...isolation, image: stay.plan.image };
    const collected = await task.collect(stay.folder, { blobs, nonce, isolation: ranIn, ...verdict });
    if (collected) return collected;

    const { limits, label } = task.spec;
    if (outOfMemory) return task.ended({ kind: 'outOfMemory', limitMb: limits.memoryMb }, isolation);
    if (!inTime) return task.ended({ kind: 'timedOut', limit: 'wall', limitMs: limits.wallMs }, isolation);
    if (stay.earlier || code === KILLED) return null;
    const said = await orGone(ask('read a log', stay.container.logs({ stderr: true, tail: 20 })));
    throw new SandboxUnavailable(
      `sandbox ${stay.plan.name} (${label}): expected the supervisor's record, found none. It ended with ${code} and said: ` +
        `${(said && printable(said)) || 'nothing'} ${trouble}`,
    );
  }

  /** Whether the container ended before `until` (milliseconds since 1970). Throws the signal's reason when aborted. */
  async function ended(container: Docker.Container, until: number, signal: AbortSignal): Promise<boolean> {
    const waiting = new AbortController();
    const stop = () => waiting.abort();
    signal.throwIfAborted();
    signal.addEventListener('abort', stop, { once: true });
    const timer = setTimeout(stop, until - Date.now());
    try {
      const end = patientEngine.getContainer(container.id).wait({ abortSignal: waiting.signal });
      await orGone(ask('wait for a container', end));
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (waiting.signal.aborted) return false;
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Kills and removes a container, then its folder. What cannot be removed now is left to `sweep`. */
  async function remove({ container, plan, folder }: Stay): Promise<void> {
    try {
      await orGone(ask('remove a container', container.remove({ force: true, v: true })));
      await removeStaged(folder);
    } catch {
      // The container keeps its labels, and the folder its name: a sweep finds both.
    } finally {
      removals.delete(plan.name);
    }
  }

  function planOf<Result>(
    name: string,
    { folder, packages }: { folder: string; packages: string | null },
    task: SupervisedTask<Result>,
    deadline: number,
  ): ContainerPlan {
    const writable = 'players' in task.spec ? [places.work, places.players] : [places.work];
    const shown = task.hasBase ? [staged.in, staged.base] : [staged.in];
    return planFor(name, { folder, packages, writable, shown }, task.spec, deadline);
  }

  /** `writable`: file systems in memory, of the size of the disk. `shown`: staged folders. `trials`: whether there is a folder of requests. */
  function planFor(
    name: string,
    {
      folder,
      packages,
      writable,
      shown,
      trials = false,
    }: {
      folder: string;
      packages: string | null;
      writable: readonly string[];
      shown: readonly ('in' | 'base')[];
      trials?: boolean;
    },
    { limits, key, label, environment }: Pick<RunSpec, 'limits' | 'key' | 'label' | 'environment'>,
    deadline: number,
  ): ContainerPlan {
    const onDisk = `rw,exec,nosuid,nodev,size=${limits.diskMb}m,nr_inodes=64k,mode=1777`;
    return {
      name,
      image: environment?.kind === 'image' ? environment.image : image,
      command: supervisorCommand,
      limits,
      labels: {
        [labels.store]: storeId,
        [labels.key]: key,
        [labels.label]: label,
        [labels.deadline]: `${deadline}`,
        [labels.folder]: folder.slice(root.length + 1),
        ...(trials && { [labels.warm]: 'yes' }),
      },
      mounts: [
        { from: options.supervisor, to: places.supervisor, writable: false },
        { from: options.guest, to: places.guest, writable: false },
        ...(packages === null ? [] : [{ from: packages, to: places.packages, writable: false }]),
        ...shown.map((part) => ({ from: join(folder, staged[part]), to: places[part], writable: false })),
        { from: join(folder, staged.given), to: places.given, writable: false },
        { from: join(folder, staged.result), to: places.result, writable: true },
        ...(trials ? [{ from: join(folder, staged.trials), to: places.trials, writable: true }] : []),
      ],
      temporary: {
        ...Object.fromEntries(writable.map((place) => [place, onDisk])),
        [places.private]: 'rw,noexec,nosuid,nodev,size=64k,mode=0700',
        // In the place of the engine's: no terminals, since all containers of a host share their number.
        '/dev/pts': 'ro,noexec,nosuid,nodev,size=4k,mode=0555',
        '/tmp': `rw,noexec,nosuid,nodev,size=${limits.memoryMb}m,nr_inodes=16k,mode=1777`,
      },
    };
  }

  const warmName = (member: string) => `crucible-${sha256(`${storeId}\0warm\0${member}`).slice(0, 40)}`;

  const host: WarmHost = {
    async open({ name: member, spec }, signal) {
      const name = warmName(member);
      const packages = await layerFolder(spec.environment, { blobs, layers: options.layers, signal });
      for (let turn = 0; turn < 5; turn++) {
        signal.throwIfAborted();
        await removals.get(name);
        const home = (await findWarm(name, spec, packages)) ?? (await openWarm(name, spec, packages));
        if (home !== null) return home;
        await sleep(100, undefined, { signal });
      }
      throw new SandboxUnavailable(`sandbox ${name} (warm) was removed by somebody else, repeatedly`);
    },
    async close(member) {
      const found = await orGone(
        ask('look for a warm sandbox', engine.getContainer(warmName(member)).inspect()),
      );
      if (found === null) return;
      await orGone(ask('remove a container', engine.getContainer(found.Id).remove({ force: true, v: true })));
      await removeStaged(join(root, folderLabel(found.Config.Labels)));
    },
  };

  function warmPlan(
    name: string,
    folder: string,
    packages: string | null,
    { limits, ...spec }: WarmSpec,
  ): ContainerPlan {
    return planFor(
      name,
      { folder, packages, writable: [places.work, places.in], shown: [staged.base], trials: true },
      { ...spec, label: 'warm', limits: { ...limits, processes: limits.processes + ZYGOTE_PROCESSES } },
      Date.now() + WARM_MS,
    );
  }

  /** One that lives, or can be started. Removes any other of that name. */
  async function findWarm(name: string, spec: WarmSpec, packages: string | null): Promise<WarmHome | null> {
    const found = await orGone(ask('look for a warm sandbox', engine.getContainer(name).inspect()));
    if (found === null) return null;
    const folder = join(root, folderLabel(found.Config.Labels));
    const plan = warmPlan(name, folder, packages, spec);
    const stay: Stay = {
      ...{ container: engine.getContainer(found.Id), plan, folder, earlier: true },
      untilMs: Number.POSITIVE_INFINITY,
    };
    if (['created', 'running'].includes(found.State.Status) && existsSync(join(folder, staged.trials))) {
      await startContained(stay);
      return warmHome(stay);
    }
    await remove(stay);
    return null;
  }

  /** Null where somebody else made it first. */
  async function openWarm(name: string, spec: WarmSpec, packages: string | null): Promise<WarmHome | null> {
    const folder = join(root, `${name}.${randomBytes(6).toString('hex')}`);
    const nonce = newNonce();
    const plan = warmPlan(name, folder, packages, spec);
    try {
      await mkdir(folder, { mode: 0o700 });
      await writeFile(join(folder, 'key'), spec.key, { mode: 0o600 });
      await stageWarm(folder, spec, { blobs, nonce, habitat: { kind: 'container' } });
      await writeFile(join(folder, 'nonce'), nonce, { mode: 0o600 });
      const container = await ask('make a container', engine.createContainer(createCall(plan)));
      const stay: Stay = { container, plan, folder, earlier: false, untilMs: Number.POSITIVE_INFINITY };
      await startContained(stay);
      return warmHome(stay);
    } catch (error) {
      if (statusOf(error) === 409) {
        await removeStaged(folder);
        return null;
      }
      throw statusOf(error) === 404 ? imageMissing(error) : error;
    }
  }

  const warmHome = ({ container, folder }: Stay): WarmHome => ({
    folder,
    trialsSeenAt: places.trials,
    async ended() {
      const found = await orGone(ask('inspect a container', container.inspect()));
      if (found?.State.Running) return null;
      const said = found && (await orGone(ask('read a log', container.logs({ stderr: true, tail: 20 }))));
      return {
        outOfMemory: found?.State.OOMKilled ?? false,
        said: (said && printable(said)) || 'it is gone',
      };
    },
  });

  async function sweep({ all = false, isOver = notOver }: SweepOptions = {}): Promise<number> {
    await Promise.all(removals.values());
    const now = Date.now();
    const filters = JSON.stringify({ label: [`${labels.store}=${storeId}`] });
    const listed = await ask('list containers', engine.listContainers({ all: true, filters }));
    const inUse = new Set<string>();
    let swept = 0;
    for (const { Id, Labels } of listed) {
      const container = engine.getContainer(Id);
      // The list may be old by now; what is removed must still be what was meant.
      const found = await orGone(ask('inspect a container', container.inspect()));
      if (found?.Config.Labels[labels.store] !== storeId) continue;
      // A warm one ends itself; made but not started, it was left so.
      const left = found.State.Status === 'created' && now - Date.parse(found.Created) > ABANDONED_MS;
      const isWarm = Labels[labels.warm] !== undefined;
      const inTime = isWarm
        ? found.State.Running || !(left || found.State.Status === 'exited')
        : now < Number(Labels[labels.deadline]);
      if (!all && inTime && !(await isOver(Labels[labels.key] ?? ''))) {
        inUse.add(folderLabel(Labels));
        continue;
      }
      await orGone(ask('remove a container', container.remove({ force: true, v: true })));
      await removeStaged(join(root, folderLabel(Labels)));
      swept += 1;
    }
    for (const name of (await readdir(root)).filter((entry) => folderName.test(entry) && !inUse.has(entry))) {
      const made = await stat(join(root, name)).catch(() => null);
      const key = await readFile(join(root, name, 'key'), 'utf8').catch(() => null);
      const young = made === null || now - made.mtimeMs < (key === null ? HALF_GONE_MS : ORPHANED_MS);
      if (made === null || (!all && young && !(key !== null && (await isOver(key))))) continue;
      await removeStaged(join(root, name));
      swept += 1;
    }
    return swept;
  }

  return {
    isolation,
    layers: options.layers,
    async image(name) {
      const found = await ask(`find the image ${name}`, engine.getImage(name).inspect()).catch((error) => {
        throw statusOf(error) === 404
          ? new JobRejected(
              `environment.image: the Docker engine has no image ${name}: docker pull ${name}, or build it`,
            )
          : error;
      });
      return { id: found.Id, mb: Math.ceil(found.Size / 2 ** 20) };
    },
    sweep,
    ...supervised(carryOut, rejectBeyondMachine),
    ...keptWarm({
      ...{ blobs, isolation, host, expect: rejectBeyondMachine },
      lock: { supervisor: options.supervisor, file: options.lockFile, turns: options.turns },
    }),
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const notOver = async (): Promise<boolean> => false;

const folderName = /^crucible-[0-9a-f]{40}\.[0-9a-f]{12}$/;

/** The staged folder's name on a label; one that cannot be ours becomes a name that no folder has. */
function folderLabel(found: Record<string, string>): string {
  const name = found[labels.folder] ?? '';
  return folderName.test(name) ? name : 'no-folder';
}

const nonceOf = (folder: string) => readFile(join(folder, 'nonce'), 'utf8').catch(() => null);

/** Tells whoever is waiting already that they are not alone. False where the folder is just being removed. */
const claim = (folder: string) =>
  writeFile(join(folder, ADOPTED), '').then(
    () => true,
    () => false,
  );

/**
 * dockerode sends all options as a query unless the two parts are given apart, which its types do not know. The seccomp profile alone makes
 * that query too long for some proxies.
 */
function createCall(plan: ContainerPlan): Docker.ContainerCreateOptions {
  return { _query: { name: plan.name }, _body: containerOptions(plan) } as Docker.ContainerCreateOptions;
}

/** Names what the engine was asked for in the error, as `SandboxUnavailable`. */
async function ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new SandboxUnavailable(`the Docker engine did not ${what}: ${why}`, { cause });
  }
}

/** The engine's HTTP status behind an error of `ask`; undefined where it gave none. */
function statusOf(error: unknown): number | undefined {
  const cause = error instanceof SandboxUnavailable ? error.cause : undefined;
  return cause instanceof Error && 'statusCode' in cause ? Number(cause.statusCode) : undefined;
}

/** Null for a container that is not there, is being removed, or (when killed) has ended. */
async function orGone<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  return answer.catch((error) => {
    if (statusOf(error) === 404 || statusOf(error) === 409) return null;
    throw error;
  });
}

const imageMissing = (cause: unknown) =>
  new NoSandbox('the Docker engine has no sandbox image: make it with `npm run setup`', { cause });

/**
 * The words of an engine's log. Its frames have a header of eight bytes, the last four of which are the length.
 */
function printable(log: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at + 8 <= log.length; at += 8 + log.readUInt32BE(at + 4))
    parts.push(log.toString('utf8', at + 8, at + 8 + log.readUInt32BE(at + 4)));
  return neutralise(parts.join('')).trim();
}
