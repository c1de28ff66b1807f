import { beforeEach, expect, it } from 'vitest';
import { createJobActivities, type Opened } from '../../activities/job.ts';
import { hintsOf } from '../../activities/propose/hints.ts';
import type { NextDecision } from '../../domain/decision.schema.ts';
import type { JobInput, Origin } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { trialsOf } from '../../store/trials-of.ts';
import { interval, openJob, openStep, recordTrial } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { upRoutes } from '../workflows/stored-job.ts';

const jobId = 'optimize/blur/1a2b3c4d5e.1';
const forkId = 'optimize/blur/5e4d3c2b1a.1';
const job = { kind: 'optimize', name: 'blur', program: 'blur.py', budget: { trials: 20 } } as const;

let store: Store;
let input: JobInput;
let program: string;

beforeEach(async () => {
  store = await temporaryStore();
  input = await openJob(store, job, { id: jobId });
  program = await store.blobs.put('{}');
});

const strategy = (name: string): NextDecision => ({ kind: 'strategy', strategy: name });
const done = (step: string, kind: string, result: unknown): Promise<unknown> =>
  store.ledger.once(`${jobId}#${step}`, { jobId, kind }, async () => result);
const decide = (number: number, decision: NextDecision): Promise<void> =>
  store.ledger.decide(jobId, { number, decision });

/** Opens a fork as its workflow does. */
function fork(
  origin: Partial<Origin> & Pick<Origin, 'from'>,
  given: Partial<JobInput> = { routes: upRoutes },
): Promise<Opened> {
  const forked: JobInput = {
    ...{ ...input, jobId: forkId, series: 'optimize/blur/5e4d3c2b1a', role: 'fork' },
    origin: { jobId, at: Date.now(), tried: 3, hint: null, ...origin },
    ...given,
  };
  const { openJob: open } = createJobActivities({ store });
  return open({ storeId: store.id, jobId: forkId, step: 'open', input: forked });
}

/** A job with a baseline, a right program, a wrong one, one that was to be looked at twice, one in vain, and one under way. */
async function searched(): Promise<void> {
  const baseline = { id: 'c-0', title: 'as it is', program, operator: 'baseline', parents: [] } as const;
  await recordTrial(store, jobId, { ...baseline, parents: [] }, interval(1), { purpose: 'baseline' });
  await done('strategies', 'strategies', { applicable: ['a', 'b', 'c', 'd'], notUsed: [] });
  await done('c-0/measure', 'measure', { host: 'bench-1' });
  const decisions = [strategy('a'), { kind: 'draft' } as const, strategy('b'), strategy('c'), strategy('d')];
  for (const [index, decision] of decisions.entries()) await decide(index + 1, decision);
  for (const id of ['c-1', 'c-2', 'c-3']) {
    await done(`${id}/proposed`, 'propose', { id });
    await done(`${id}/run`, 'run', { kind: 'ran' });
  }
  await recordTrial(store, jobId, { id: 'c-1', title: 'a', program }, interval(2));
  await recordTrial(store, jobId, { id: 'c-1', title: 'a', program }, interval(2.1), {
    purpose: 'verification',
  });
  await recordTrial(
    store,
    jobId,
    { id: 'c-2', title: 'draft', program },
    { kind: 'crashed', reason: 'IndexError' },
  );
  await recordTrial(store, jobId, { id: 'c-3', title: 'b', program }, interval(9));
  await done('c-4/proposed', 'propose', null);
  await store.ledger.endInVain(jobId, 4);
  await openStep(store, jobId, 'c-5/proposed', 'propose');
  await done('report', 'report', program);
  await store.ledger.takeMessage(jobId, { id: 'a', message: { kind: 'hint', text: 'of the origin' }, at: 1 });
}

