import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { onPath } from '../setup/places.mjs';
import { startOf } from '../setup/process-start.mjs';

/** A process by its number and its start, which tells it from a later one of the same number. */
export interface Process {
  pid: number;
  startedAt: string;
}

/** A server or a worker of a home. */
export interface HomeProcess extends Process {
  /** Where the server answers, or whose work the worker does. */
  address: string;
  /** The address of the machine at which a server has its UI; null where that is not told. */
  uiHost: string | null;
}

/** The embedded server's file in `home`: by its path on a command line a server is known as this home's. */
export const serverFile = (home: string): string => join(home, 'temporal.db');

/** The logs of what runs in the background. */
export const logsOf = (home: string): { server: string; worker: string } => ({
  server: join(home, 'temporal.log'),
  worker: join(home, 'worker.log'),
});

/** Milliseconds since it was started. */
export async function ageMs({ startedAt }: Process): Promise<number> {
  const upSeconds = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
  // The kernel tells programs of 100 ticks a second, whatever it counts itself.
  return upSeconds * 1000 - Number(startedAt) * 10;
}

export const isAlive = ({ pid, startedAt }: Process): boolean => startOf(pid) === startedAt;

/**
 * Returns the servers and workers that run for `home`, oldest first. They are read from the system's own list: nothing is missing there,
 * whatever was killed before it was written down. A worker is one that `up` starts, or by hand `workers/all.ts`.
 */
export async function processesOf(home: string): Promise<{ servers: HomeProcess[]; workers: HomeProcess[] }> {
  const servers: HomeProcess[] = [];
  const workers: HomeProcess[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const startedAt = startOf(pid);
    const args = await wordsOf(pid, 'cmdline');
    if (startedAt === null) continue;
    const after = (option: string): string | undefined =>
      args.includes(option) ? args[args.indexOf(option) + 1] : undefined;
    if (after('--db-filename') === serverFile(home))
      servers.push({
        pid,
        startedAt,
        address: `localhost:${after('--port')}`,
        uiHost: after('--ui-ip') ?? null,
      });
    if (!args.some((arg) => arg.endsWith('/workers/all.ts'))) continue;
    const environment = await wordsOf(pid, 'environ');
    const setTo = (variable: string): string | undefined =>
      environment.find((each) => each.startsWith(`${variable}=`))?.slice(variable.length + 1);
    if (setTo('CRUCIBLE_HOME') === home)
      workers.push({ pid, startedAt, address: setTo('TEMPORAL_ADDRESS') ?? '', uiHost: null });
  }
  const oldestFirst = (one: Process, other: Process): number =>
    Number(one.startedAt) - Number(other.startedAt);
  return { servers: servers.sort(oldestFirst), workers: workers.sort(oldestFirst) };
}

/** None where the process has ended or is another user's. */
const wordsOf = async (pid: number, file: 'cmdline' | 'environ'): Promise<string[]> =>
  (await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).split('\0');

/** Whether the process itself listens on a port of this machine's IPv4: somebody else's server may answer there. */
export async function listensOn({ pid }: Process, port: number): Promise<boolean> {
  const isListening = '0A';
  const inPort = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = (await readFile('/proc/net/tcp', 'utf8'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${inPort}`) && state === isListening)
    .map((fields) => `socket:[${fields[9]}]`);
  const folder = `/proc/${pid}/fd`;
  for (const name of await readdir(folder).catch(() => []))
    if (sockets.includes(await readlink(join(folder, name)).catch(() => ''))) return true;
  return false;
}

/**
 * Starts a program that outlives this process. It holds the file lock `lock` as long as it lives, so a second one ends at once.
 * What it prints goes to the end of `log`.
 */
export async function detach(
  [command = '', ...args]: string[],
  { lock, log, environment }: { lock: string; log: string; environment: Record<string, string> },
): Promise<Process> {
  const out = openSync(log, 'a', 0o600);
  try {
    // flock becomes the program: the lock is an open file of the program itself.
    const flock = onPath('flock') ?? '/usr/bin/flock';
    const child = spawn(flock, ['--nonblock', '--no-fork', lock, command, ...args], {
      detached: true,
      stdio: ['ignore', out, out],
      env: { ...process.env, ...environment },
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    child.unref();
    return { pid, startedAt: startOf(pid) ?? '' };
  } finally {
    closeSync(out);
  }
}

/** Ends a process, in peace where it goes within 15 s. */
export async function stop(process_: Process): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGTERM', 15_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!isAlive(process_)) return;
    try {
      process.kill(process_.pid, signal);
    } catch {
      // It went in this moment.
    }
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline && isAlive(process_)) await wait(50);
  }
}
