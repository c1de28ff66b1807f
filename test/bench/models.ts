import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { createJobActivities } from '../../activities/job.ts';
import { createModelActivities, type ProposeInput } from '../../activities/propose/by-model.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { modelQueue, queues } from '../../domain/queues.ts';
import { ProgramReply } from '../../llm/prompts/replies/program.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { openStore, type Store } from '../../store/store.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { modelConfig } from '../support/model-config.ts';
import { startModelServer } from '../support/model-servers.ts';
import { startServer } from '../support/temporal.ts';
import type { activities, calls } from './models-workflows.ts';

/** Calls of each kind in one block; blocks of the kinds take turns. */
const blockCalls = 20;
const blocks = 10;

const source = 'def double(value):\n    return 2 * value\n';
/** Each reply is another program, as a program that was proposed before is refused. */
const replyTo = (request: number): string =>
  JSON.stringify({
    idea: `number ${request}`,
    files: [{ path: 'double.py', content: `${source}\n\nnumber = ${request}\n` }],
    edits: [],
    removed: [],
    entry: 'double.py',
    build: 'none',
  });

/**
 * What the model layer adds to a call: proposals by a model in activities of a worker (prompt, journal, budget, cache, spend), the same
 * request by the provider's library alone, and activities that do nothing, against a server that answers at once. Also a hit in the
 * reply cache, timed inside the activity.
 */
