import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A process with all roles of a worker. */
export interface WorkerProcess {
  process: ChildProcess;
  isThere(): boolean;
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/**
 * Starts a worker and waits until it polls, or ended itself by a signal. `house` holds its code; `within` begins its command, as one that goes into a
 * namespace. Throws where it ends otherwise.
 */
export async function startWorkerProcess(
  env: Record<string, string>,
  { house = project, within = [] }: { house?: string; within?: readonly string[] } = {},
): Promise<WorkerProcess> {
  const [program = '', ...args] = [...within, process.execPath, join(house, 'workers/all.ts')];
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  while (!/^ready: /m.test(said) && child.signalCode === null) {
    if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}: ${said}`);
    await wait(20);
  }
  const isThere = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    process: child,
    isThere,
    async end(signal) {
      if (!isThere()) return;
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    },
  };
}
