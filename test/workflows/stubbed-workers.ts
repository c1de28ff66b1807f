import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import { benchOf, modelQueue, queues } from '../../domain/queues.ts';
import { startServer, type TestServer } from '../support/temporal.ts';
import type { AllActivities } from './stub-activities.ts';

/** A server with Crucible's workflows, whose activities each test brings. */
export interface StubbedWorkers {
  readonly client: Client;
  /** Runs `act` while workers of every queue answer with `activities`. */
  during<T>(activities: AllActivities, act: () => Promise<T>): Promise<T>;
}

/** Starts a server before the tests of a file, and stops it after them. */
export function stubbedWorkers(): StubbedWorkers {
  let server: TestServer;
  let connection: NativeConnection;
  let client: Client;
  let workflowBundle: { code: string };

  beforeAll(async () => {
    server = await startServer();
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection: await Connection.connect({ address: server.address }) });
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    });
  });
  afterAll(async () => {
    await client?.connection.close();
    await connection?.close();
    await server?.stop();
  });

  const taskQueues = [
    ...Object.values(queues),
    ...[benchOf('stub-host'), modelQueue('up'), modelQueue('down')],
  ];
  return {
    get client() {
      return client;
    },
    async during(activities, act) {
      const workers = await Promise.all(
        taskQueues.map((taskQueue) =>
          Worker.create({
            ...{ connection, taskQueue, activities, maxHeartbeatThrottleInterval: '200ms' },
            shutdownForceTime: '10s',
            ...(taskQueue === queues.orchestrate ? { workflowBundle } : {}),
          }),
        ),
      );
      const running = workers.map((worker) => worker.run());
      try {
        return await act();
      } finally {
        for (const worker of workers) worker.shutdown();
        await Promise.all(running);
      }
    },
  };
}
