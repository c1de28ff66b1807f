import { afterAll, beforeAll } from 'vitest';
import { startCrucible, type TestCrucible } from './crucible.ts';
import { type ModelServer, startModelServer } from './model-servers.ts';

export const patienceMs = 300_000;

/** A store, a server and a worker for the tests of the file that imports this, and a stub of a model's provider that they ask. */
export let crucible: TestCrucible;
export let server: ModelServer;
export let environment: Record<string, string>;

beforeAll(async () => {
  server = await startModelServer('chat');
  environment = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  crucible = await startCrucible(environment);
  await crucible.startWorker();
}, patienceMs);

afterAll(async () => {
  await crucible?.stop();
  await server?.close();
});
