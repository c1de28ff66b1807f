import { setTimeout as wait } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, type Connection } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { hintsOf } from '../../activities/propose/hints.ts';
import { list } from '../../cli/follow/list.ts';
import { prepareNamespace } from '../../cli/server/client.ts';
import type { Message } from '../../domain/message.schema.ts';
import { waitingIn } from '../../domain/steered.ts';
import { spendAttribute, statusAttribute } from '../../domain/visibility.ts';
import type { Store } from '../../store/store.ts';
import { triesOf } from '../../store/tries-of.ts';
import { recorded } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { searchLong } from './long-search.ts';
import { start, storedActivities, storedInput, tell } from './stored-job.ts';
import { stubbedWorkers } from './stubbed-workers.ts';

const workers = stubbedWorkers();

let store: Store;

beforeEach(async () => {
  store = await temporaryStore();
});

const faster = (budget: object = {}) => ({
  ...{ kind: 'optimize', name: 'faster', program: 'slow.py', function: 'f', cases: 'cases.py' },
  budget: { trials: 4, wallMs: 3_600_000, ...budget },
});

const refused = (jobId: string, message: Message): Promise<string> =>
  tell(workers, jobId, message).then(
    () => 'accepted',
    (error: { cause?: { message?: string } }) => error.cause?.message ?? String(error),
  );

describe('a paused job', () => {
  it('begins nothing, and costs nothing, until it is resumed; its time stands still', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const input = storedInput(store, faster());
    const { jobId } = input;
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('two candidates under way', 30_000, async () => seen.activities.includes('runProgram'));
      await tell(workers, jobId, { kind: 'pause' });
      letGo();
      await until('what was under way to end', 30_000, async () => seen.trials.length === 3);
      // The workflow hears of the last of it.
      await wait(1_000);
      const before = [seen.activities.length, (await handle.describe()).historyLength];
      expect((await store.ledger.job(jobId))?.pausedAt).toBeGreaterThan(0);
      await wait(2_000);
      expect([seen.activities.length, (await handle.describe()).historyLength]).toEqual(before);

      expect(await refused(jobId, { kind: 'pause' })).toBe('it is paused already');
      await tell(workers, jobId, { kind: 'resume' });
      expect(await refused(jobId, { kind: 'resume' })).toBe('it is not paused');
      await handle.result();
    });
    const record = await store.ledger.job(jobId);
    expect(record).toMatchObject({ status: 'finished', pausedAt: null });
    expect(record?.pausedMs).toBeGreaterThanOrEqual(2_000);
    expect(seen.trials.filter(({ purpose }) => purpose === 'trial')).toHaveLength(4);
    expect((await store.ledger.events(jobId)).map(({ text }) => text)).toEqual(
      expect.arrayContaining(['paused: nothing new is begun', 'goes on after a pause']),
    );
  });

  it('can be cancelled, and then begins anew without the pause', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const input = storedInput(store, faster());
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      await tell(workers, input.jobId, { kind: 'pause' });
      letGo();
      await until('what was under way to end', 30_000, async () => seen.trials.length === 3);
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
      expect((await store.ledger.job(input.jobId))?.status).toBe('cancelled');

      await (await start(workers, { ...input, resumed: 1 })).result();
    });
    expect(await store.ledger.job(input.jobId)).toMatchObject({ status: 'finished', pausedAt: null });
    expect(seen.trials.filter(({ purpose }) => purpose === 'trial')).toHaveLength(4);
  });

  it('that is a pipeline stands still with its stages, and its later stages wait', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const stages = [faster(), { kind: 'solve', name: 'draw', script: 'draw.py', needs: ['faster'] }];
    const input = storedInput(store, { kind: 'pipeline', name: 'two', stages });
    const stage = `${input.jobId}/faster`;
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      await tell(workers, input.jobId, { kind: 'pause' });
      await tell(workers, input.jobId, { kind: 'extend', budget: { trials: 5, usd: 2 } });
      await until(
        'the stage to be told',
        30_000,
        async () => (await store.ledger.job(stage))?.pausedAt != null,
      );
      letGo();
      await until('what was under way to end', 30_000, async () => seen.trials.length === 3);
      await wait(1_000);
      expect(seen.trials).toHaveLength(3);
      await tell(workers, input.jobId, { kind: 'resume' });
      await handle.result();
    });
    expect(seen.trials.filter(({ purpose }) => purpose === 'trial')).toHaveLength(6);
    expect((await store.ledger.job(stage))?.budget).toMatchObject({ trials: 5 });
    expect((await store.ledger.account(input.jobId))?.cap).toEqual({ microUsd: 2_000_000, tokens: null });
  });
});

