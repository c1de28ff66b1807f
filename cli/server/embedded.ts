import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, realpath, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { holdLock } from '../../setup/lock.mjs';
import { toolchain } from '../../setup/toolchain.mjs';
import { openStore } from '../../store/store.ts';
import { besideServer } from '../../workers/beside.ts';
import type { Config } from '../../workers/config.ts';
import {
  ageMs,
  detach,
  type HomeProcess,
  isAlive,
  listensOn,
  logsOf,
  type Process,
  processesOf,
  serverFile,
  stop,
} from '../../workers/processes.ts';
import { exitStatus } from '../exit-status.ts';
import { UserMistake } from '../terminal.ts';
import { firstLine } from './client.ts';
import { closeToOthers, makeHome } from './home.ts';
import { changedSince } from './newer-code.ts';

const Numbered = z.object({ pid: z.number().int(), startedAt: z.string() });

const Running = z.object({
  /** Null where the server is the user's own. */
  server: Numbered.nullable(),
  worker: Numbered.nullable(),
  address: z.string(),
  /** The Temporal UI; null where it is not ours to know. */
  ui: z.string().nullable(),
});
export type Running = z.infer<typeof Running>;

/** What runs, for other programs to read. Crucible itself looks at the processes: no file can be wrong about them. */
const recordPath = (home: string): string => join(home, 'running.json');

/** What runs for this home; null for nothing. */
export async function running(home: string): Promise<Running | null> {
  const { servers, workers } = await processesOf(await realpath(home).catch(() => home));
  return stateOf(servers[0], workers[0]);
}

function stateOf(server: HomeProcess | undefined, worker: HomeProcess | undefined): Running | null {
  const address = server?.address ?? worker?.address;
  if (address === undefined) return null;
  const known = (each: Process | undefined): Process | null =>
    each === undefined ? null : { pid: each.pid, startedAt: each.startedAt };
  return { server: known(server), worker: known(worker), address, ui: server ? uiOf(address) : null };
}

const portOf = (address: string): number => Number(address.split(':')[1]);
const uiOf = (address: string): string => `http://localhost:${portOf(address) + 1000}`;

export interface UpOptions {
  port?: number;
  say: (line: string) => void;
  /** Ends every wait: what this call had started is stopped then. */
  signal?: AbortSignal;
  /** Asked for by a worker, whose server has died: where no worker runs any more, nothing is started. */
  besideServer?: boolean;
}

/**
 * Sees to it that one server and one worker with all roles run, detached, and returns where. What runs already
 * stays, however it came about; what is too many, or answers no more, is ended. Throws `UserMistake` where the
 * port is taken, or the server is missing or cannot be reached. It throws that, too, for a full disk and a
 * worker that does not come up. It throws `NoSandbox` where there is none. What this call had started is
 * stopped then.
 */
export async function up(config: Config, { port, say, signal, ...from }: UpOptions): Promise<Running> {
  await makeHome(config.home);
  const home = await realpath(config.home);
  return alone(home, say, signal, async () => {
    const { servers, workers } = await processesOf(home);
    const [server, ...otherServers] = servers;
    const [worker, ...otherWorkers] = workers;
    if (from.besideServer && worker === undefined)
      throw new UserMistake('no worker runs, so no server is started', { status: exitStatus.failed });
    if (server !== undefined && port !== undefined && portOf(server.address) !== port)
      throw new UserMistake(
        `this store's server runs at ${server.address} already; stop it first: crucible down`,
      );
    for (const left of [...otherWorkers, ...otherServers]) await stop(left);
    await expectRecord(home, say);

    const started: Process[] = [];
    const start = async (...given: Parameters<typeof detach>): Promise<Process> => {
      const process_ = await detach(...given);
      started.push(process_);
      return process_;
    };
    try {
      if (worker === undefined) await expectWorkable(config);
      const served = await serve({ ...config, home }, { server, worker, port, say, signal, start });
      await record(home, { ...served, worker: null });
      const follows = worker !== undefined && worker.address === served.address;
      if (worker !== undefined && !follows) await stop(worker);
      if (follows) await tellOfNewCode(worker, say);
      const from = follows ? 0 : (await readFile(logsOf(home).worker, 'utf8').catch(() => '')).length;
      const now = follows ? worker : await startWorker(home, served, start);
      await ready(now, { home, from, signal });
      const state: Running = { ...served, worker: { pid: now.pid, startedAt: now.startedAt } };
      await record(home, state);
      return state;
    } catch (error) {
      for (const process_ of started.reverse()) await stop(process_);
      const left = await running(home);
      if (left === null) await rm(recordPath(home), { force: true });
      throw error;
    }
  });
}

