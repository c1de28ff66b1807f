import { setTimeout as wait } from 'node:timers/promises';
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
  expect((await open({ ...place, input })).known.inVain).toEqual([strategy('c'), { kind: 'draft' }]);
  await store.ledger.closeJob(jobId, { status: 'failed', endedAt: Date.now() });
  await wait(5);

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

it('what was spent on a job before it was submitted counts in its time, and it was started now all the same', async () => {
  const input = await openJob(store, job, { id: 'optimize/other/1a2b3c4d5e.1' });
  const id = 'optimize/blur/5e4d3c2b1a.1';
  const from = Date.now();
  const opened = await createJobActivities({ store }).openJob({
    ...{ storeId: store.id, jobId: id, step: 'open' },
    input: { ...input, jobId: id, series: 'optimize/blur/5e4d3c2b1a', spentMs: 20_000 },
  });
  const record = await store.ledger.job(id);
  expect(record?.startedAt).toBeGreaterThanOrEqual(from);
  expect(opened.steered.beganAt).toBe((record?.startedAt ?? 0) - 20_000);
});

it('a decision stays what it was recorded as first', async () => {
  await openJob(store, job, { id: jobId });
  await store.ledger.decide(jobId, { number: 1, decision: { kind: 'draft' } });
  await store.ledger.decide(jobId, { number: 1, decision: { kind: 'debug', parent: 'c-0' } });
  expect(await store.ledger.decisions(jobId)).toEqual([
    { number: 1, decision: { kind: 'draft' }, inVainAt: null },
  ]);
});

it('a job that goes on as new keeps the money it was extended by', async () => {
  const input = await openJob(store, { ...job, budget: { usd: 1 } }, { id: jobId });
  const message = { kind: 'extend', budget: { usd: 4 } } as const;
  await store.ledger.takeMessage(jobId, { id: 'a', message, at: Date.now() });
  const place = { storeId: store.id, jobId, step: 'open' };
  const { steered } = await createJobActivities({ store }).openJob({ ...place, input });
  expect(steered.budget).toMatchObject({ usd: 4 });
  expect((await store.ledger.account(jobId))?.cap.microUsd).toBe(4_000_000);
});

it('a journal that is too long for one answer is read in pages', async () => {
  const input = await openJob(store, job, { id: jobId });
  const program = await store.blobs.put('{}');
  for (let number = 1; number <= 151; number += 1)
    await recordTrial(store, jobId, { id: `c-${number}`, title: `${number}`, program }, interval(0.5));
  const { openJob: open, readJournal } = createJobActivities({ store });
  const place = { storeId: store.id, jobId, step: 'open' };
  const { known } = await open({ ...place, input });
  expect(known.journal).toEqual([]);
  const journal = known.more ?? '';
  expect(await readJournal({ ...place, journal, from: 0 })).toHaveLength(150);
  expect((await readJournal({ ...place, journal, from: 150 })).map(({ id }) => id)).toEqual(['c-151']);
  expect(await readJournal({ ...place, journal, from: 151 })).toEqual([]);
});
