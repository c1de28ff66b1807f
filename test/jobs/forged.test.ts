import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { endingOf, queues } from '../../domain/queues.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

const main = fileURLToPath(new URL('../../workers/orchestrate.ts', import.meta.url));
const folder = fileURLToPath(new URL('../fixtures/pipeline', import.meta.url));

let crucible: TestCrucible;
let asAnybody: Client;

beforeEach(async () => {
  crucible = await startCrucible();
  asAnybody = new Client({ connection: await Connection.connect({ address: crucible.server.address }) });
  onTestFinished(async () => {
    await asAnybody.connection.close();
    await crucible.stop();
  });
  await startOrchestrating();
});

/** The worker of the workflows alone: who does the other tasks is up to the test. */
async function startOrchestrating(): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: { ...process.env, CRUCIBLE_HOME: crucible.home, TEMPORAL_ADDRESS: crucible.server.address },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  child.stdout?.on('data', (text) => (said += String(text)));
  onTestFinished(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  while (!/^ready: /m.test(said)) {
    if (child.exitCode !== null) throw new Error(`the worker ended: ${said}`);
    await wait(20);
  }
}

it('a task that another program of this machine answers fails the job, which says so; nothing that it said is believed', async () => {
  const connection = await NativeConnection.connect({ address: crucible.server.address });
  const answered: string[] = [];
  const rogue = await Worker.create({
    connection,
    taskQueue: `${queues.build}${endingOf(crucible.store.id)}`,
    activities: {
      default: async () => {
        answered.push('one');
        return { outcome: { kind: 'passed' }, logs: {}, outputs: {}, took: 1 };
      },
    },
  });
  const ended = rogue.run();
  const { store, client } = crucible;
  const file = await checkedJob(
    { kind: 'solve', name: 'count', script: 'count.py', args: ['many.txt'], inputs: ['many.txt'] },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job');
  await expect(client.result(submitted.jobId)).rejects.toThrow(WorkflowFailedError);
  rogue.shutdown();
  await ended;
  await connection.close();
  expect(answered).not.toEqual([]);
  const record = await store.ledger.job(submitted.jobId);
  expect(record?.status).toBe('failed');
  expect(JSON.stringify(record?.result)).toContain(
    `has no signature: expected that of store ${store.id}. Not a worker or a command of this home said it`,
  );
});

it('a job that another program starts ends at once, and is not in the ledger', async () => {
  const workflowId = 'solve/evil/0000000001.1';
  const handle = await asAnybody.workflow.start('solve', {
    workflowId,
    taskQueue: `${queues.orchestrate}${endingOf(crucible.store.id)}`,
    args: [
      {
        jobId: workflowId,
        storeId: crucible.store.id,
        job: { kind: 'solve', name: 'evil', script: 'evil.py' },
      },
    ],
  });
  const failure = await handle.result().catch((error: unknown) => error);
  expect(rootCause((failure as WorkflowFailedError).cause)).toContain('has no signature');
  expect(await crucible.store.ledger.job(workflowId)).toBeUndefined();
});