describe('a job that waits for a person where its search leads nowhere', () => {
  const waits = (jobId: string) =>
    until('it to wait', 30_000, async () => {
      const record = await store.ledger.job(jobId);
      const waiting = record && waitingIn(await store.ledger.messages(jobId), record);
      return waiting ?? undefined;
    });
  const trialsOf = (seen: { trials: { purpose: string }[] }): number =>
    seen.trials.filter(({ purpose }) => purpose === 'trial').length;

  it('costs nothing meanwhile, goes on by a hint, a larger budget or a program, after a restart too, and ends by a choice', async () => {
    const { activities, seen } = storedActivities(store);
    const input = storedInput(store, { ...faster({ trials: 2 }), strategies: [], on_failure: 'wait' });
    const { jobId } = input;
    const handle = await workers.during(activities, async () => {
      const started = await start(workers, input);
      expect(await waits(jobId)).toEqual({
        ...{ kind: 'wait', why: 'all 2 trials of the budget are used', tried: 2 },
      });
      await wait(1_000);
      const before = [seen.activities.length, (await started.describe()).historyLength];
      await wait(2_000);
      expect([seen.activities.length, (await started.describe()).historyLength]).toEqual(before);
      const { events } = await started.fetchHistory();
      expect(events?.filter((event) => event.timerStartedEventAttributes)).toEqual([]);
      expect(await refused(jobId, { kind: 'pause' })).toBe('it waits for a person, and does nothing');
      expect(await refused(jobId, { kind: 'resume' })).toMatch(/^it waits for a hint, a program \(try\)/);
      return started;
    });
    await workers.during(activities, async () => {
      await tell(workers, jobId, { kind: 'hint', text: 'use tables' });
      await until('another trial', 30_000, async () => trialsOf(seen) === 3);
      expect(await waits(jobId)).toMatchObject({ tried: 3 });
      await tell(workers, jobId, { kind: 'extend', budget: { trials: 4 } });
      await until('a fourth trial', 30_000, async () => trialsOf(seen) === 4);
      expect(await waits(jobId)).toMatchObject({ tried: 4 });
      const file = await store.blobs.put('pass\n');
      await tell(workers, jobId, { kind: 'tryProgram', name: 'mine.patch', file, of: 'c-1' });
      await until('a fifth trial', 30_000, async () => trialsOf(seen) === 5);
      expect(await waits(jobId)).toMatchObject({ tried: 5 });
      await tell(workers, jobId, { kind: 'choose', candidate: null });
      await handle.result();
    });
    const record = await store.ledger.job(jobId);
    expect(record).toMatchObject({ status: 'finished', pausedAt: null, budget: { trials: 4 } });
    expect(record?.pausedMs).toBeGreaterThanOrEqual(3_000);
    expect(trialsOf(seen)).toBe(5);
    expect((await store.ledger.decisions(jobId)).at(-1)?.decision).toMatchObject({
      kind: 'human',
      of: 'c-1',
    });
    const said = (await store.ledger.events(jobId)).map(({ text }) => text);
    expect(said.filter((text) => text.startsWith('waits for '))).toHaveLength(4);
  });

  it('takes what two people tell it at once in one order, and who comes after the choice of the other is told so', async () => {
    const { activities, seen } = storedActivities(store);
    const input = storedInput(store, { ...faster({ trials: 1 }), strategies: [], on_failure: 'wait' });
    const { jobId } = input;
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await waits(jobId);
      const [hint, choice] = await Promise.all([
        refused(jobId, { kind: 'hint', text: 'use tables' }),
        refused(jobId, { kind: 'choose', candidate: null }),
      ]);
      expect(choice).toBe('accepted');
      const came = hint === 'accepted' ? 2 : 1;
      if (came === 1) expect(hint).toBe('somebody chose what it gives, and it is ending');
      else {
        // It was not waiting any more when the choice came.
        await until('its trial', 30_000, async () => trialsOf(seen) === 2);
        expect(await waits(jobId)).toMatchObject({ tried: 2 });
        await tell(workers, jobId, { kind: 'choose', candidate: null });
      }
      await handle.result();
      expect(trialsOf(seen)).toBe(came);
    });
    expect(await store.ledger.job(jobId)).toMatchObject({ status: 'finished', pausedAt: null });
  });

  it('is cancelled while it waits', async () => {
    const { activities } = storedActivities(store);
    const input = storedInput(store, { ...faster({ trials: 1 }), strategies: [], on_failure: 'wait' });
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await waits(input.jobId);
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    });
    expect((await store.ledger.job(input.jobId))?.status).toBe('cancelled');
  });
});

