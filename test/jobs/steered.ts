import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../support/crucible.ts';
import type { Script } from '../workflows/stub-activities.ts';

/** What a process holds in memory once its garbage is collected: in all, and as objects that live. */
export interface Held {
  residentMb: number;
  liveMb: number;
}

export interface SteeredWorker {
  held(): Promise<Held>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

/** Starts a worker process whose candidates run nothing and take so long each, and waits until it polls. */
export async function startSteeredWorker(
  { home, address }: { home: string; address: string },
  { script = {}, runMs = 100 }: { script?: Script; runMs?: number } = {},
): Promise<SteeredWorker> {
  const child = spawn(
    process.execPath,
    ['--expose-gc', fileURLToPath(new URL('steered-worker.ts', import.meta.url))],
    {
      env: {
        ...process.env,
        ...{ CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: address },
        ...{ STUB_RUN_MS: String(runMs), STUB_SCRIPT: JSON.stringify(script) },
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  await until('the worker', 120_000, async () => {
    if (hasEnded(child)) throw new Error(`expected a worker, it ended: ${said}`);
    return said.includes('ready');
  });
  return {
    async held() {
      const from = said.length;
      child.kill('SIGHUP');
      return until('what the worker holds', 60_000, async () => {
        const [, found] = /^held (.*)$/m.exec(said.slice(from)) ?? [];
        return found === undefined ? undefined : (JSON.parse(found) as Held); // written by the worker
      });
    },
    async kill() {
      if (hasEnded(child)) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;
