import { availableParallelism, hostname } from 'node:os';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { cancelAbandoned } from '../activities/ask/batched.ts';
import { createCellActivities } from '../activities/cells.ts';
import { createChatActivities } from '../activities/chat.ts';
import { type ActivityContext, heartbeats } from '../activities/context.ts';
import { createEnvironmentActivities } from '../activities/environment.ts';
import { createExtensionActivities } from '../activities/extension.ts';
import { createCurveActivities } from '../activities/fit/curve.ts';
import { createDecideActivities } from '../activities/fit/decide.ts';
import { createDeliverActivities } from '../activities/fit/deliver.ts';
import { createEndActivities } from '../activities/fit/end.ts';
import { createFoldActivities } from '../activities/fit/fold.ts';
import { createPlanActivities } from '../activities/fit/plan-by-model.ts';
import { createTableActivities } from '../activities/fit/table.ts';
import { createWordsActivities } from '../activities/fit/words-by-model.ts';
import { createJobActivities } from '../activities/job.ts';
import { createFixActivities } from '../activities/propose/by-fix.ts';
import { createHandActivities } from '../activities/propose/by-hand.ts';
import { createModelActivities } from '../activities/propose/by-model.ts';
import { createRecipeActivities } from '../activities/propose/by-recipe.ts';
import { createStrategyActivities } from '../activities/propose/by-strategy.ts';
import { createOtherFixActivities } from '../activities/propose/other-fixes.ts';
import { createReportActivities } from '../activities/report.ts';
import { createSampleActivities } from '../activities/sample.ts';
import { createBuildActivities } from '../activities/try/build.ts';
import { createCaseActivities } from '../activities/try/cases.ts';
import { createGradeActivities } from '../activities/try/grade.ts';
import { createMeasureActivities } from '../activities/try/measure.ts';
import { createRunActivities } from '../activities/try/run.ts';
import { createSanitizeActivities } from '../activities/try/sanitize.ts';
import { ConfigWrong } from '../domain/errors.ts';
import { benchOf, deploymentOf, endingOf, modelQueue, queues } from '../domain/queues.ts';
import { jobOfStep } from '../domain/step.ts';
import { costOf } from '../llm/catalogue/prices.ts';
import { lackOf, type ModelConfig, reachableProviders } from '../llm/catalogue/routes.ts';
import { createBatches, createModel } from '../llm/providers/create-model.ts';
import { closeE2bSandboxes } from '../llm/providers/e2b.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { cache } from '../setup/places.mjs';
import { armFailpoint } from '../store/failpoint.ts';
import { openStore, type Store } from '../store/store.ts';
import type { lookAfter } from './beside.ts';
import { workflowBundle } from './bundle.ts';
import { type Config, serverAddress } from './config.ts';
import { createFullDiskTeller } from './full-disk.ts';
import { createGuard } from './guard.ts';
import { openHealth } from './health.ts';
import { keepHistories } from './histories.ts';
import { createLog, endOnCrash, type Log, temporalLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { type Observing, observeActivities, observeModel } from './observe.ts';
import { openSandbox } from './sandbox-of.ts';
import { signedBy } from './signed-payloads.ts';
import { tellRetries } from './tell-retries.ts';
import { openTraces } from './traces.ts';

/** What a worker process does; several roles may share one process, and any number of processes a role. */
export type WorkerRole = 'orchestrate' | 'model' | 'sandbox' | 'bench';

const sweepEveryMs = 30_000;
/** Of a core that is not used. */
const sparedSlots = 2;
const pollers = { type: 'autoscaling', initial: 1, minimum: 1 } as const;

/**
 * Runs workers for `roles` until the process is told to stop; prints `ready` when they poll. `beside` then looks after the server,
 * where that is Crucible's own. A configuration that cannot be kept ends the process with one line.
 */
export async function runWorkers(
  roles: readonly WorkerRole[],
  config: Config,
  options: { beside?: typeof lookAfter | null } = {},
): Promise<void> {
  try {
    await pollUntilTold(roles, config, options);
  } catch (error) {
    if (!(error instanceof ConfigWrong)) throw error;
    console.error(config.clean.text(error.message));
    // What was opened by then would hold the process.
    process.exit(1);
  }
}

async function pollUntilTold(
  roles: readonly WorkerRole[],
  config: Config,
  { beside = null }: { beside?: typeof lookAfter | null },
): Promise<void> {
  const { clean } = config;
  const log = createLog({ level: config.log, clean, plain: process.stderr.isTTY });
  endOnCrash(clean);
  log.info({ roles, home: config.home, server: serverAddress(config) }, 'worker starting');
  installRuntime(config, log);
  if (config.failpoint !== null) armFailpoint(config.failpoint.at, config.failpoint.count);
  const tellFullDisk = createFullDiskTeller(config.home, log);
  const store = await openStore(config.home, {
    ...{ warn: (message) => log.warn(message), shared: config.shared, copies: true },
  });
  const metrics = createMetrics(Runtime.instance().metricMeter);
  const observing: Observing = {
    ...{ clean, metrics },
    traces: config.traces === 'off' ? null : openTraces(log),
    content: config.traces === 'content',
    startedAt: async (jobId) => (await store.ledger.job(jobId))?.startedAt,
    costOf: (route, reply) => costOf(config.models.catalogue, route, reply),
  };
  const needsSandbox = roles.includes('sandbox') || roles.includes('bench');
  const chosen = needsSandbox ? await openSandbox(config, store) : null;
  const connection = await NativeConnection.connect({ address: serverAddress(config), ...config.access });
  const common = {
    connection,
    dataConverter: signedBy(store, config.payloadKeys),
    namespace: config.namespace,
    identity: `${process.pid}@${hostname()}`,
    shutdownGraceTime: '10s',
    // With the default a cancel takes 21 s to arrive.
    maxHeartbeatThrottleInterval: '500ms',
    // Of a queue that is empty one poll is enough; of one that is not there are as many as the server asks for.
    activityTaskPollerBehavior: pollers,
    interceptors: {
      activity: [
        observeActivities(observing),
        () => ({ inbound: tellFullDisk() }),
        () => ({ inbound: createGuard(store.id) }),
        tellRetries({ ledger: store.ledger, clean }),
        () => ({ inbound: heartbeats }),
      ],
    },
  } satisfies Partial<WorkerOptions>;

  const optionsByRole: Record<WorkerRole, () => Promise<WorkerOptions[]>> = {
    orchestrate: async () => [
      {
        ...common,
        ...versioned(config, store),
        taskQueue: queues.orchestrate,
        workflowBundle: await workflowBundle(cache, temporalLogger(log)),
        workflowTaskPollerBehavior: { ...pollers, initial: 2, minimum: 2 },
        // A worker that is gone holds its workflows back no longer than this.
        stickyQueueScheduleToStartTimeout: '2s',
        activities: {
          ...createJobActivities({ store }),
          ...createHandActivities({ store }),
          ...createCellActivities({ store }),
          ...createChatActivities({ store }),
          ...createOtherFixActivities({ store }),
          ...createRecipeActivities({ store }),
          ...createSampleActivities({ store }),
          ...createExtensionActivities({ store }),
          ...createReportActivities({ store }),
        },
      },
    ],
    model: async () => modelWorkers(common, store, config.models, observing),
    sandbox: async () => sandboxWorkers(common, { store, sandbox: metrics.counted(opened(chosen)) }),
    bench: async () => benchWorkers(common, { store, sandbox: metrics.counted(opened(chosen)) }),
  };
  const options = (await Promise.all(roles.map((role) => optionsByRole[role]()))).flat();
  const endings = await endingsPolled(connection, config.namespace, store);
  const workers = await Promise.all(
    endings.flatMap((ending) =>
      options.map((each) => Worker.create({ ...each, taskQueue: `${each.taskQueue}${ending}` })),
    ),
  );
  const health = config.health && (await openHealth(config.health, { workers, ledger: store.ledger }));
  const sweeping = chosen === null ? undefined : sweep(chosen.sandbox, store, log);
  const cancelling = roles.includes('model') ? cancelBatches(store, config.models, log) : undefined;
  const keeping = roles.includes('orchestrate') ? keepHistories(store, config, log) : undefined;
  log.info({ roles, sandbox: chosen?.why, traces: config.traces }, 'worker ready');
  const endLooking = beside?.(config, log);
  // Who started the process waits for this line.
  console.log(
    `ready: ${roles.join(', ')}${chosen === null ? '' : `; sandbox: ${chosen.why}`}; process ${process.pid}`,
  );
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    endLooking?.();
    await health?.close();
    clearInterval(sweeping);
    clearInterval(keeping);
    clearInterval(cancelling);
    await connection.close();
    if (roles.includes('model')) await closeE2bSandboxes();
    await observing.traces?.close();
    await store.close();
    log.info('worker stopped');
  }
}

