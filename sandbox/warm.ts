import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, watch } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobRejected, SandboxUnavailable } from '../domain/errors.ts';
import { Limits } from '../domain/limits.schema.ts';
import type { BlobStore } from '../store/blobs.ts';
import { takeMeasuringLock } from './measuring-lock.ts';
import {
  type Isolation,
  type RunResult,
  RunSpec,
  type Sandbox,
  WarmRunSpec,
  type WarmSpec,
} from './sandbox.ts';
import { coldTask, type SupervisedTask } from './supervised-task.ts';
import { collectRun, newNonce, staged, stageRun } from './supervisor-job.ts';
import type { TurnListener } from './turn.ts';

/**
 * One warm sandbox, open or not. Several of one key stand side by side, since each runs one request at a time.
 */
export type Member = { name: string; spec: WarmSpec };

/** Where an open one has what is given to it, and what it gives. */
export interface WarmHome {
  /** As `stageWarm` laid it out. */
  folder: string;
  /** Where its supervisor sees the folder of requests. */
  trialsSeenAt: string;
  /** Null while it lives; else what can be said of its end. */
  ended(): Promise<{ outOfMemory: boolean; said: string } | null>;
}

/** How a back end keeps sandboxes that stay. */
export interface WarmHost {
  /**
   * Returns the open one of that name, which another process may have opened. Opens it where there is none that
   * lives.
   */
  open(member: Member, signal: AbortSignal): Promise<WarmHome>;
  close(name: string): Promise<void>;
}

export type WarmOptions = {
  blobs: BlobStore;
  isolation: Isolation;
  host: WarmHost;
  /** Throws for limits that the machine cannot keep. */
  expect: (limits: Limits) => void;
  /** As of `takeMeasuringLock`. */
  lock: { supervisor: string; file: string; turns: TurnListener | undefined };
};

/** What limits of a request bound the warm sandbox as a whole, and so cannot be more than its own. */
const shared = ['memoryMb', 'processes', 'diskMb'] as const;
/** A sandbox that dies under a request was not the request's doing, so it is tried again. */
const ATTEMPTS = 3;
/** Where no change of a folder is told, as by some engines' shared folders. */
const LOOK_EVERY_MS = 100;
const ALIVE_EVERY_MS = 1_000;

