import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { open, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { toolchain } from '../setup/toolchain.mjs';
import { openStore } from '../store/store.ts';
import type { Config } from '../workers/config.ts';
import { firstLine } from './client.ts';
import { makeHome } from './home.ts';
import { UserMistake } from './terminal.ts';

/** A process by its number and its start, which tells it from a later one of the same number. */
const Process = z.object({ pid: z.number().int(), startedAt: z.string() });
type Process = z.infer<typeof Process>;

const Running = z.object({
  /** Null where the server is the user's own. */
  server: Process.nullable(),
  worker: Process.nullable(),
  address: z.string(),
  /** The Temporal UI; null where it is not ours to know. */
  ui: z.string().nullable(),
});
export type Running = z.infer<typeof Running>;

const recordPath = (home: string): string => join(home, 'running.json');

/** What runs for this home, without what has died since; null for nothing. */
export async function running(home: string): Promise<Running | null> {
  let text: string;
  try {
    text = await readFile(recordPath(home), 'utf8');
  } catch {
    return null;
  }
  const parsed = Running.safeParse(JSON.parse(text));
  if (!parsed.success) return null;
  const alive = async (process: Process | null): Promise<Process | null> =>
    process !== null && (await startOf(process.pid)) === process.startedAt ? process : null;
  const server = await alive(parsed.data.server);
  const worker = await alive(parsed.data.worker);
  if (server === null && worker === null) return null;
  return { ...parsed.data, server, worker };
}

/**
 * Sees to it that a server and a worker with all roles run, detached, and returns where. Starts only what does not run. Throws
 * `UserMistake` where the port is taken, the server is missing or cannot be reached, the disk is full or the worker does not come
 * up, and `NoSandbox` where there is none; what this call had started is stopped then.
 */
export async function up(
  config: Config,
  { port, say }: { port?: number; say: (line: string) => void },
): Promise<Running> {
  await makeHome(config.home);
  const unlock = await lock(config.home);
  try {
    const before = await running(config.home);
    if (before !== null && port !== undefined && before.address !== `localhost:${port}`)
      throw new UserMistake(
        `this store's server runs at ${before.address} already; stop it first: crucible down`,
      );
    if (before?.worker == null) await expectWorkable(config);
    const served = await serve(config, before, port, say);
    await record(config.home, served);
    try {
      const worker = before?.worker ?? (await startWorker(config, served.address));
      const now: Running = { ...served, worker };
      await record(config.home, now);
      return now;
    } catch (error) {
      if (served.server !== null && before?.server == null) await stop(served.server);
      await rm(recordPath(config.home), { force: true });
      throw error;
    }
  } finally {
    await unlock();
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
    );
  const { openSandbox } = await import('../workers/sandbox-of.ts');
  const store = await openStore(config.home);
  try {
    await openSandbox(config, store);
  } finally {
    await store.close();
  }
}

async function serve(
  config: Config,
  before: Running | null,
  port: number | undefined,
  say: (line: string) => void,
): Promise<Running> {
  const worker = before?.worker ?? null;
  if (config.temporalAddress !== null) {
    if (worker !== null && before?.address !== config.temporalAddress)
      throw new UserMistake(
        `TEMPORAL_ADDRESS is ${config.temporalAddress}, but this store's worker works for ${before?.address}; stop it first: crucible down`,
      );
    await expectServer(config.temporalAddress, config.namespace);
    return { server: null, worker, address: config.temporalAddress, ui: null };
  }
  if (before?.server != null) return before;

  const { temporal } = await toolchain();
  if (temporal === null)
    throw new UserMistake(
      'expected the Temporal server, found none. Type: npm run setup, or set TEMPORAL_ADDRESS',
    );
  // A worker that outlived its server waits for it at the same place.
  const wanted = port ?? (worker === null ? undefined : Number(before?.address.split(':')[1]));
  const taken = await choosePort(wanted, say);
  const log = join(config.home, 'temporal.log');
  const ui = taken + 1000;
  const server = await detach(
    temporal,
    [...serverArguments(taken, join(config.home, 'temporal.db')), '--ui-port', String(ui)],
    log,
    {},
  );
  const address = `localhost:${taken}`;
  await answering(address, server, log);
  return { server, worker, address, ui: `http://localhost:${ui}` };
}

/** How the development server is started on a file of its own, so that it can be stopped and go on. */
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
async function expectServer(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '5s' }).catch((error: unknown) => {
    throw new UserMistake(
      `TEMPORAL_ADDRESS: expected a Temporal server at ${address}, none answered (${firstLine(error)}). Start it, or unset TEMPORAL_ADDRESS: Crucible then starts one of its own`,
    );
  });
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    throw new UserMistake(
      `TEMPORAL_NAMESPACE: expected the namespace ${namespace} at ${address}: ${firstLine(error)}`,
    );
  } finally {
    await connection.close();
  }
}

