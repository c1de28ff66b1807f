import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type JobClient } from '../../cli/server/client.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { deploymentOf, queues } from '../../domain/queues.ts';
import { openStore, type Store } from '../../store/store.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';

/** One server for all, as a cluster is. */
let server: TestServer;
let temporal: Client;
let folder: string;
const workers: WorkerProcess[] = [];
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-queues-'));
  await writeFile(join(folder, 'quick.py'), 'print(1)\n');
  await writeFile(join(folder, 'slow.py'), 'import time\ntime.sleep(6)\nprint(1)\n');
  server = await startServer();
  temporal = new Client({ connection: await Connection.connect({ address: server.address }) });
});
afterAll(async () => {
  for (const worker of workers) await worker.end('SIGKILL');
  for (const close of closing) await close();
  await temporal?.connection.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Side {
  home: string;
  store: Store;
  client: JobClient;
}

async function side(): Promise<Side> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-side-'));
  const store = await openStore(home);
  const client = await connect(server.address, 'default', store);
  closing.push(async () => {
    await client.close();
    await store.close();
    await rm(home, { recursive: true, force: true });
  });
  return { home, store, client };
}

async function startWorker({ home }: Side, more: Record<string, string> = {}): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    ...{ CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: server.address },
    ...more,
  });
  workers.push(worker);
  return worker;
}

async function begin(
  { store, client }: Pick<Side, 'store' | 'client'>,
  name: string,
  script: string,
): Promise<string> {
  const file = await checkedJob({ kind: 'solve', name, script }, folder);
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  return submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
}

it('two stores share a namespace, and neither worker sees a task of the other', async () => {
  const [one, other] = [await side(), await side()];
  await startWorker(one);
  const theirs = await begin(other, 'theirs', 'quick.py');
  const ours = await begin(one, 'ours', 'quick.py');
  await one.client.result(ours);
  await wait(2_000);
  // It was started, and nobody has taken its first task.
  expect((await temporal.workflow.getHandle(theirs).describe()).historyLength).toBe(2);
  await startWorker(other);
  await other.client.result(theirs);
  const { events } = await temporal.workflow.getHandle(theirs).fetchHistory();
  const failed = (events ?? []).filter((event) => event.workflowTaskFailedEventAttributes != null);
  expect(failed).toEqual([]);
  for (const each of [one, other])
    expect((await each.store.ledger.jobs({ limit: 10 })).map(({ status }) => status)).toEqual(['finished']);
}, 180_000);

it('a job ends on the version that it began on, and later ones begin on the one that is current', async () => {
  const mine = await side();
  const { workflowService } = temporal.connection as Connection;
  const deploymentName = deploymentOf(mine.store.id);
  const makeCurrent = async (buildId: string): Promise<void> => {
    let why: unknown;
    // A version is known once its worker has polled.
    await until(`version ${buildId}`, 20_000, async () =>
      workflowService
        .setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName, buildId })
        .then(
          () => true,
          (error: unknown) => {
            why = error;
            return false;
          },
        ),
    ).catch((late: unknown) => {
      throw new Error(`version ${buildId} did not become current`, { cause: why ?? late });
    });
  };
  const versionOf = async (jobId: string): Promise<string | null | undefined> => {
    const { raw } = await temporal.workflow.getHandle(jobId).describe();
    return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
  };
  const old = await startWorker(mine, { CRUCIBLE_VERSION: '1' });
  await makeCurrent('1');
  const before = await begin(mine, 'before', 'slow.py');
  await until('it to begin', 60_000, async () => (await versionOf(before)) === '1');
  await startWorker(mine, { CRUCIBLE_VERSION: '2' });
  await makeCurrent('2');
  const after = await begin(mine, 'after', 'quick.py');
  await mine.client.result(after);
  await mine.client.result(before);
  expect(await versionOf(before)).toBe('1');
  expect(await versionOf(after)).toBe('2');
  // Rolled back, new jobs are the old version's again.
  await makeCurrent('1');
  const back = await begin(mine, 'back', 'quick.py');
  await mine.client.result(back);
  expect(await versionOf(back)).toBe('1');
  // Told to end, a worker ends what it has.
  await old.end('SIGTERM');
  expect(old.process.exitCode).toBe(0);
}, 300_000);

it('a job that is open on a queue from before queues said whose they are is taken up and ends there, beside a new one', async () => {
  const mine = await side();
  const old = new Client({ connection: temporal.connection, dataConverter: signedBy(mine.store, []) });
  const asBefore: JobClient = {
    ...mine.client,
    start: async (input) => {
      const { jobId: workflowId, job } = input;
      await old.workflow.start(job.kind, { workflowId, taskQueue: queues.orchestrate, args: [input] });
    },
  };
  const before = await begin({ store: mine.store, client: asBefore }, 'before', 'quick.py');
  // A worker looks for such jobs when it starts, and the server tells of one a moment after it was begun.
  await until('the server to tell of it', 20_000, async () => {
    const query = `TaskQueue = '${queues.orchestrate}' AND ExecutionStatus = 'Running'`;
    return (await temporal.workflow.count(query)).count > 0;
  });
  await startWorker(mine);
  const after = await begin(mine, 'after', 'quick.py');
  for (const id of [before, after]) expect((await mine.client.result(id)).status).toBe('finished');
  const queuesOf = async (id: string): Promise<(string | null | undefined)[]> => {
    const { events } = await temporal.workflow.getHandle(id).fetchHistory();
    const scheduled = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    return [...new Set(scheduled.map(({ taskQueue }) => taskQueue?.name))].sort();
  };
  expect(await queuesOf(before)).toEqual([queues.build, queues.grade, queues.orchestrate, queues.sandbox]);
  for (const queue of await queuesOf(after)) expect(queue).toContain(`.${mine.store.id.slice(0, 8)}`);
}, 180_000);
