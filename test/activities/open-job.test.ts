import { beforeEach, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import type { NextDecision } from '../../domain/decision.schema.ts';
import { nothingKnown } from '../../domain/known.ts';
import type { Store } from '../../store/store.ts';
import { interval, openJob, recordTrial } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';

const jobId = 'optimize/blur/1a2b3c4d5e.1';
const job = { kind: 'optimize', name: 'blur', program: 'blur.py' } as const;

let store: Store;

beforeEach(async () => {
  store = await temporaryStore();
});

it('a job that is opened again knows what was tried, what is to be finished, and what came to nothing', async () => {
  const input = await openJob(store, job, { id: jobId });
  const { openJob: open, recordDecision, endInVain } = createJobActivities({ store });
  const place = { storeId: store.id, jobId, step: 'open' };
  expect((await open({ ...place, input })).known).toEqual(nothingKnown);

  const strategy = (name: string): NextDecision => ({ kind: 'strategy', strategy: name });
  const decisions = [strategy('a'), strategy('b'), strategy('c'), { kind: 'draft' as const }, strategy('d')];
  for (const [index, decision] of decisions.entries())
    await recordDecision({ ...place, decided: { number: index + 1, decision } });
  const program = await store.blobs.put('{}');
  await recordTrial(store, jobId, { id: 'c-1', title: 'a', program }, interval(0.5));
  // It would be best, and was not looked at twice when the job ended.
  await recordTrial(store, jobId, { id: 'c-2', title: 'b', program }, interval(3));
  await endInVain({ ...place, number: 3 });
  await endInVain({ ...place, number: 4 });

  const { known } = await open({ ...place, input: { ...input, resumed: 1 } });
  expect(known.journal.map(({ id }) => id)).toEqual(['c-1']);
  expect(known).toMatchObject({
    open: [
      { number: 2, decision: strategy('b') },
      { number: 5, decision: strategy('d') },
    ],
    inVain: [strategy('c')],
    decided: 5,
  });
});

it('a decision stays what it was recorded as first', async () => {
  await openJob(store, job, { id: jobId });
  await store.ledger.decide(jobId, { number: 1, decision: { kind: 'draft' } });
  await store.ledger.decide(jobId, { number: 1, decision: { kind: 'debug', parent: 'c-0' } });
  expect(await store.ledger.decisions(jobId)).toEqual([
    { number: 1, decision: { kind: 'draft' }, inVainAt: null },
  ]);
});
