import { afterAll, beforeAll } from 'vitest';
import { startCrucible, type TestCrucible } from './crucible.ts';

/** A store, a server and a worker for the tests of the file that imports this; nobody asks a model. */
export let crucible: TestCrucible;

beforeAll(async () => {
  crucible = await startCrucible();
  await crucible.startWorker();
}, 300_000);

afterAll(() => crucible?.stop());
