import { defineConfig } from 'vitest/config';
import { s3Credentials } from './test/support/s3-credentials.ts';

// Time limits are there to end what hangs: on a busy machine everything takes several times as long.
/** Fast: no server, no sandbox, no compiler. */
const unit = ['house', 'domain', 'llm', 'store', 'record', 'activities', 'workers', 'web', 'cli'];
/** Real parts by themselves: the guest's Python, recipes, strategies and compilers, set-up, workflows on a server. */
const parts = ['guest', 'recipes', 'strategies', 'native', 'setup', 'workflows'];
/** Jobs, commands and processes that mostly wait, and keep no time. */
const waiting = [
  'test/llm/e2b.test.ts',
  'test/cli/{bad-input,up-lock}.test.ts',
  'test/jobs/{accepts,bad-input,chat,ended-jobs,experiment,fallback,forged,metrics,new-kind,pipeline,recipe,score,script,solve,solve-words,starting}.test.ts',
  'test/sandbox/{bubblewrap,choose,contained,layers,supervisor-faults,supervisor-job,supervisor-lock}.test.ts',
];
/** The rest of the whole, and what keeps time: sandboxes, measurements, killed processes. One file at a time, for two cores. */
const whole = ['sandbox', 'jobs', 'models', 'tasks'];

const folders = (names: string[], ending: string): string[] =>
  names.map((name) => `test/${name}/**/*${ending}`);

const large = folders([...unit, ...parts, ...whole, 'chaos'], '.full.test.ts');

export default defineConfig({
  test: {
    // Two for each of two cores; most tests wait for something.
    maxWorkers: 4,
    // Tests of a file that say so run beside each other; each has a sandbox.
    maxConcurrency: 3,
    projects: [
      {
        test: {
          name: 'unit',
          include: folders(unit, '.test.ts'),
          exclude: [...large, ...waiting],
          // No file leaves anything changed that others see, so they share what they import.
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'parts',
          include: folders(parts, '.test.ts'),
          exclude: large,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'jobs',
          include: waiting,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'whole',
          include: folders(whole, '.test.ts'),
          exclude: [...large, ...waiting],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          // What is true of a store in a folder is true of one on servers.
          name: 'shared',
          include: folders(['store'], '.test.ts'),
          exclude: [...large, 'test/store/{file-blobs,sqlite}.test.ts'],
          globalSetup: 'test/support/shared-servers.ts',
          env: s3Credentials,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'full',
          include: large,
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
