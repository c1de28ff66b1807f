import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { z } from 'zod';
import { createJobActivities } from '../../activities/job.ts';
import type { JobInput, Routes } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { benchOf, endingOf, queues } from '../../domain/queues.ts';
import type { CatalogueFile } from '../../llm/catalogue/catalogue.schema.ts';
import { openStore, type Store } from '../../store/store.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';
import { startServer } from '../support/temporal.ts';
import { stubActivities } from '../workflows/stub-activities.ts';

const modelMain = fileURLToPath(new URL('../../workers/model.ts', import.meta.url));
const logger = new DefaultLogger('ERROR');
// Else a dozen workers tell each of their states among the tests' results.
Runtime.install({ logger });

export const optimizeWorkflows = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** A worker process that asks models and does nothing else. */
export interface ModelWorker {
  /** `kill -9`. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Jobs whose models are asked for real, by worker processes over a real ledger, and whose programs are not run: every one of them
 * turns out to be right and twice as fast.
 */
export interface ModelJobs {
  store: Store;
  client: Client;
  /** Starts a worker of role `model` and waits until it polls. */
  startWorker(): Promise<ModelWorker>;
  /** A job on a script of its own, so that no two jobs ask the same. */
  inputOf(
    name: string,
    fields?: Partial<z.input<typeof OptimizeJob>>,
    given?: Partial<JobInput<OptimizeJob>>,
  ): Promise<JobInput<OptimizeJob>>;
  start(workflow: string, input: { jobId: string }): Promise<WorkflowHandle>;
  stop(): Promise<void>;
}

/** What a test says of its stub servers: each is a provider, by name, whose one model is `NAME/stub`. */
export interface StubProvider {
  server: ModelServer;
  limits?: { inFlight: number };
  /** Of a reply, tokens. */
  maxOutput?: number;
}

/** US dollars per million tokens of every stubbed model. */
export const price = { inputPerMtok: 1, outputPerMtok: 8 };

export const startProvider = async (stub: Omit<StubProvider, 'server'> = {}): Promise<StubProvider> => ({
  ...stub,
  server: await startModelServer('chat'),
});

/** Starts a store, a server, and a worker for everything but models that offers the workflows of the file at `workflowsPath`. */
export async function startModelJobs(
  providers: Record<string, StubProvider>,
  workflowsPath: string,
): Promise<ModelJobs> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-models-'));
  await writeFile(join(home, 'models.yaml'), JSON.stringify(catalogueOf(providers)));
  const keys = Object.entries(providers).map(([name, { server }]) => [keyVariable(name), server.key]);
  const store = await openStore(home);
  const server = await startServer();
  const connection = await NativeConnection.connect({ address: server.address });
  const dataConverter = signedBy(store);
  const client = new Client({
    connection: await Connection.connect({ address: server.address }),
    dataConverter,
  });
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  const activities = {
    ...stubActivities({ 'as it is': { speedups: [2] } }).activities,
    ...createJobActivities({ store }),
    listStrategies: async () => ({ applicable: [], notUsed: [] }),
  };
  const own = (queue: string): string => `${queue}${endingOf(store.id)}`;
  const workers = await Promise.all(
    [...Object.values(queues), benchOf('stub-host')].map((queue) =>
      Worker.create({
        ...{ connection, taskQueue: own(queue), activities, dataConverter },
        ...(queue === queues.orchestrate ? { workflowBundle } : {}),
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  const started = new Set<ModelWorker>();

  return {
    store,
    client,
    async startWorker() {
      const child = spawn(process.execPath, [modelMain], {
        env: {
          ...process.env,
          ...Object.fromEntries(keys),
          ...{ CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: server.address },
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      await polling(child);
      const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
        started.delete(worker);
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, 'exit');
        child.kill(signal);
        await gone;
      };
      const worker: ModelWorker = { kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
      started.add(worker);
      return worker;
    },
    async inputOf(name, fields = {}, given = {}) {
      const program = await store.blobs.put(`print('the slow work of ${name}')\n`);
      const series = `optimize/${name}`;
      return {
        ...{ jobId: `${series}.1`, series, run: 1, storeId: store.id, role: 'job', parent: null },
        job: OptimizeJob.parse({ kind: 'optimize', name, program: 'slow.py', policy: 'refine', ...fields }),
        files: await store.blobs.put(JSON.stringify({ 'slow.py': program })),
        beside: await store.blobs.put('[]'),
        ...{ routes: noRoutes, stageRoutes: {}, searchable: false, fresh: false, resumed: 0 },
        ...given,
      };
    },
    start: (workflow, input) =>
      client.workflow.start(workflow, {
        ...{ workflowId: input.jobId, taskQueue: own(queues.orchestrate), args: [input] },
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    async stop() {
      await Promise.all([...started].map((worker) => worker.stop()));
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await client.connection.close();
      await connection.close();
      await server.stop();
      await store.close();
      await Promise.all(Object.values(providers).map(({ server }) => server.close()));
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** The same routes whatever a model is asked for. */
export const allRoles = (...routes: string[]): Routes => ({
  ...{ plan: routes, draft: routes, debug: routes },
  ...{ improve: routes, explain: routes },
});

/** A reply that makes a program. Its text is `content`; what people are told of it is `idea`. */
export const replyWith = (content: string, idea = 'do less'): string =>
  JSON.stringify({
    files: [{ path: 'slow.py', content }],
    ...{ idea, edits: [], removed: [], entry: 'slow.py', build: 'none' },
  });

const keyVariable = (name: string): string => `${name.toUpperCase().replaceAll('-', '_')}_API_KEY`;

function catalogueOf(providers: Record<string, StubProvider>): z.input<typeof CatalogueFile> {
  const entries = Object.entries(providers);
  return {
    providers: Object.fromEntries(
      entries.map(([name, { server, limits = {} }]) => [
        name,
        { protocol: 'chat' as const, baseUrl: server.baseUrl, keyVariable: keyVariable(name), limits },
      ]),
    ),
    models: Object.fromEntries(
      entries.map(([name, { maxOutput = 1_000 }]) => [`${name}/stub`, { price, maxOutput }]),
    ),
  };
}

async function polling(child: ChildProcess): Promise<void> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += String(chunk)));
  while (!/^ready: /m.test(said)) {
    if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}: ${said}`);
    await wait(20);
  }
}

/** All texts in what Temporal answers, those of payloads as well. */
export function textsIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textsIn).join('\n');
}
