import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { isOpen } from './durable-job.ts';

const fixture = fileURLToPath(new URL('../fixtures/weigh', import.meta.url));
const patienceMs = 600_000;

let running: TestCrucible;

beforeAll(async () => {
  running = await startCrucible();
  await running.startWorker();
});
afterAll(() => running?.stop());

/** Steps that run something in a sandbox, in the order of a job. What a strategy makes is made when strategies are listed. */
const steps = [
  'c-0/pilot',
  'c-0/measure',
  'c-0/grade-timed',
  'strategies',
  'c-1/build',
  'c-1/run',
  'c-1/measure',
];

it('a job that is cancelled in any of its steps ends as cancelled, and leaves nothing behind', async () => {
  const { store, client } = running;
  const seen = await Promise.all(
    steps.map(async (step, index) => {
      // A program of its own: what another job has built already is not built again.
      const folder = await temporaryFolder();
      await cp(fixture, folder, { recursive: true });
      await appendFile(join(folder, 'weigh.py'), `\n# ${index}\n`);
      const file = await checkedJob(
        {
          kind: 'optimize',
          name: `step-${index}`,
          program: 'weigh.py',
          function: 'weigh',
          cases: 'cases.py',
          strategies: ['use_cpp_extension'],
          budget: { trials: 1 },
          tolerance: { relative: 1e-9 },
          limits: { wallMs: 60_000 },
        },
        folder,
      );
      const submitted = await submit(file, { store, client, models: modelConfig({}), fresh: false });
      if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
      const { jobId } = submitted;
      await until(`${step} to be under way`, patienceMs, async () =>
        (await store.ledger.steps(jobId)).some((each) => each.key === `${jobId}#${step}` && isOpen(each)),
      );
      await client.cancel(jobId);
      await until(`the end of ${jobId}`, patienceMs, async () => {
        const record = await store.ledger.job(jobId);
        return record !== undefined && record.status !== 'running';
      });
      return [step, (await store.ledger.job(jobId))?.status];
    }),
  );
  expect(seen).toEqual(steps.map((step) => [step, 'cancelled']));
  const left = await until('all sandboxes to be gone', 10_000, async () => {
    const found = (await running.leftovers()).filter((each) => !each.includes('/guest-'));
    return found.length === 0 && found;
  });
  expect(left).toEqual([]);
});