it('a fork has what was finished and begins with what it was forked for', async () => {
  await searched();
  const { known, steered } = await fork({ from: 'c-1' });
  expect(known.journal.map(({ id, verified }) => [id, verified])).toEqual([
    ['c-0', false],
    ['c-1', true],
    ['c-2', false],
  ]);
  expect(known).toMatchObject({
    open: [
      { number: 3, decision: strategy('b') },
      { number: 5, decision: { kind: 'improve', parents: ['c-1'] } },
    ],
    inVain: [strategy('c')],
    decided: 5,
  });
  expect(steered.budget.trials).toBe(20);
  const steps = (await store.ledger.steps(forkId)).map(({ key }) => key.replace(`${forkId}#`, ''));
  expect(steps.sort()).toEqual([
    ...['c-0/measure', 'c-1/proposed', 'c-2/proposed'],
    // It is still to be looked at a second time: nothing before that is done again.
    ...['c-3/proposed', 'c-3/run', 'c-4/proposed', 'strategies'],
  ]);
  expect(await store.ledger.calls(forkId)).toEqual([]);
  expect(await store.ledger.messages(forkId)).toEqual([]);
  const { spent } = (await store.ledger.account(forkId)) ?? {};
  expect(spent).toEqual({ microUsd: 0, tokens: 0 });
  const [first] = await store.ledger.events(forkId);
  expect(first?.text).toBe(
    `forked from ${jobId} at c-1: 3 tried there, 17 more at most; c-5 is to improve c-1`,
  );
});

it('trials keep when they were recorded, and the last verification of a candidate is the one that counts', async () => {
  await searched();
  const verification = `${jobId}/verify-1`;
  await openJob(store, job, { id: verification, parent: { jobId, stage: 'verify' } });
  await recordTrial(store, verification, { id: 'c-1', title: 'a', program }, interval(1.5), {
    purpose: 'verification',
  });
  await fork({ from: 'c-1' });
  const [of, there] = await Promise.all([trialsOf(store.ledger, forkId), trialsOf(store.ledger, jobId)]);
  const last = of.findLast(({ trial }) => trial.candidate.id === 'c-1');
  expect(last?.trial).toMatchObject({ purpose: 'verification', outcome: { metric: interval(1.5) } });
  const times = new Set(there.map(({ createdAt }) => createdAt));
  expect(of.every(({ createdAt }) => times.has(createdAt))).toBe(true);
  expect(of).toHaveLength(there.length - 1);
});

it('what the origin tries after it was forked is its own, and a fork that is opened again takes over nothing more', async () => {
  await searched();
  const at = Date.now();
  await fork({ from: 'c-2', at });
  const before = await store.ledger.trials(forkId);
  await recordTrial(store, jobId, { id: 'c-5', title: 'd', program }, interval(0.5));
  const again = await fork({ from: 'c-2', at: at + 60_000 });
  expect(await store.ledger.trials(forkId)).toEqual(before);
  expect(again.known.decided).toBe(5);
  expect(again.known.open.at(-1)).toEqual({ number: 5, decision: { kind: 'debug', parent: 'c-2' } });

  const late = { jobId: 'optimize/blur/ffffffffff.1', series: 'optimize/blur/ffffffffff' };
  const { openJob: open } = createJobActivities({ store });
  const origin = { jobId, from: 'c-2', at, tried: 3, hint: null };
  const forked: JobInput = { ...input, ...late, role: 'fork', origin };
  await open({ storeId: store.id, jobId: late.jobId, step: 'open', input: forked });
  expect((await store.ledger.trials(late.jobId)).map(({ index }) => index)).not.toContain(5);
});

it('a fork without a model begins nothing of its own and says so; one with a hint has it once', async () => {
  await searched();
  const { known } = await fork({ from: 'c-1', hint: 'use tables' }, {});
  expect(known.open.map(({ number }) => number)).toEqual([3]);
  await fork({ from: 'c-1', hint: 'use tables' }, {});
  const said = (await store.ledger.events(forkId)).map(({ text }) => text);
  expect(said).toEqual([
    `forked from ${jobId} at c-1: 3 tried there, 17 more at most; no model can be asked to go on from c-1, so it goes on with what needs none`,
    'hint: use tables',
  ]);
  expect(await hintsOf(store, forkId, Date.now())).toBe('use tables');
});

it('a verification of a fork takes over nothing', async () => {
  await searched();
  const origin = { jobId, from: 'c-1', at: Date.now(), tried: 3, hint: null };
  const id = `${forkId}/verify-1`;
  const { openJob: open } = createJobActivities({ store });
  const verified: JobInput = { ...input, jobId: id, series: id, role: 'verification', origin };
  await open({ storeId: store.id, jobId: id, step: 'open', input: verified });
  expect(await store.ledger.trials(id)).toEqual([]);
});
