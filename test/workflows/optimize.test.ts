import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../cli/client.ts';
import { Job, type OptimizeJob } from '../../domain/job.schema.ts';
import type { JobInput, JobResult } from '../../domain/job-input.ts';
import { benchOf, queues } from '../../domain/queues.ts';
import { bestAttribute, kindAttribute, statusAttribute } from '../../domain/visibility.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import { artifact, type Script, type Seen, stubActivities } from './stub-activities.ts';

let server: TestServer;
let connection: NativeConnection;
let client: Client;
let bundle: { code: string };

beforeAll(async () => {
  server = await startServer();
  connection = await NativeConnection.connect({ address: server.address });
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
  bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
  });
});

afterAll(async () => {
  await client?.connection.close();
  await connection?.close();
  await server?.stop();
});

const inputOf = (
  fields: Partial<OptimizeJob>,
  given: Partial<JobInput<OptimizeJob>> = {},
): JobInput<OptimizeJob> => ({
  jobId: `optimize/test/${randomUUID()}.1`,
  series: 'optimize/test',
  run: 1,
  storeId: 'store',
  job: Job.parse({
    kind: 'optimize',
    name: 'test',
    program: 'slow.py',
    function: 'f',
    cases: 'cases.py',
    ...fields,
  }) as OptimizeJob,
  files: artifact,
  parent: null,
  routes: { draft: [], debug: [], improve: [] },
  stageRoutes: {},
  searchable: false,
  fresh: false,
  ...given,
});

/** Runs a job to its end with stubbed activities on every queue; `look` sees it while its workers still answer. */
async function run(
  script: Script,
  input: JobInput<OptimizeJob>,
  look: (handle: WorkflowHandle) => Promise<void> = async () => undefined,
): Promise<{ seen: Seen; result: JobResult }> {
  const { activities, seen } = stubActivities(script);
  const workers = await Promise.all(
    [...Object.values(queues), benchOf('stub-host')].map((taskQueue) =>
      Worker.create({
        connection,
        taskQueue,
        activities,
        ...(taskQueue === queues.orchestrate ? { workflowBundle: bundle } : {}),
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  try {
    const result = (await client.workflow.execute('optimize', {
      workflowId: input.jobId,
      taskQueue: queues.orchestrate,
      args: [input],
    })) as JobResult;
    await look(client.workflow.getHandle(input.jobId));
    return { seen, result };
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}

const purposes = (seen: Seen): string[] =>
  seen.trials.map(({ candidate, purpose, outcome }) => `${candidate.title}: ${purpose} ${outcome.kind}`);

describe('an optimize job', () => {
  it('verifies what would be best again before it is best, and nothing else', async () => {
    const { seen, result } = await run(
      { fast: { speedups: [4] }, slower: { speedups: [0.5] } },
      inputOf({ policy: 'refine' }),
    );
    expect(purposes(seen).sort()).toEqual(
      [
        'as it is: baseline scored',
        'fast: trial scored',
        'fast: verification scored',
        'slower: trial scored',
      ].sort(),
    );
    expect(result.summary).toContain('fast is 4.00× faster');
  });

  it('does not take for best what does not hold when verified', async () => {
    const { result } = await run({ lucky: { speedups: [9, 0.9] }, honest: { speedups: [2] } }, inputOf({}));
    expect(result.summary).toContain('honest is 2.00× faster');
  });

  it('goes on after candidates that fail in every way, and counts them as tried', async () => {
    const script: Script = {
      broken: { buildFailed: 'no such header' },
      dead: { crashed: 'ended by SIGSEGV' },
      wrong: { wrong: 'grid[0]: expected 1, got 2' },
      unsuited: { notApplicable: true },
      fast: { speedups: [3] },
    };
    const { seen, result } = await run(script, inputOf({ budget: { trials: 5, wallMs: 1e6 } }));
    expect(result.summary).toContain('fast is 3.00× faster');
    expect(result.summary).toContain('4 tried, 1 right');
    expect(seen.trials.filter((trial) => trial.purpose === 'trial')).toHaveLength(4);
  });

  it('uses no more trials than its budget', async () => {
    const script: Script = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e'].map((title) => [title, { speedups: [2] }]),
    );
    const { seen } = await run(script, inputOf({ budget: { trials: 3, wallMs: 1e6 } }));
    expect(seen.trials.filter((trial) => trial.purpose === 'trial')).toHaveLength(3);
  });

  it('stops as soon as its goal is met by a verified candidate', async () => {
    const script: Script = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((title) => [title, { speedups: [8] }]),
    );
    const { seen, result } = await run(script, inputOf({ goal: 5, budget: { trials: 6, wallMs: 1e6 } }));
    expect(result.summary).toContain('the goal of 5× is met');
    expect(seen.trials.filter((trial) => trial.purpose === 'trial').length).toBeLessThan(4);
  });

  it('asks models after the recipes, the next route where one fails', async () => {
    const routes = ['down/one', 'up/two'];
    const { seen, result } = await run(
      { recipe: { speedups: [2] }, 'model:up/two a': { speedups: [5] }, 'model:up/two b': { wrong: 'no' } },
      inputOf(
        { budget: { trials: 3, wallMs: 1e6 } },
        { routes: { draft: routes, debug: routes, improve: routes } },
      ),
    );
    expect(seen.activities.filter((name) => name === 'proposeByModel')).toHaveLength(4);
    expect(result.summary).toContain('model:up/two a is 5.00× faster');
  });

  it('tells its state in words and in search attributes', async () => {
    // Connecting as the command line does registers the attributes.
    const { searchable, close } = await connect(server.address, 'default');
    await close();
    expect(searchable).toBe(true);
    const input = inputOf({}, { searchable });
    await run({ fast: { speedups: [4] } }, input, async (handle) => {
      const { currentDetails } = await handle.query<{ currentDetails: string }>(
        '__temporal_workflow_metadata',
      );
      expect(currentDetails).toContain('**fast is 4.00× faster');
      expect(currentDetails).toContain('- baseline: 100 ms, noise ±1.0 % on stub-host');
      expect(currentDetails).toContain('- c-1 fast: 4.00× (at least 3.60×), verified');
      const { typedSearchAttributes } = await handle.describe();
      expect(typedSearchAttributes.get(kindAttribute)).toBe('optimize');
      expect(typedSearchAttributes.get(statusAttribute)).toBe('finished');
      expect(typedSearchAttributes.get(bestAttribute)).toBe(4);
    });
  });
});