/** Says so where a worker runs code that was changed since. It is not ended for that: jobs go on in it. */
async function tellOfNewCode(worker: Process, say: (line: string) => void): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const changed = changedSince(root, Date.now() - (await ageMs(worker)));
  if (changed !== null)
    say(
      `the worker that runs (process ${worker.pid}) was started before Crucible's code changed (${changed}), and works by the old: crucible down, then again`,
    );
}

/** One `up` or `down` of a home at a time. */
async function alone<T>(
  home: string,
  say: (line: string) => void,
  signal: AbortSignal | undefined,
  act: () => Promise<T>,
): Promise<T> {
  const unlock = await holdLock(
    join(home, 'up.lock'),
    (pid) => say(`waiting for process ${pid}, which starts or stops the server of ${home}`),
    { tellAfterMs: 2_000, ...(signal === undefined ? {} : { signal }) },
  );
  try {
    return await act();
  } finally {
    unlock();
  }
}

/** Says so where the record of what runs is damaged: nothing depends on it. */
async function expectRecord(home: string, say: (line: string) => void): Promise<void> {
  const text = await readFile(recordPath(home), 'utf8').catch(() => null);
  if (text === null) return;
  try {
    Running.parse(JSON.parse(text));
  } catch {
    say(`${recordPath(home)} was damaged: what runs was found among the processes`);
  }
}

const leastFreeMb = 100;

/** What a worker would find missing is better seen before anything is started. */
async function expectWorkable(config: Config): Promise<void> {
  const { bavail, bsize } = await statfs(config.home);
  const freeMb = Math.floor((bavail * bsize) / 2 ** 20);
  if (freeMb < leastFreeMb)
    throw new UserMistake(
      `expected ${leastFreeMb} MiB free on the disk of ${config.home}, found ${freeMb} MiB: free some space, or set CRUCIBLE_HOME to a folder on another disk`,
      { status: exitStatus.failed },
    );
  const { openSandbox } = await import('../../workers/sandbox-of.ts');
  const store = await openStore(config.home, { shared: config.shared });
  try {
    await openSandbox(config, store);
  } finally {
    await store.close();
  }
}

type Serving = {
  server: HomeProcess | undefined;
  worker: HomeProcess | undefined;
  port: number | undefined;
  say: (line: string) => void;
  signal: AbortSignal | undefined;
  start: typeof detach;
};

async function serve(
  config: Config,
  { server, worker, port, say, signal, start }: Serving,
): Promise<Omit<Running, 'worker'>> {
  if (config.temporalAddress !== null) {
    if (worker !== undefined && worker.address !== config.temporalAddress)
      throw new UserMistake(
        `TEMPORAL_ADDRESS is ${config.temporalAddress}, but this store's worker works for ${worker.address}; stop it first: crucible down`,
        { status: exitStatus.failed },
      );
    await expectServer(config.temporalAddress, config);
    return { server: null, address: config.temporalAddress, ui: null };
  }
  const { server: log } = logsOf(config.home);
  if (server !== undefined) {
    if (await answers(server.address, server, signal))
      return { server, address: server.address, ui: uiOf(server.address) };
    say(`the server at ${server.address} answers no more: it is started again`);
    await stop(server);
  }

  const { temporal } = await toolchain();
  if (temporal === null)
    throw new UserMistake(
      'expected the Temporal server, found none. Type: npm run setup, or set TEMPORAL_ADDRESS',
      { status: exitStatus.failed },
    );
  // A worker that outlived its server waits for it at the same place.
  const before = worker === undefined ? undefined : portOf(worker.address);
  for (let tries = 1; ; tries += 1) {
    const taken = await choosePort(port, before, say);
    const address = `localhost:${taken}`;
    await removeHalfMade(serverFile(config.home));
    const process_ = await start(
      [
        temporal,
        ...serverArguments(taken, serverFile(config.home)),
        // The worker hands on what is asked for at 127.0.0.1, if this machine asks.
        ...['--ui-port', String(taken + 1000), '--ui-ip', secretAddress()],
      ],
      { lock: join(config.home, 'server.lock'), log, environment: {} },
    );
    if (await answers(address, process_, signal)) {
      // The server makes its file only where there is none, for everybody.
      await closeToOthers(config.home);
      return { server: process_, address, ui: uiOf(address) };
    }
    const isUp = isAlive(process_);
    // Another program may have taken the port in the moment between.
    if (!isUp && port === undefined && tries < mostTries && !(await isFree(taken))) continue;
    throw new UserMistake(
      isUp
        ? `the Temporal server did not answer at ${address} within 30 s; its log: ${log}`
        : `the Temporal server ended at once: ${(await lastLine(log)) || 'it said nothing'} (its log: ${log})`,
      { status: exitStatus.failed },
    );
  }
}