const firstPort = 7233;
/** The highest whose UI, 1000 above, still has a port. */
const lastPort = 65_535 - 1000;
const portsTried = 50;

async function choosePort(wanted: number | undefined, say: (line: string) => void): Promise<number> {
  const free = async (port: number): Promise<boolean> => (await isFree(port)) && (await isFree(port + 1000));
  if (wanted !== undefined) {
    if (wanted > lastPort)
      throw new UserMistake(`--port: expected at most ${lastPort}, for the UI is 1000 above; got ${wanted}`);
    if (await free(wanted)) return wanted;
    throw new UserMistake(
      `port ${wanted} (or ${wanted + 1000}, for the UI) is taken by another program; name another: crucible up --port NUMBER`,
    );
  }
  for (let port = firstPort; port < firstPort + portsTried; port += 1) {
    if (!(await free(port))) continue;
    if (port !== firstPort) say(`port ${firstPort} is taken by another program; the server takes ${port}`);
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

async function answering(address: string, server: Process, log: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '1s' });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return;
    } catch {
      if ((await startOf(server.pid)) !== server.startedAt)
        throw new UserMistake(
          `the Temporal server ended at once: ${(await lastLine(log)) || 'it said nothing'} (its log: ${log})`,
        );
      await wait(100);
    }
  }
  await stop(server);
  throw new UserMistake(`the Temporal server did not answer at ${address} within 30 s; its log: ${log}`);
}

async function startWorker(config: Config, address: string): Promise<Process> {
  const log = join(config.home, 'worker.log');
  const main = fileURLToPath(new URL('../workers/all.ts', import.meta.url));
  const from = (await readFile(log, 'utf8').catch(() => '')).length;
  const worker = await detach(process.execPath, [main], log, {
    TEMPORAL_ADDRESS: address,
    CRUCIBLE_HOME: config.home,
  });
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const said = (await readFile(log, 'utf8')).slice(from);
    if (/^ready: /m.test(said)) return worker;
    if ((await startOf(worker.pid)) !== worker.startedAt)
      throw new UserMistake(`the worker did not start: ${lastError(said)} (all of it: ${log})`);
    await wait(50);
  }
  await stop(worker);
  throw new UserMistake(`the worker was not ready within 60 s; its log: ${log}`);
}

/** The line that says what went wrong: that of the error, without its stack. */
const lastError = (said: string): string =>
  said.match(/^(?:\w*Error|NoSandbox|SandboxUnavailable)(?: \[\w+\])?: (.*)$/m)?.[1] ??
  said.trim().split('\n').at(-1) ??
  '';

const lastLine = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '';

/** Stops the worker, then the server. Open jobs go on at the next `up`. Returns whether there was anything to stop. */
export async function down(home: string): Promise<boolean> {
  const now = await running(home);
  if (now === null) return false;
  for (const process_ of [now.worker, now.server]) if (process_ !== null) await stop(process_);
  await rm(recordPath(home), { force: true });
  return true;
}

async function stop({ pid, startedAt }: Process): Promise<void> {
  const isAlive = async (): Promise<boolean> => (await startOf(pid)) === startedAt;
  for (const [signal, patienceMs] of [
    ['SIGTERM', 15_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!(await isAlive())) return;
    process.kill(pid, signal);
    for (let waited = 0; waited < patienceMs && (await isAlive()); waited += 50) await wait(50);
  }
}

async function detach(
  command: string,
  args: string[],
  log: string,
  environment: Record<string, string>,
): Promise<Process> {
  const out = openSync(log, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', out, out],
      env: { ...process.env, ...environment },
    });
    const started = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    child.unref();
    return { pid: started, startedAt: (await startOf(started)) ?? '' };
  } finally {
    closeSync(out);
  }
}

/** When a process was started, in the kernel's ticks since boot; null where there is none, or only a zombie. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1)?.split(' ') ?? [];
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

async function record(home: string, now: Running): Promise<void> {
  const draft = `${recordPath(home)}.${process.pid}`;
  await writeFile(draft, JSON.stringify(now, null, 2), { mode: 0o600 });
  await rename(draft, recordPath(home));
}

/** One `up` at a time; a lock whose holder has died is taken over. */
async function lock(home: string): Promise<() => Promise<void>> {
  const path = join(home, 'up.lock');
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (holder > 0 && (await startOf(holder)) === null) await rm(path, { force: true });
      else await wait(100);
    }
  }
}