describe('a budget', () => {
  it('is extended while the job runs, also when it is all but used; what is less than it has is refused', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const input = storedInput(store, faster({ trials: 2, usd: 1 }));
    const { jobId } = input;
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      expect(await refused(jobId, { kind: 'extend', budget: { trials: 1 } })).toBe(
        '1 trials is less than the 2 trials it has, and a budget is only ever extended',
      );
      await tell(workers, jobId, { kind: 'extend', budget: { trials: 5, usd: 3, wallMs: 7_200_000 } });
      letGo();
      await handle.result();
    });
    expect(seen.trials.filter(({ purpose }) => purpose === 'trial')).toHaveLength(5);
    expect(await store.ledger.job(jobId)).toMatchObject({ budget: { trials: 5, usd: 3, wallMs: 7_200_000 } });
    expect((await store.ledger.account(jobId))?.cap.microUsd).toBe(3_000_000);
  });

  it('of time counts from when the job was opened, whatever goes at its workflow', async () => {
    const { activities, seen } = storedActivities(store);
    const input = storedInput(store, faster({ wallMs: 60_000 }));
    await store.ledger.openJob({
      ...{ id: input.jobId, series: input.series, run: 1, name: 'faster', kind: 'optimize', role: 'job' },
      ...{ input: await store.blobs.put(JSON.stringify(input)), budget: { trials: 4, wallMs: 60_000 } },
      startedAt: Date.now() - 61_000,
    });
    activities.closeJob = async ({ jobId, status, ended }) => ({
      ...{ result: { jobId, status, ...ended, report: null }, microUsd: 0 },
    });
    const result = await workers.during(activities, async () => (await start(workers, input)).result());
    expect(result.summary).toContain('stopped because the 60 s of the budget are over');
    expect(seen.asked).toEqual([]);
  });
});

describe('a program that somebody brings', () => {
  const mine: Message = { kind: 'tryProgram', name: 'mine.py', file: 'b'.repeat(64) };

  it('is tried next and judged like any other, also where the trials are used', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store, { 'mine.py': { speedups: [5] } });
    activities.listStrategies = async () => ({ applicable: [], notUsed: [] });
    const input = storedInput(store, faster({ trials: 2 }));
    const { jobId } = input;
    hold();
    const result = await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      await tell(workers, jobId, mine, 't-1');
      await tell(workers, jobId, mine, 't-1');
      letGo();
      return handle.result();
    });
    expect(result).toMatchObject({ best: { candidate: 'c-3', title: 'mine.py' } });
    const byHand = seen.trials.filter(({ candidate }) => candidate.operator === 'human');
    expect(byHand.map(({ purpose }) => purpose)).toEqual(['trial', 'verification']);
    // Who brought it may answer in a way of its own: only what a strategy made is not charged for being asked.
    expect(byHand.map(({ measurement }) => measurement?.isOurs)).toEqual([undefined, undefined]);
    expect((await store.ledger.decisions(jobId)).at(-1)?.decision).toEqual({
      ...{ kind: 'human', told: 't-1', name: 'mine.py', file: 'b'.repeat(64) },
    });
    expect(await triesOf(store.ledger, jobId)).toEqual([]);
  });

  it('waits while the job is paused, and is found when it is taken up after a cancel', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store, { 'mine.py': { speedups: [5] } });
    activities.listStrategies = async () => ({ applicable: [], notUsed: [] });
    const input = storedInput(store, faster({ trials: 2 }));
    const { jobId } = input;
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      await tell(workers, jobId, { kind: 'pause' });
      await tell(workers, jobId, mine, 't-1');
      letGo();
      await until('what was under way to end', 30_000, async () => seen.trials.length === 3);
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect((await triesOf(store.ledger, jobId)).map(({ id }) => id)).toEqual(['t-1']);
      const again = await (await start(workers, { ...input, resumed: 1 })).result();
      expect(again).toMatchObject({ best: { candidate: 'c-3', title: 'mine.py' } });
    });
  });
});

