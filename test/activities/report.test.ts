import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createReportActivities } from '../../activities/report.ts';
import { closeJob, openJob } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';

it('a job that is opened again, and finds its report written, has it again', async () => {
  const store = await temporaryStore();
  const id = 'solve/drawn/1a2b3c4d5e.1';
  const job = { kind: 'solve', name: 'drawn', script: 'draw.py' } as const;
  const { writeReport } = createReportActivities({ store });
  const write = () =>
    new MockActivityEnvironment().run(writeReport, { storeId: store.id, jobId: id, step: 'report' });

  const input = await openJob(store, job, { id });
  await closeJob(store, input, { summary: 'draw.py ran' });
  const first = await write();
  expect((await store.ledger.job(id))?.report).toBe(first);

  const { input: again = '', budget } = (await store.ledger.job(id)) ?? {};
  await store.ledger.reopenJob(id, { input: again, budget: budget ?? input.job.budget, at: Date.now() });
  expect((await store.ledger.job(id))?.report).toBeNull();
  await closeJob(store, input, { summary: 'draw.py ran' });
  expect(await write()).toBe(first);
  expect((await store.ledger.job(id))?.report).toBe(first);
});
