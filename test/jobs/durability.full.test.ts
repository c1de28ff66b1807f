import { afterEach, expect, it } from 'vitest';
import { type DurableJob, expectNothingLost, killDuring, startDurableJob } from './durable-job.ts';

let job: DurableJob | undefined;

afterEach(async () => {
  await job?.stop();
});

it('a job whose worker is killed in the middle of every kind of step ends with a verified best and repeats nothing that was done', async () => {
  job = await startDurableJob(['vectorize_loops', 'use_cpp_extension', 'use_pythran'], 4);
  const kinds = new Set(['cases', 'measure', 'strategies', 'propose', 'build', 'run', 'grade']);
  const killedCalls = await killDuring(job, kinds);
  expect(kinds.size).toBe(0);
  await expectNothingLost(job, killedCalls);
});