const mostTries = 5;

/** An address of this machine alone that nobody can guess: 127.0.0.0/8 has 16 million. */
const secretAddress = (): string => ['127', ...Array.from({ length: 3 }, () => randomInt(1, 255))].join('.');

/**
 * Removes a server's file that was never finished, so that none can start on it. A server makes its tables only where there is no file.
 * One that was killed at its very first start, or found no room, leaves such a file. It holds nothing yet: its first namespace comes last.
 */
async function removeHalfMade(file: string): Promise<void> {
  if (!existsSync(file) || hasNamespace(file)) return;
  for (const each of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) await rm(each, { force: true });
}

/**
 * Tells whether a namespace is in the server's file. It is true also where that cannot be read, and is the
 * server's to say.
 */
function hasNamespace(file: string): boolean {
  try {
    const db = new DatabaseSync(file);
    try {
      return db.prepare('select 1 from namespaces limit 1').get() !== undefined;
    } finally {
      db.close();
    }
  } catch (error) {
    return !(error instanceof Error && error.message.includes('no such table'));
  }
}

/** How the development server is started on a file of its own. So it can be stopped and go on. */
export const serverArguments = (port: number, file: string): string[] => [
  ...[
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    '--log-level',
    'warn',
    '--db-filename',
    file,
  ],
  // Full durability on every write costs four to five times the time under load; the ledger is what must not be lost.
  ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1'],
  // By default each of the development server's queues is looked at every 50 ms: that delays every step.
  ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
  ...['--dynamic-config-value', 'history.timerProcessorMaxPollRPS=2000'],
];

/** Throws `UserMistake` where the user's own server does not answer, or does not know the namespace. */
async function expectServer(
  address: string,
  { namespace, access }: Pick<Config, 'namespace' | 'access'>,
): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '5s', ...access }).catch(
    (error: unknown) => {
      throw new UserMistake(
        `TEMPORAL_ADDRESS: expected a Temporal server at ${address}, none answered (${firstLine(error)}). Start it, or unset TEMPORAL_ADDRESS: Crucible then starts one of its own`,
        { status: exitStatus.failed },
      );
    },
  );
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    throw new UserMistake(
      `TEMPORAL_NAMESPACE: expected the namespace ${namespace} at ${address}: ${firstLine(error)}`,
      { status: exitStatus.failed },
    );
  } finally {
    await connection.close();
  }
}

const firstPort = 7233;
/** The highest whose UI, 1000 above, still has a port. */
const lastPort = 65_535 - 1000;
const portsTried = 50;

/** `wanted` by the user, or none; `before`: where the worker that runs looks for its server. */
async function choosePort(
  wanted: number | undefined,
  before: number | undefined,
  say: (line: string) => void,
): Promise<number> {
  // Where a worker lives, it holds the way to the UI there itself.
  const free = async (port: number): Promise<boolean> =>
    (await isFree(port)) && (port === before || (await isFree(port + 1000)));
  if (wanted !== undefined) {
    if (wanted > lastPort)
      throw new UserMistake(`--port: expected at most ${lastPort}, for the UI is 1000 above; got ${wanted}`);
    if (await free(wanted)) return wanted;
    throw new UserMistake(
      `port ${wanted} (or ${wanted + 1000}, for the UI) is taken by another program; name another: crucible up --port NUMBER`,
    );
  }
  const preferred = before ?? firstPort;
  const others = Array.from({ length: portsTried }, (_, index) => firstPort + index);
  for (const port of new Set([preferred, ...others])) {
    if (!(await free(port))) continue;
    const follow = before === undefined ? '' : ', and a new worker with it';
    if (port !== preferred)
      say(`port ${preferred} is taken by another program; the server takes ${port}${follow}`);
    return port;
  }
  throw new UserMistake(
    `ports ${firstPort} to ${firstPort + portsTried} are all taken; name one: crucible up --port NUMBER`,
  );
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/** Whether the server, and no other, answers there within 30 s; false as soon as it has ended. */
async function answers(address: string, server: Process, signal: AbortSignal | undefined): Promise<boolean> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && isAlive(server)) {
    signal?.throwIfAborted();
    try {
      if (!(await listensOn(server, portOf(address)))) throw new Error('it does not listen yet');
      const connection = await Connection.connect({ address, connectTimeout: '1s' });
      await connection.withDeadline(Date.now() + 5_000, () =>
        connection.workflowService.describeNamespace({ namespace: 'default' }),
      );
      await connection.close();
      return true;
    } catch {
      await wait(100);
    }
  }
  return false;
}