/**
 * Returns how the queues end that a worker takes tasks from. They are those of its store. Queues without an ending are among them while jobs
 * are open from before queues said whose they are. The guard refuses what another store has there.
 */
async function endingsPolled(
  connection: NativeConnection,
  namespace: string,
  store: Store,
): Promise<string[]> {
  const query = `TaskQueue = '${queues.orchestrate}' AND ExecutionStatus = 'Running'`;
  const { count } = await connection.workflowService.countWorkflowExecutions({ namespace, query });
  return [endingOf(store.id), ...(Number(count) > 0 ? [''] : [])];
}

/** Throws `ConfigWrong` where the address for metrics cannot be taken. */
function installRuntime({ metrics }: Config, log: Log): void {
  try {
    Runtime.install({
      logger: temporalLogger(log),
      telemetryOptions: {
        logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
        ...(metrics === null ? {} : { metrics: metricsExporter(metrics) }),
      },
    });
  } catch (error) {
    if (metrics === null || !(error instanceof Error)) throw error;
    throw new ConfigWrong(
      `CRUCIBLE_METRICS: ${metrics.host}:${metrics.port} cannot be taken: ${error.message}`,
    );
  }
}

/** As Prometheus has them: `temporal_…` of the SDK, `crucible_…` of `createMetrics`. */
const metricsExporter = ({ host, port }: { host: string; port: number }) => ({
  prometheus: {
    bindAddress: `${host}:${port}`,
    countersTotalSuffix: true,
    unitSuffix: true,
    useSecondsForDurations: true,
  },
});

