import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { benchOf, endingOf, modelQueue, queues } from '../../domain/queues.ts';
import { openStore } from '../../store/store.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { storedActivities } from '../workflows/stored-job.ts';

/**
 * A worker process whose candidates take `STUB_RUN_MS` and run nothing, over the real ledger of `CRUCIBLE_HOME`. What they say is in
 * `STUB_SCRIPT`, as JSON.
 */
const { CRUCIBLE_HOME: home = '', TEMPORAL_ADDRESS: address = '', STUB_RUN_MS, STUB_SCRIPT } = process.env;
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });
const store = await openStore(home);
const connection = await NativeConnection.connect({ address });
const at = (path: string): string => fileURLToPath(new URL(`../../workflows/${path}`, import.meta.url));
const workflowBundle = await bundleWorkflowCode({
  ...{ workflowsPath: at('index.ts'), logger },
  workflowInterceptorModules: [at('job/refuse-forged.ts')],
});
const { activities } = storedActivities(store, JSON.parse(STUB_SCRIPT ?? '{}'));
const { runProgram } = activities;
activities.runProgram = async (input) => {
  await wait(Number(STUB_RUN_MS ?? 100));
  return runProgram(input);
};
const workers = await Promise.all(
  [...Object.values(queues), benchOf('stub-host'), modelQueue('up')].map((queue) =>
    Worker.create({
      ...{ connection, activities, dataConverter: signedBy(store) },
      taskQueue: `${queue}${endingOf(store.id)}`,
      ...(queue === queues.orchestrate ? { workflowBundle, stickyQueueScheduleToStartTimeout: '2s' } : {}),
    }),
  ),
);
const running = workers.map((worker) => worker.run());
console.log('ready');
// Temporal's runtime takes SIGUSR2 as the end.
process.on('SIGHUP', () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  console.log(`held ${JSON.stringify({ residentMb: rss / 2 ** 20, liveMb: heapUsed / 2 ** 20 })}`);
});
await Promise.all(running);
