import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createJobActivities } from '../../activities/job.ts';
import { createModelActivities } from '../../activities/propose/by-model.ts';
import { createCaseActivities } from '../../activities/try/cases.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { optimizeOriginal } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { modelQueue, queues } from '../../domain/queues.ts';
import { median } from '../../domain/speedup.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { createScriptedModel } from '../../llm/providers/scripted.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { openStore } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { answersExam } from '../support/answers-exam.ts';
import { startServer } from '../support/temporal.ts';
import { measureAsking } from './asking.ts';
import type { Round, round, threeActivities } from './overhead-workflows.ts';

const rounds = 21;

const source = 'def double(value):\n    return 2 * value\n';
/** What the model gives: a program that is the original is refused. */
const other = 'def double(value):\n    return value + value\n';
const cases = 'def make_case(seed):\n    return (seed,)\n';

/**
 * One scripted propose → run → grade round of a trivial program, the same program by plain `docker run`, and three bare activities:
 * medians of `rounds`, taken in turns on one embedded server. Then what it costs to ask a player.
 */
export async function run(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const home = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const config = { ...readConfig(process.env), home };
  const store = await openStore(home);
  const { sandbox, why } = await openSandbox(config, store);
  const server = await startServer();
  const native = await NativeConnection.connect({ address: server.address });
  const client = new Client({
    connection: await Connection.connect({ address: server.address }),
    dataConverter: signedBy(store),
  });
  const context = { store, sandbox };
  const { prepareCases } = createCaseActivities(context);
  const model = createScriptedModel(() => ({
    value: {
      idea: 'a sum',
      files: [{ path: 'double.py', content: other }],
      edits: [],
      removed: [],
      entry: 'double.py',
      build: 'none',
    },
  }));
  const common = {
    connection: native,
    dataConverter: signedBy(store),
    maxHeartbeatThrottleInterval: '500ms',
  } as const;
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./overhead-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: queues.orchestrate,
      workflowBundle: bundle,
      activities: { nothing: async () => 'nothing', prepareCases },
    }),
    Worker.create({ ...common, taskQueue: queues.sandbox, activities: createRunActivities(context) }),
    Worker.create({ ...common, taskQueue: queues.grade, activities: createGradeActivities(context) }),
    Worker.create({
      ...common,
      taskQueue: modelQueue('scripted'),
      activities: createModelActivities({ store, catalogue: config.models.catalogue, modelOf: () => model }),
    }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  try {
    const setUp = await prepare(home);
    const times = { round: [] as number[], docker: [] as number[], three: [] as number[] };
    for (let number = 0; number <= rounds; number += 1) {
      const roundMs = await client.workflow.execute<typeof round>('round', {
        taskQueue: queues.orchestrate,
        workflowId: `round-${number}`,
        args: [{ ...setUp, number }],
      });
      const dockerMs = await dockerRun(home);
      const threeMs = await client.workflow.execute<typeof threeActivities>('threeActivities', {
        taskQueue: queues.orchestrate,
        workflowId: `three-${number}`,
      });
      // The first of each pays for what is loaded once.
      if (number === 0) continue;
      times.round.push(roundMs);
      if (dockerMs !== null) times.docker.push(dockerMs);
      times.three.push(threeMs);
    }
    report(times, await measureAsking(context), why);
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await client.connection.close();
    await native.close();
    await server.stop();
    await sandbox.sweep({ all: true });
    await store.close();
    await rm(home, { recursive: true, force: true });
  }

  /** Files, cases and a measured baseline in the ledger, as a job has them when it proposes. */
  async function prepare(folder: string): Promise<Omit<Round, 'number'>> {
    const job = OptimizeJob.parse({
      kind: 'optimize',
      name: 'overhead',
      program: 'double.py',
      function: 'double',
      cases: 'cases.py',
    });
    await writeFile(join(folder, 'double.py'), source);
    const tree = { 'double.py': await store.blobs.put(source), 'cases.py': await store.blobs.put(cases) };
    const files = await store.blobs.put(JSON.stringify(tree));
    const jobId = 'optimize/overhead/bench.1';
    const place = (step: string) => ({ storeId: store.id, jobId, step });
    const { openJob, packProgram } = createJobActivities({ store });
    const input = {
      ...{ jobId, series: 'optimize/overhead/bench', run: 1, storeId: store.id, job, files, parent: null },
      ...({ role: 'job', beside: await store.blobs.put('[]') } as const),
      ...{ routes: noRoutes, stageRoutes: {}, searchable: false, fresh: false, resumed: 0 },
    };
    await openJob({ ...place('open'), input });
    return inActivity(async () => {
      const original = optimizeOriginal(job);
      const { candidate, seen } = await packProgram({ ...place('pack'), files, original });
      const exam = answersExam(job, files, seen);
      const made = await prepareCases({ ...place('cases'), exam, checks: 3, timings: 0 });
      const none = { value: 1, low: 1, high: 1 };
      const trial: Trial = {
        candidate,
        purpose: 'baseline',
        outcome: { kind: 'scored', metric: none, verdict: made.caseSet },
        measurement: {
          ...{ baselineMs: none, candidateMs: none, speedup: none, askingMs: none },
          ...{ noiseFloor: 0, pairs: 1, host: 'bench', samples: made.caseSet },
        },
        artifacts: {},
        timings: {},
        seeds: [],
      };
      await store.ledger.recordTrial({ jobId, index: 0, trial });
      return { storeId: store.id, jobId, job, files, seen, cases: made };
    });
  }
}

/** Activities look at their own heartbeat: outside a worker they need a stand-in for it. */
async function inActivity<T>(act: () => Promise<T>): Promise<T> {
  const { MockActivityEnvironment } = await import('@temporalio/testing');
  return new MockActivityEnvironment().run(act);
}

/** The same program by hand: its container made, run and removed. Null where there is no Docker. */
async function dockerRun(home: string): Promise<number | null> {
  const { docker, image } = await toolchain();
  if (docker === null || image === null) return null;
  const from = performance.now();
  const child = spawn(
    'docker',
    [
      ...['run', '--rm', '--network', 'none', '--volume', `${home}/double.py:/in/double.py:ro`, image],
      ...[
        '/opt/crucible/python/bin/python3',
        '-c',
        'import sys; sys.path.insert(0, "/in"); import double; print(double.double(21))',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`docker run ended with ${code}`);
  return performance.now() - from;
}

function report(
  { round, docker, three }: { round: number[]; docker: number[]; three: number[] },
  asking: Record<string, number>,
  why: string,
): void {
  const rounded = (values: number[]): number | null =>
    values.length === 0 ? null : Math.round(median(values) * 10) / 10;
  const result = {
    name: 'overhead',
    round_ms: rounded(round),
    docker_run_ms: rounded(docker),
    three_activities_ms: rounded(three),
    asking_ms: asking,
  };
  const allowed = result.docker_run_ms === null ? null : 3 * result.docker_run_ms + 150;
  console.log(`sandbox: ${why}; medians of ${round.length}\n`);
  console.table({
    'propose → run → grade in Crucible': {
      ms: result.round_ms,
      target: allowed === null ? '' : `≤ ${allowed.toFixed(0)}`,
    },
    'the same program by docker run': { ms: result.docker_run_ms, target: '' },
    'three bare activities': { ms: result.three_activities_ms, target: '≤ 90' },
  });
  console.log('\nwhat it costs to ask for one answer, by what the arguments are:');
  console.table(Object.fromEntries(Object.entries(asking).map(([title, ms]) => [title, { ms }])));
  console.log(JSON.stringify(result));
}