/** A queue for each provider this process can reach, so that each is held to its own rate. */
function modelWorkers(
  common: Omit<WorkerOptions, 'taskQueue'>,
  store: Store,
  models: ModelConfig,
  observing: Observing,
): WorkerOptions[] {
  const { catalogue } = models;
  const asking = {
    ...{ store, catalogue },
    modelOf: (route: string) => observeModel(route, createModel(route, models), observing),
    batchesOf: (route: string) => createBatches(route, models),
  };
  const activities = {
    ...createModelActivities(asking),
    ...createPlanActivities(asking),
    ...createWordsActivities(asking),
  };
  return reachableProviders(models).map(({ name, limits: { inFlight, requestsPerMinute } }) => ({
    ...common,
    activities,
    taskQueue: modelQueue(name),
    maxConcurrentActivityTaskExecutions: inFlight,
    ...(requestsPerMinute === null ? {} : { maxTaskQueueActivitiesPerSecond: requestsPerMinute / 60 }),
  }));
}

function sandboxWorkers(common: Omit<WorkerOptions, 'taskQueue'>, context: ActivityContext): WorkerOptions[] {
  const slots = slotsOfHost();
  // What holds a program and what holds labels are asked on queues of their own; each sandbox is made for one of the two.
  const learning = {
    ...createTableActivities(context),
    ...createDecideActivities(context),
    ...createFoldActivities(context),
    ...createEndActivities(context),
    ...createCurveActivities(context),
    ...createDeliverActivities(context),
  };
  return [
    {
      ...common,
      taskQueue: queues.sandbox,
      ...slots,
      activities: {
        ...createCaseActivities(context),
        ...createStrategyActivities(context),
        ...createFixActivities(context),
        ...createRunActivities(context),
        ...learning,
      },
    },
    {
      ...common,
      taskQueue: queues.build,
      ...slots,
      activities: {
        ...createBuildActivities(context),
        ...createSanitizeActivities(context),
        ...createEnvironmentActivities(context),
      },
    },
    {
      ...common,
      taskQueue: queues.grade,
      ...slots,
      activities: { ...createGradeActivities(context), ...learning },
    },
  ];
}

/**
 * Returns what ties a worker to its version; nothing without one. A workflow stays on workers of the version it began on. New ones begin on the
 * version that is made current. Activities know no
 * version: they take what older workflows give them.
 */
function versioned({ version }: Config, store: Store): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (version === null) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deploymentOf(store.id), buildId: version },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

/** One a core; while the host has processor and memory to spare, as where programs wait, some more. */
function slotsOfHost(): Pick<WorkerOptions, 'tuner'> {
  const cores = availableParallelism();
  return {
    tuner: {
      tunerOptions: { targetMemoryUsage: 0.75, targetCpuUsage: 0.75 },
      activityTaskSlotOptions: {
        minimumSlots: cores,
        maximumSlots: sparedSlots * cores,
        rampThrottle: '200ms',
      },
    },
  };
}

/** Returns workers that measure one at a time on a host. A job that claimed this bench comes back by its own queue. */
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
function sweep(sandbox: Sandbox, store: Store, log: Log): NodeJS.Timeout {
  // A step that is done, or whose job is closed, will not ask for its sandbox again.
  const isOver = async (key: string): Promise<boolean> => {
    const job = await store.ledger.job(jobOfStep(key));
    return (job !== undefined && job.status !== 'running') || (await store.ledger.isDone(key));
  };
  const once = (): void => {
    sandbox.sweep({ isOver }).catch((error: unknown) => {
      log.warn({ error }, 'sweeping sandboxes failed, trying again later');
    });
  };
  once();
  return setInterval(once, sweepEveryMs);
}

/** Cancels batches that nobody waits for any more, now and then. */
function cancelBatches(store: Store, models: ModelConfig, log: Log): NodeJS.Timeout {
  const reached = (route: string) => (lackOf(route, models) === null ? createBatches(route, models) : null);
  return setInterval(() => {
    cancelAbandoned(store, reached).catch((error: unknown) => {
      log.warn({ error }, 'cancelling batches failed, trying again later');
    });
  }, sweepEveryMs);
}