it('of a running job a candidate is chosen that is right, and it ends with that in place of its best', async () => {
  const { activities, seen, hold, letGo } = storedActivities(store, {
    slow: { speedups: [2, 2] },
    fast: { speedups: [5, 5] },
  });
  const input = storedInput(store, faster({ trials: 1 }));
  const { jobId } = input;
  const choose = (candidate: string | null) => refused(jobId, { kind: 'choose', candidate });
  hold();
  const result = await workers.during(activities, async () => {
    const handle = await start(workers, input);
    await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
    expect(await choose('c-1')).toBe('no c-1 was tried, and nothing else so far');
    await tell(workers, jobId, { kind: 'pause' });
    await tell(workers, jobId, { kind: 'extend', budget: { trials: 2 } });
    letGo();
    await until('the first to be known', 30_000, async () => (await choose('c-1')) === 'accepted');
    expect(await choose('c-7')).toBe('no c-7 was tried; the nearest is c-1');
    expect(await choose('c-0')).toBe('c-0 is the program as it is, which is there already');
    await tell(workers, jobId, { kind: 'resume' });
    return handle.result();
  });
  expect(result).toMatchObject({
    ...{ best: { candidate: 'c-2' }, chosen: { candidate: 'c-1' } },
    summary: expect.stringMatching(/^c-1 slow \(2×\) was chosen by hand; the best is c-2 fast \(5×\)/),
  });
  expect((await store.ledger.events(jobId)).map(({ text }) => text)).toContain('c-1 was chosen');
});

describe('a job whose quota is used up', () => {
  const opensIn = (ms: number) =>
    ApplicationFailure.create({
      ...{ type: 'ModelWindowClosed', message: 'up/one: the quota is used up', nonRetryable: true },
      details: [{ opensAt: Date.now() + ms }],
    });

  /** Models are out of quota until `open` is set. */
  const closedJob = (opensInMs: number) => {
    const { activities, seen } = storedActivities(store);
    const { proposeByModel } = activities;
    const quota = { open: false, asked: 0 };
    activities.proposeByModel = async (input) => {
      quota.asked += 1;
      if (!quota.open) throw opensIn(opensInMs);
      return proposeByModel(input);
    };
    activities.listStrategies = async () => ({ applicable: [], notUsed: [] });
    return { activities, seen, quota, input: storedInput(store, faster({ trials: 1, wallMs: 60_000 })) };
  };
  const listed = async (): Promise<string> => {
    const { context, lines } = recorded(store, { columns: 200 });
    await list(context, { limit: 5 });
    return lines.join('\n');
  };

  it('rests until there is more, at no cost, and goes on by itself', async () => {
    const { activities, seen, quota, input } = closedJob(4_000);
    const { jobId } = input;
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('the rest', 30_000, async () => (await store.ledger.job(jobId))?.pausedAt != null);
      quota.open = true;
      expect(await listed()).toMatch(
        / waiting .*waits until \d{4}-\d\d-\d\d \d\d:\d\d UTC: up\/one: the quota is used up/,
      );
      await wait(500);
      const before = [seen.activities.length, (await handle.describe()).historyLength];
      await wait(1_500);
      expect([seen.activities.length, (await handle.describe()).historyLength]).toEqual(before);
      await handle.result();
    });
    expect(quota.asked).toBe(2);
    const record = await store.ledger.job(jobId);
    expect(record).toMatchObject({ status: 'finished', pausedAt: null });
    expect(record?.pausedMs).toBeGreaterThanOrEqual(3_000);
    expect((await store.ledger.events(jobId)).map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^waits until .* UTC: up\/one: the quota is used up$/),
        'goes on after a pause',
      ]),
    );
  });

  it('goes on before, where somebody says so, and stays paused where somebody says that', async () => {
    const { activities, quota, input } = closedJob(3_600_000);
    const { jobId } = input;
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('the rest', 30_000, async () => (await store.ledger.job(jobId))?.pausedAt != null);
      await tell(workers, jobId, { kind: 'pause' });
      await until('the pause', 30_000, async () => !(await listed()).includes('waits until'));
      expect(await listed()).toMatch(/ paused /);
      expect(await refused(jobId, { kind: 'pause' })).toBe('it is paused already');
      quota.open = true;
      await tell(workers, jobId, { kind: 'resume' });
      await handle.result();
    });
    expect(quota.asked).toBe(2);
  });

  it('rests on after its workflow was begun anew from the ledger', async () => {
    const { activities, quota, input } = closedJob(6_000);
    const { jobId } = input;
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('the rest', 30_000, async () => (await store.ledger.job(jobId))?.pausedAt != null);
      await handle.terminate();
      quota.open = true;
      const again = await start(workers, input);
      await wait(1_000);
      expect((await store.ledger.job(jobId))?.pausedAt).toBeGreaterThan(0);
      await again.result();
    });
    expect(quota.asked).toBe(2);
    expect(await store.ledger.job(jobId)).toMatchObject({ status: 'finished', pausedAt: null });
  });
});

