import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { connect, type JobClient } from '../../cli/server/client.ts';
import { openStore, type Store } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { startServer, type TestServer } from './temporal.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A store, a server and workers of a test's own: real processes that can be killed. */
export interface TestCrucible {
  home: string;
  store: Store;
  server: TestServer;
  client: JobClient;
  /** Starts a worker with all roles and waits until it polls. */
  startWorker(more?: Record<string, string>): Promise<void>;
  /** Whether a worker that was started is still there. */
  hasWorker(): boolean;
  /** Throws where none runs. */
  workerPid(): number;
  /** `kill -9`. */
  killWorker(): Promise<void>;
  /** As a deployment does: it is given time to end what it can. */
  endWorker(): Promise<void>;
  /** What is left of sandboxes: containers of this store, and staged folders. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts a server for a new store; workers run the code in `house`. */
export async function startCrucible(
  environment: Record<string, string> = {},
  house = project,
): Promise<TestCrucible> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-home-'));
  const { shared } = readConfig({ ...environment, CRUCIBLE_HOME: home });
  const store = await openStore(home, { shared });
  const server = await startServer();
  const client = await connect(server.address, 'default', store);
  let worker: WorkerProcess | null = null;

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await worker?.end(signal);
    worker = null;
  }

  const crucible: TestCrucible = {
    home,
    store,
    server,
    client,
    async startWorker(more = {}) {
      const own = { ...environment, CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: server.address, ...more };
      worker = await startWorkerProcess(own, { house });
    },
    workerPid() {
      if (worker?.process.pid === undefined) throw new Error('expected a worker that runs, found none');
      return worker.process.pid;
    },
    hasWorker: () => worker?.isThere() ?? false,
    killWorker: () => end('SIGKILL'),
    endWorker: () => end('SIGTERM'),
    leftovers: () => leftoversOf(home, store),
    async stop() {
      await end('SIGTERM');
      await client.close();
      await server.stop();
      await store.close();
      await rm(home, { recursive: true, force: true });
    },
  };
  return crucible;
}

/** Returns what is left of the sandboxes of a store: containers, and folders that its host staged below `home`. */
export async function leftoversOf(home: string, store: Store): Promise<string[]> {
  const found: string[] = [];
  const docker = new Docker({ socketPath: '/var/run/docker.sock' });
  const containers = await docker
    .listContainers({ all: true, filters: { label: [`crucible.store=${store.id}`] } })
    .catch(() => []);
  found.push(...containers.map((each) => `container ${each.Names.join(' ')} (${each.State})`));
  for (const kind of ['docker', 'bubblewrap']) {
    const folders = await readdir(join(home, 'sandboxes', kind)).catch(() => []);
    found.push(...folders.map((each) => `folder ${kind}/${each}`));
  }
  return found;
}

/** Waits until `found` gives something, looking every 20 ms. Throws after `patienceMs`. */
export async function until<T>(
  what: string,
  patienceMs: number,
  found: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await found();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s for ${what}`);
    await wait(20);
  }
}
