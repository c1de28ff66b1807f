import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import { benchOf, modelQueue, queues } from '../../domain/queues.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import { type AllActivities, stubActivities } from './stub-activities.ts';

/** A server with Crucible's workflows, whose activities each test brings. */
export interface StubbedWorkers {
  readonly client: Client;
  readonly address: string;
  /** Runs `act` while every queue answers with `activities`; before and after that, what is called waits. */
  during<T>(activities: AllActivities, act: () => Promise<T>): Promise<T>;
}

/** Starts a server and a worker of each queue before the tests of a file, and stops them after them. */
export function stubbedWorkers(): StubbedWorkers {
  let server: TestServer;
  let connection: NativeConnection;
  let client: Client;
  let workers: Worker[] = [];
  let running: Promise<void>[] = [];
  let answering = Promise.withResolvers<AllActivities>();

  const dispatched = Object.keys(stubActivities({}).activities).map((name) => [
    name,
    async (...given: never[]): Promise<unknown> => {
      const activities: Record<string, (...given: never[]) => unknown> = { ...(await answering.promise) };
      return activities[name]?.(...given);
    },
  ]);

  beforeAll(async () => {
    server = await startServer();
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection: await Connection.connect({ address: server.address }) });
    const workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    });
    const taskQueues = [
      ...Object.values(queues),
      ...[benchOf('stub-host'), modelQueue('up'), modelQueue('down')],
    ];
    workers = await Promise.all(
      taskQueues.map((taskQueue) =>
        Worker.create({
          ...{ connection, taskQueue, activities: Object.fromEntries(dispatched) },
          ...{ maxHeartbeatThrottleInterval: '200ms', shutdownForceTime: '10s' },
          ...(taskQueue === queues.orchestrate ? { workflowBundle } : {}),
        }),
      ),
    );
    running = workers.map((worker) => worker.run());
  });
  afterAll(async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    await client?.connection.close();
    await connection?.close();
    await server?.stop();
  });

  return {
    get client() {
      return client;
    },
    get address() {
      return server.address;
    },
    async during(activities, act) {
      answering.resolve(activities);
      try {
        return await act();
      } finally {
        answering = Promise.withResolvers();
      }
    },
  };
}