it('a pipeline refuses to be extended where no stage is left that searches', async () => {
  const { activities, seen, hold, letGo } = storedActivities(store);
  const stages = [{ kind: 'solve', name: 'draw', script: 'draw.py' }];
  const input = storedInput(store, { kind: 'pipeline', name: 'one', stages });
  hold();
  await workers.during(activities, async () => {
    const handle = await start(workers, input);
    await until('the stage under way', 30_000, async () => seen.activities.includes('runProgram'));
    expect(await refused(input.jobId, { kind: 'extend', budget: { trials: 9 } })).toBe(
      'no stage is left that searches, so nothing would use it',
    );
    letGo();
    await handle.result();
  });
});

describe('a message', () => {
  it('counts once, however often it is sent under its ID', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const input = storedInput(store, faster());
    const { jobId } = input;
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      for (let time = 0; time < 3; time += 1)
        await tell(workers, jobId, { kind: 'hint', text: 'use tables' }, 'h-1');
      await tell(workers, jobId, { kind: 'hint', text: 'and no recursion' }, 'h-2');
      letGo();
      await handle.result();
    });
    expect((await store.ledger.messages(jobId)).map(({ id }) => id)).toEqual(['h-1', 'h-2']);
    expect(await hintsOf(store, jobId, Date.now())).toBe('use tables\nand no recursion');
    expect(await hintsOf(store, jobId, 0)).toBeNull();
    // In a later go at the job it is known, too.
    await store.ledger.takeMessage(jobId, { id: 'h-1', message: { kind: 'hint', text: 'again' }, at: 1 });
    expect(await store.ledger.messages(jobId)).toHaveLength(2);
  });

  it('that nobody could act on is refused with the reason', async () => {
    const { activities, seen, hold, letGo } = storedActivities(store);
    const routes = { ...storedInput(store, faster()).routes, draft: [], debug: [], improve: [] };
    const { activities: scripted } = storedActivities(store, { fast: { speedups: [3] } });
    activities.listStrategies = scripted.listStrategies;
    const input = storedInput(store, faster(), { routes });
    hold();
    await workers.during(activities, async () => {
      const handle = await start(workers, input);
      await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
      expect(await refused(input.jobId, { kind: 'hint', text: 'go faster' })).toBe(
        'it asks no model, so nobody would read a hint',
      );
      letGo();
      await handle.result();
      expect(await refused(input.jobId, { kind: 'pause' })).toMatch(/completed|not found/);
    });
    expect(await store.ledger.messages(input.jobId)).toEqual([]);
  });
});

it('what models cost, and that a job is paused, is told in search attributes', async () => {
  const connection = workers.client.connection as Connection;
  expect(await prepareNamespace(connection, 'default')).toBe(true);
  const { activities, seen, hold, letGo } = storedActivities(store);
  const { recordTrial } = activities;
  activities.recordTrial = async (input) => {
    await recordTrial(input);
    return { microUsd: 1_250_000 };
  };
  const input = storedInput(store, faster(), { searchable: true });
  hold();
  await workers.during(activities, async () => {
    const handle = await start(workers, input);
    await until('a candidate under way', 30_000, async () => seen.activities.includes('runProgram'));
    await tell(workers, input.jobId, { kind: 'pause' });
    letGo();
    await until('what was under way to end', 30_000, async () => seen.trials.length === 3);
    const { typedSearchAttributes } = await until('the pause to be told', 30_000, async () => {
      const described = await handle.describe();
      return described.typedSearchAttributes.get(statusAttribute) === 'paused' ? described : undefined;
    });
    expect(typedSearchAttributes.get(spendAttribute)).toBe(1.25);
    await tell(workers, input.jobId, { kind: 'resume' });
    await handle.result();
    expect((await handle.describe()).typedSearchAttributes.get(statusAttribute)).toBe('finished');
  });
});

it('a search whose history is long goes on as new, and loses nothing', async () => {
  expect((await searchLong(workers, store, 120)).histories).toBeGreaterThan(1);
});