/** Makes the two ways to use warm sandboxes out of what keeps one. */
export function keptWarm(options: WarmOptions): Pick<Sandbox, 'runWarm' | 'cool'> {
  const { blobs, host, lock } = options;
  const isolation: Isolation = { ...options.isolation, perJob: true };
  /** How many requests of this process each is serving, or has in line. */
  const busy = new Map<string, number>();

  function take(key: string): string {
    const names = membersOf(key);
    const least = names.reduce((one, other) => ((busy.get(other) ?? 0) < (busy.get(one) ?? 0) ? other : one));
    busy.set(least, (busy.get(least) ?? 0) + 1);
    return least;
  }

  function giveBack(name: string): void {
    const left = (busy.get(name) ?? 1) - 1;
    if (left > 0) busy.set(name, left);
    else busy.delete(name);
  }

  /** What was said where the sandbox went down with the request unanswered. */
  async function serve(
    home: WarmHome,
    spec: RunSpec,
    { warm, isNew }: { warm: WarmSpec; isNew: boolean },
    signal: AbortSignal,
  ): Promise<RunResult | string> {
    const trial = await submit(home, spec);
    try {
      const end = await answered(trial, home, signal);
      const nonce = await readFile(join(trial, 'nonce'), 'utf8').catch(() => '');
      const result = await collectRun(trial, spec, { blobs, nonce, isolation });
      if (result !== null) return result;
      // An engine says so of a sandbox as a whole: one that is not new may have had an earlier request that wanted too much.
      if (end?.outOfMemory && isNew) return starved(warm.limits);
      return (await failedPreload(home, spec)) ?? end?.said ?? 'it gave a record that is not its own';
    } finally {
      await withdraw(trial);
    }
  }

  /** Puts the request where the supervisor looks, unless an earlier attempt did. Returns its folder. */
  async function submit(home: WarmHome, spec: RunSpec): Promise<string> {
    const id = sha256(spec.key).slice(0, 40);
    const trial = join(home.folder, staged.trials, id);
    if (existsSync(trial)) return trial;
    const draft = join(home.folder, staged.trials, `.${id}-${randomBytes(6).toString('hex')}`);
    const nonce = newNonce();
    await stageRun(draft, spec, {
      blobs,
      nonce,
      habitat: { kind: 'warm', at: `${home.trialsSeenAt}/${id}` },
    });
    await writeFile(join(draft, 'nonce'), nonce, { mode: 0o600 });
    // A container's process 1 must get in without owning it; the folder above is closed to other users of the host.
    await chmod(draft, 0o755);
    await rename(draft, trial).catch(async (error: NodeJS.ErrnoException) => {
      await withdraw(draft);
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return trial;
  }

  /** How the preload ended, where that is why nothing is served. */
  async function failedPreload(home: WarmHome, spec: RunSpec): Promise<RunResult | null> {
    const nonce = await readFile(join(home.folder, 'nonce'), 'utf8').catch(() => '');
    return collectRun(home.folder, spec, { blobs, nonce, isolation });
  }

  const starved = ({ memoryMb }: Limits): RunResult => ({
    ending: { kind: 'outOfMemory', limitMb: memoryMb },
    ...{ stdout: noLog, stderr: noLog, outputs: {}, untouched: [], written: [], refused: [] },
    usage: { wallMs: 0, cpuMs: 0, peakMemoryMb: memoryMb },
    isolation,
  });

  return {
    async runWarm(request, signal) {
      const { warm, ...rest } = WarmRunSpec.parse(request);
      const spec = RunSpec.parse(rest);
      options.expect(warm.limits);
      rejectBeyond(warm.limits, spec.limits);
      const name = take(warm.key);
      try {
        const held = await takeMeasuringLock('shared', { ...lock, key: spec.key, signal });
        try {
          let said = '';
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const home = await host.open({ name, spec: warm }, signal);
            const result = await serve(home, spec, { warm, isNew: attempt > 0 }, signal);
            if (typeof result !== 'string') return result;
            said = result;
            await host.close(name);
          }
          throw new SandboxUnavailable(
            `sandbox ${spec.key}: the warm sandbox ${warm.key} ended ${ATTEMPTS} times under it: ${said}`,
          );
        } finally {
          held.release();
        }
      } finally {
        giveBack(name);
      }
    },

    async cool(key) {
      await Promise.all(membersOf(key).map((name) => host.close(name)));
    },
  };
}

/** The preload first, each time: the same results, slower. `isolation` says which it was. */
export const keptCold = (
  carryOut: (task: SupervisedTask<RunResult>, signal: AbortSignal) => Promise<RunResult>,
  expect: (limits: Limits) => void = () => undefined,
): Pick<Sandbox, 'runWarm' | 'cool'> => ({
  async runWarm(request, signal) {
    const spec = WarmRunSpec.parse(request);
    expect(spec.warm.limits);
    rejectBeyond(spec.warm.limits, spec.limits);
    return carryOut(coldTask(spec), signal);
  },
  cool: async () => undefined,
});

/** Tries, at the first request, whether sandboxes can be kept warm here, and else does without. */
export function warmWherePossible(
  warm: Pick<Sandbox, 'runWarm' | 'cool'>,
  cold: Pick<Sandbox, 'runWarm' | 'cool'>,
  blobs: BlobStore,
): Pick<Sandbox, 'runWarm' | 'cool'> {
  let possible: Promise<boolean> | undefined;
  let failures = 0;

  async function probe(): Promise<boolean> {
    const key = `probe-${randomUUID()}`;
    const limits = Limits.parse({ wallMs: 20_000, memoryMb: 64, diskMb: 16 });
    const files = { 'nothing.py': await blobs.put('') };
    const request = { key, label: 'probe', argv: ['/base/nothing.py'], limits };
    try {
      const spec = { ...request, warm: { key, preload: 'nothing.py', files, limits } };
      const { ending } = await warm.runWarm(spec, AbortSignal.timeout(60_000));
      return ending.kind === 'exited' && ending.code === 0;
    } catch {
      // What failed may have been the moment's doing, so the next request asks again, until it has failed too often.
      failures += 1;
      if (failures < ATTEMPTS) possible = undefined;
      return false;
    } finally {
      await warm.cool(key);
    }
  }

  return {
    async runWarm(request, signal) {
      possible ??= probe();
      return ((await possible) ? warm : cold).runWarm(request, signal);
    },
    cool: (key) => warm.cool(key),
  };
}

/** As many as can run at once. */
const membersOf = (key: string): string[] =>
  Array.from({ length: availableParallelism() }, (_, index) => `${key} ${index}`);

function rejectBeyond(most: Limits, limits: Limits): void {
  for (const name of shared)
    if (limits[name] > most[name])
      throw new JobRejected(
        `limits.${name}: expected at most ${most[name]}, which the warm sandbox has, got ${limits[name]}`,
      );
}

const noLog = { tail: '', artifact: null, bytes: 0, truncated: false };

/**
 * Waits until the request has its record, or the sandbox has ended, or has the record of its preload. Then it
 * says how.
 */
async function answered(
  trial: string,
  home: WarmHome,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<WarmHome['ended']>>> {
  const record = join(trial, staged.result, 'record.json');
  const changes = watching(join(trial, staged.result));
  let lookAgainMs = Date.now() + ALIVE_EVERY_MS;
  try {
    for (;;) {
      signal.throwIfAborted();
      if (existsSync(record)) return null;
      await changes.next(LOOK_EVERY_MS, signal);
      if (existsSync(join(home.folder, staged.result, 'record.json')))
        return { outOfMemory: false, said: '' };
      if (Date.now() < lookAgainMs || existsSync(record)) continue;
      const end = await home.ended();
      // It may have been the last thing it did.
      if (end !== null) return existsSync(record) ? null : end;
      lookAgainMs = Date.now() + ALIVE_EVERY_MS;
    }
  } finally {
    changes.close();
  }
}

/** Tells of changes in a folder. Where the system can watch no more of them, time tells. */
function watching(folder: string) {
  let changed: () => void = () => undefined;
  let pending = false;
  const hear = () => {
    pending = true;
    changed();
  };
  const watcher = (() => {
    try {
      return watch(folder, hear).on('error', () => undefined);
    } catch {
      return null;
    }
  })();
  return {
    /** Returns at a change since the last call, after `patienceMs`, or when aborted. */
    async next(patienceMs: number, signal: AbortSignal): Promise<void> {
      const waiting = new AbortController();
      changed = () => waiting.abort();
      if (pending || signal.aborted) waiting.abort();
      signal.addEventListener('abort', changed, { once: true });
      await sleep(patienceMs, undefined, { signal: waiting.signal }).catch(() => undefined);
      signal.removeEventListener('abort', changed);
      changed = () => undefined;
      pending = false;
    },
    close: () => watcher?.close(),
  };
}

/** Takes a request back: what runs for it is ended, and its folder removed. */
async function withdraw(trial: string): Promise<void> {
  const gone = join(trial, '..', `.gone-${randomBytes(6).toString('hex')}`);
  try {
    await rename(trial, gone);
  } catch {
    return;
  }
  // The supervisor may be writing there for a moment; what stays goes with the sandbox.
  await rm(gone, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }).catch(() => undefined);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
