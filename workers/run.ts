import { availableParallelism, hostname } from 'node:os';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createBuildActivities } from '../activities/build.ts';
import { createCaseActivities } from '../activities/cases.ts';
import type { ActivityContext } from '../activities/context.ts';
import { createGradeActivities } from '../activities/grade.ts';
import { createJobActivities } from '../activities/job.ts';
import { createMeasureActivities } from '../activities/measure.ts';
import { createModelActivities } from '../activities/propose-by-model.ts';
import { createRecipeActivities } from '../activities/propose-by-recipe.ts';
import { createReportActivities } from '../activities/report.ts';
import { createRunActivities } from '../activities/run.ts';
import { benchOf, queues } from '../domain/queues.ts';
import { jobOfStep } from '../domain/step.ts';
import { createModel } from '../llm/routes.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { cache } from '../setup/places.mjs';
import { openStore, type Store } from '../store/store.ts';
import { workflowBundle } from './bundle.ts';
import { type Config, serverAddress } from './config.ts';
import { createGuard } from './guard.ts';
import { keepHistories } from './histories.ts';
import { openSandbox } from './sandbox-of.ts';

/** What a worker process does; several roles may share one process, and any number of processes a role. */
export type Role = 'orchestrate' | 'model' | 'sandbox' | 'bench';

const sweepEveryMs = 30_000;

/** Runs workers for `roles` until the process is told to stop; prints `ready` when they poll. */
export async function runWorkers(roles: readonly Role[], config: Config): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const store = await openStore(config.home);
  const needsSandbox = roles.includes('sandbox') || roles.includes('bench');
  const chosen = needsSandbox ? await openSandbox(config, store) : null;
  const connection = await NativeConnection.connect({ address: serverAddress(config) });
  const common = {
    connection,
    namespace: config.namespace,
    identity: `${process.pid}@${hostname()}`,
    shutdownGraceTime: '10s',
    // With the default a cancel takes 21 s to arrive.
    maxHeartbeatThrottleInterval: '500ms',
    interceptors: { activity: [() => ({ inbound: createGuard(store.id) })] },
  } satisfies Partial<WorkerOptions>;

  const optionsByRole: Record<Role, () => Promise<WorkerOptions[]>> = {
    orchestrate: async () => [
      {
        ...common,
        taskQueue: queues.orchestrate,
        workflowBundle: await workflowBundle(cache),
        // A worker that is gone holds its workflows back no longer than this.
        stickyQueueScheduleToStartTimeout: '2s',
        activities: { ...createJobActivities({ store }), ...createReportActivities({ store }) },
      },
    ],
    model: async () => [
      {
        ...common,
        taskQueue: queues.model,
        activities: createModelActivities({ store, modelOf: (route) => createModel(route, config.models) }),
      },
    ],
    sandbox: async () => sandboxWorkers(common, { store, sandbox: opened(chosen) }),
    bench: async () => benchWorkers(common, { store, sandbox: opened(chosen) }),
  };
  const options = (await Promise.all(roles.map((role) => optionsByRole[role]()))).flat();
  const workers = await Promise.all(options.map((each) => Worker.create(each)));
  const sweeping = chosen === null ? undefined : sweep(chosen.sandbox, store);
  const keeping = roles.includes('orchestrate') ? keepHistories(store, config) : undefined;
  console.log(`ready: ${roles.join(', ')}${chosen === null ? '' : `; sandbox: ${chosen.why}`}`);
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    clearInterval(sweeping);
    clearInterval(keeping);
    await connection.close();
    await store.close();
  }
}

function sandboxWorkers(common: Omit<WorkerOptions, 'taskQueue'>, context: ActivityContext): WorkerOptions[] {
  const cores = availableParallelism();
  return [
    {
      ...common,
      taskQueue: queues.sandbox,
      maxConcurrentActivityTaskExecutions: cores,
      activities: {
        ...createCaseActivities(context),
        ...createRecipeActivities(context),
        ...createRunActivities(context),
      },
    },
    {
      ...common,
      taskQueue: queues.build,
      maxConcurrentActivityTaskExecutions: cores,
      activities: createBuildActivities(context),
    },
    {
      ...common,
      taskQueue: queues.grade,
      maxConcurrentActivityTaskExecutions: cores,
      activities: createGradeActivities(context),
    },
  ];
}

/** One measurement at a time on a host; a job that claimed this bench comes back to it by its own queue. */
function benchWorkers(common: Omit<WorkerOptions, 'taskQueue'>, context: ActivityContext): WorkerOptions[] {
  const one = {
    ...common,
    maxConcurrentActivityTaskExecutions: 1,
    activities: createMeasureActivities(context),
  };
  return [
    { ...one, taskQueue: queues.bench },
    { ...one, taskQueue: benchOf(hostname()) },
  ];
}

function opened(chosen: { sandbox: Sandbox } | null): Sandbox {
  if (chosen === null) throw new Error('expected a sandbox for this role, none was opened');
  return chosen.sandbox;
}

/** Removes what dead workers left behind, now and then; a sweep that fails is tried again. */
function sweep(sandbox: Sandbox, store: Store): NodeJS.Timeout {
  // A step that is done, or whose job is closed, will not ask for its sandbox again.
  const isOver = async (key: string): Promise<boolean> => {
    const job = await store.ledger.job(jobOfStep(key));
    return (job !== undefined && job.status !== 'running') || (await store.ledger.isDone(key));
  };
  const once = (): void => {
    sandbox.sweep({ isOver }).catch((error: unknown) => {
      console.warn(`sweeping sandboxes failed, trying again later: ${String(error)}`);
    });
  };
  once();
  return setInterval(once, sweepEveryMs);
}
