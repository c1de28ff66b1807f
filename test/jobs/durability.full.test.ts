import { afterEach, expect, it } from 'vitest';
import { until } from '../support/crucible.ts';
import { type DurableJob, expectNothingLost, isOpen, killDuring, startDurableJob } from './durable-job.ts';

let job: DurableJob | undefined;

afterEach(async () => {
  await job?.stop();
  job = undefined;
});

it('a job whose worker is killed in the middle of every kind of step ends with a verified best and repeats nothing that was done', async () => {
  job = await startDurableJob(['vectorize_loops', 'use_cpp_extension', 'use_pythran'], 4);
  const kinds = new Set(['cases', 'measure', 'strategies', 'propose', 'build', 'run', 'grade']);
  const killedCalls = await killDuring(job, kinds);
  expect(kinds.size).toBe(0);
  await expectNothingLost(job, killedCalls);
});

it('a job whose server is killed and started again on its file, and whose worker is killed while it measures and between steps, ends with a verified best and repeats nothing that was done', async () => {
  job = await startDurableJob(['vectorize_loops'], 2);
  const { running, jobId } = job;
  const { store, server } = running;
  await until('the first trial to be under way', 100_000, async () =>
    (await store.ledger.steps(jobId)).some((step) => step.kind === 'run' && isOpen(step)),
  );
  await server.kill();
  await server.restart();
  const killedCalls = await killDuring(job, new Set(['measure']));
  const result = await running.client.result(jobId);
  expect(result.status).toBe('finished');
  await expectNothingLost(job, killedCalls);
});