export async function run(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const home = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const store = await openStore(home);
  const temporal = await startServer();
  const provider = await startModelServer('chat');
  Object.defineProperty(provider, 'answers', {
    get: () => [{ kind: 'text', text: replyTo(provider.requests.length) }],
  });
  const models = modelConfig({ OPENAI_BASE_URL: provider.baseUrl, OPENAI_API_KEY: provider.key });
  const native = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({
    connection: await Connection.connect({ address: temporal.address }),
    dataConverter: signedBy(store),
  });

  const inside: number[] = [];
  const { proposeByModel } = createModelActivities({
    ...{ store, catalogue: models.catalogue },
    modelOf: (route) => createModel(route, models),
    batchesOf: () => null,
  });
  const timed = async (input: ProposeInput) => {
    const from = performance.now();
    const candidate = await proposeByModel(input);
    inside.push(performance.now() - from);
    return candidate;
  };
  const common = {
    connection: native,
    dataConverter: signedBy(store),
    maxHeartbeatThrottleInterval: '500ms',
  } as const;
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queues.orchestrate,
      activities: { nothing: async () => 'nothing' },
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: fileURLToPath(new URL('./models-workflows.ts', import.meta.url)),
        logger: new DefaultLogger('ERROR'),
      }),
    }),
    Worker.create({
      ...common,
      taskQueue: modelQueue('openai'),
      activities: { proposeByModel: timed },
    }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  const execute = (workflow: 'calls' | 'activities', inputs: ProposeInput[]): Promise<number[]> =>
    client.workflow.execute<typeof calls | typeof activities>(workflow, {
      taskQueue: queues.orchestrate,
      workflowId: `${workflow}-${inputs[0]?.step}`,
      args: [inputs],
    });
  try {
    const inputOf = await prepare(store);
    const times = {
      layer: [] as number[],
      bare: [] as number[],
      activity: [] as number[],
      hit: [] as number[],
    };
    for (let block = 0; block <= blocks; block += 1) {
      const numbers = Array.from({ length: blockCalls }, (_, index) => block * blockCalls + index + 1);
      const fresh = await execute(
        'calls',
        numbers.map((number) => inputOf(number, 'fresh')),
      );
      const bare = await bareCalls(models.access.openai?.baseUrl ?? '', provider.key, inputOf(0, 'bare'));
      const nothing = await execute(
        'activities',
        numbers.map((number) => inputOf(number, 'nothing')),
      );
      inside.length = 0;
      // The same candidates under other steps: the very same requests, which the cache has.
      await execute(
        'calls',
        numbers.map((number) => inputOf(number, 'cached')),
      );
      // The first block pays for what is loaded once.
      if (block === 0) continue;
      times.layer.push(...fresh);
      times.bare.push(...bare);
      times.activity.push(...nothing);
      times.hit.push(...inside);
    }
    report(times, provider.requests.length);
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await client.connection.close();
    await native.close();
    await temporal.stop();
    await provider.close();
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** A job in the ledger that has measured its baseline. */
async function prepare(store: Store): Promise<(number: number, kind: string) => ProposeInput> {
  const job = OptimizeJob.parse({
    ...{ kind: 'optimize', name: 'models', program: 'double.py' },
    budget: { usd: 1_000, unknownPrices: 'allow' },
  });
  const files = await store.blobs.put(JSON.stringify({ 'double.py': await store.blobs.put(source) }));
  const jobId = 'optimize/models/bench.1';
  const place = (step: string) => ({ storeId: store.id, jobId, step });
  const { openJob } = createJobActivities({ store });
  const input = {
    ...{ jobId, series: 'optimize/models/bench', run: 1, storeId: store.id, job, files, parent: null },
    ...({ role: 'job', beside: await store.blobs.put('[]') } as const),
    ...{ routes: noRoutes, stageRoutes: {}, searchable: false, fresh: false, resumed: 0 },
  };
  await openJob({ ...place('open'), input });
  const program = await store.blobs.put(
    JSON.stringify({
      files: { 'double.py': await store.blobs.put(source) },
      entry: { kind: 'script', path: 'double.py', args: [] },
      build: null,
    }),
  );
  const none = { value: 1, low: 1, high: 1 };
  await store.ledger.recordTrial({
    ...{ jobId, index: 0 },
    trial: {
      candidate: {
        ...{ id: 'c-0', parents: [], operator: 'baseline', title: 'as it is', note: '', program },
      },
      purpose: 'baseline',
      outcome: { kind: 'scored', metric: none, verdict: program },
      measurement: {
        ...{ baselineMs: none, candidateMs: none, speedup: none, askingMs: none },
        ...{ noiseFloor: 0, pairs: 1, host: 'bench', samples: program },
      },
      ...{ artifacts: {}, timings: {}, seeds: [] },
    },
  });
  return (number, kind) => ({
    ...place(`${kind}/c-${number}/propose`),
    ...{ job, files, id: `c-${number}`, route: 'openai/gpt-4o', decision: { kind: 'draft' } },
    ...{ sample: null, repairs: null, fresh: false, isLast: true },
  });
}

/** The same kind of request by the provider's library alone, its reply parsed. */
async function bareCalls(
  baseURL: string,
  apiKey: string,
  { job: { name } }: ProposeInput,
): Promise<number[]> {
  const library = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  const times: number[] = [];
  for (let count = 0; count < blockCalls; count += 1) {
    const from = performance.now();
    const stream = await library.chat.completions.create({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: `Make ${name} faster.`.padEnd(4_000) }],
      max_tokens: 16_000,
      response_format: zodResponseFormat(ProgramReply, 'program'),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    ProgramReply.parse(JSON.parse(text));
    times.push(performance.now() - from);
  }
  return times;
}

/** The value below which `share` of the values are. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function report(
  { layer, bare, activity, hit }: Record<'layer' | 'bare' | 'activity' | 'hit', number[]>,
  requests: number,
): void {
  const tenth = (value: number): number => Math.round(value * 10) / 10;
  const bareP50 = percentile(bare, 0.5);
  const result = {
    name: 'models',
    layer_p50_ms: tenth(percentile(layer, 0.5) - bareP50),
    layer_p99_ms: tenth(percentile(layer, 0.99) - bareP50),
    activity_p50_ms: tenth(percentile(activity, 0.5)),
    cache_hit_p50_ms: tenth(percentile(hit, 0.5)),
  };
  const row = (values: number[], target = '') => ({
    'p50 ms': tenth(percentile(values, 0.5)),
    'p99 ms': tenth(percentile(values, 0.99)),
    target,
  });
  console.log(`${layer.length} calls of each kind, ${requests} requests at the server\n`);
  console.table({
    'a proposal by a model': row(layer),
    'the library alone': row(bare),
    'an activity that does nothing': row(activity),
    'what the layer adds': {
      'p50 ms': result.layer_p50_ms,
      'p99 ms': result.layer_p99_ms,
      target: `p50 ≤ ${tenth(result.activity_p50_ms + 15)}`,
    },
    'a hit in the reply cache, inside the activity': row(hit, 'p50 ≤ 5'),
  });
  console.log(JSON.stringify(result));
}