function startWorker(
  home: string,
  { server, address }: Omit<Running, 'worker'>,
  start: typeof detach,
): Promise<Process> {
  const main = fileURLToPath(new URL('../../workers/all.ts', import.meta.url));
  return start([process.execPath, main, ...(server === null ? [] : [besideServer])], {
    lock: join(home, 'worker.lock'),
    log: logsOf(home).worker,
    environment: {
      ...{ TEMPORAL_ADDRESS: address, CRUCIBLE_HOME: home },
      // What is said of another server does not hold for the embedded one.
      ...(server === null ? {} : { TEMPORAL_TLS: '', TEMPORAL_API_KEY: '', TEMPORAL_PROFILE: '' }),
    },
  });
}

/**
 * Waits until the worker polls; what it says stands in its log after the first `from` characters. One that an `up` before this
 * one started may still be on its way.
 */
async function ready(
  worker: Process,
  { home, from, signal }: { home: string; from: number; signal: AbortSignal | undefined },
): Promise<void> {
  const { worker: log } = logsOf(home);
  const line = new RegExp(`^ready: .*process ${worker.pid}$`, 'm');
  for (;;) {
    signal?.throwIfAborted();
    // Made short meanwhile, it begins anew.
    const all = await readFile(log, 'utf8').catch(() => '');
    const said = all.length < from ? all : all.slice(from);
    if (line.test(said)) return;
    if (!isAlive(worker))
      throw new UserMistake(`the worker did not start: ${lastError(said)} (all of it: ${log})`, {
        status: exitStatus.failed,
      });
    if ((await ageMs(worker)) > startMs) break;
    await wait(50);
  }
  // Of one that was ready long ago, the log may have been made short since.
  if (from > 0)
    throw new UserMistake(`the worker was not ready within 60 s; its log: ${log}`, {
      status: exitStatus.failed,
    });
}

const startMs = 60_000;

/** The line that says what went wrong: that of the error, without its stack. */
const lastError = (said: string): string =>
  said.match(/^(?:\w*Error|NoSandbox|SandboxUnavailable)(?: \[\w+\])?: (.*)$/m)?.[1] ??
  said.trim().split('\n').at(-1) ??
  '';

const lastLine = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '';

/**
 * Stops the workers, then the servers, of this home, whoever started them. Open jobs go on at the next `up`. Returns whether there
 * was anything to stop.
 */
export async function down(given: string, say: (line: string) => void): Promise<boolean> {
  const home = await realpath(given).catch(() => null);
  if (home === null) return false;
  const end = async (): Promise<boolean> => {
    const { servers, workers } = await processesOf(home);
    await expectRecord(home, say);
    for (const process_ of [...workers, ...servers]) await stop(process_);
    await rm(recordPath(home), { force: true }).catch(() => undefined);
    return servers.length + workers.length > 0;
  };
  return alone(home, say, undefined, end).catch((error: unknown) => {
    // Where no lock can be written, as on a full disk, what runs is to be stopped all the same.
    if (error instanceof Error && 'syscall' in error) return end();
    throw error;
  });
}

async function record(home: string, now: Running): Promise<void> {
  const draft = `${recordPath(home)}.${process.pid}`;
  try {
    await writeFile(draft, JSON.stringify(now, null, 2), { mode: 0o600 });
    await rename(draft, recordPath(home));
  } finally {
    await rm(draft, { force: true });
  }
}
