import { beforeEach, describe, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import { goOn, readExtension, resume } from '../../cli/steer/resume.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import type { Message, Told } from '../../domain/message.schema.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { closeJob, interval, openJob, recordTrial } from './kept-jobs.ts';
import { openingClient } from './opening-client.ts';

const id = 'optimize/blur/1a2b3c4d5e.1';
const job = { kind: 'optimize', name: 'blur', program: 'blur.py', budget: { trials: 5, usd: 1 } } as const;

/** Without any key. */
const models = modelConfig();

let store: Store;
let started: JobInput[];
/** Starts a job as a worker would take it up at once. */
const client = openingClient(
  () => store,
  (input) => started.push(input) > 0,
);

beforeEach(async () => {
  store = await temporaryStore();
  started = [];
});

const record = async (jobId = id): Promise<JobRecord> => {
  const found = await store.ledger.job(jobId);
  if (found === undefined) throw new Error(`expected ${jobId} in the ledger`);
  return found;
};
const end = (status: 'finished' | 'failed' | 'cancelled' = 'finished') =>
  store.ledger.closeJob(id, { status, endedAt: Date.now() });
const take = async (parts: string[] = []): Promise<string> =>
  resume(store, client, await record(), readExtension(parts), {
    models,
    signal: new AbortController().signal,
  });

describe('an extension of a budget', () => {
  it('names what is extended; a bare number is dollars', () => {
    expect(readExtension([])).toEqual({});
    expect(readExtension(['5'])).toEqual({ usd: 5 });
    expect(readExtension(['$2.50'])).toEqual({ usd: 2.5 });
    expect(readExtension(['usd=5', 'tokens=2000000', 'trials=20', 'minutes=90'])).toEqual({
      ...{ usd: 5, tokens: 2_000_000, trials: 20, wallMs: 5_400_000 },
    });
  });

  it.each(['usd=', 'euros=5', 'usd=-5', 'trials=2.5', 'trials=0', 'much', 'usd=1.2.3'])(
    '%s is refused, with what there is',
    (part) => expect(() => readExtension([part])).toThrow(`${part}: expected usd=NUMBER, tokens=NUMBER`),
  );
});

describe('a resumed job', () => {
  it.each(['finished', 'failed', 'cancelled'] as const)(
    'that was %s is open again with its budget',
    async (status) => {
      await openJob(store, job, { id });
      await end(status);
      expect(await take(['usd=5', 'trials=20'])).toBe(id);
      expect(await record()).toMatchObject({ status: 'running', endedAt: null });
      expect(started).toMatchObject([{ jobId: id, resumed: 1, job: { budget: { usd: 5, trials: 20 } } }]);
      expect((await store.ledger.account(id))?.cap).toEqual({ microUsd: 5_000_000, tokens: null });
      await end();
      await take();
      expect(started[1]).toMatchObject({ resumed: 2, job: { budget: { usd: 5, trials: 20 } } });
    },
  );

  it('is started once, however quickly it ends', async () => {
    await openJob(store, job, { id });
    await end();
    let starts = 0;
    // Its workflow opens and ends while the command waits to look again.
    const quick = openingClient(
      () => store,
      () => false,
    );
    const start = async (input: JobInput): Promise<void> => {
      starts += 1;
      if (starts > 1) return;
      const { openJob: open } = createJobActivities({ store });
      setTimeout(async () => {
        await open({ storeId: store.id, jobId: id, step: 'open', input });
        await end();
      }, 10);
    };
    const { signal } = new AbortController();
    await resume(store, { ...quick, start }, await record(), {}, { models, signal });
    expect(starts).toBe(1);
  });

  it('that another command takes up meanwhile is left to that one, and it is said at once', async () => {
    await openJob(store, job, { id });
    await end();
    const before = await record();
    await take(['trials=20']);
    // The workflow that is waited for is the other's, which may run for days.
    const closed = (_: string, signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const given = { models, signal: new AbortController().signal };
    await expect(resume(store, { ...client, closed }, before, {}, given)).rejects.toThrow(
      `${id} is running already: it was just taken up`,
    );
    await expect(resume(store, client, before, {}, given)).rejects.toThrow('it was just taken up');
    expect((await record()).budget.trials).toBe(20);
  });

  it('that has ended is given more, never less', async () => {
    await openJob(store, job, { id });
    await end('cancelled');
    await take(['trials=20']);
    await end('cancelled');
    await expect(take(['trials=5'])).rejects.toThrow('5 trials is less than the 20 trials it has');
  });

  it('that still runs is told to go on, and what it is extended by; there must be one of them', async () => {
    await openJob(store, job, { id });
    await expect(take()).rejects.toThrow('is running already');
    const told: Message[] = [];
    const tell = async (_: string, { message }: Pick<Told, 'message'>) => {
      told.push(message);
      return null;
    };
    const hearing = { ...client, tell };
    await expect(goOn(hearing, await record(), {})).rejects.toThrow('is running already');
    await store.ledger.takeMessage(id, { id: 'a', message: { kind: 'pause' }, at: 1 });
    await goOn(hearing, await record(), readExtension(['usd=7', 'trials=20']));
    expect(told).toEqual([{ kind: 'extend', budget: { usd: 7, trials: 20 } }, { kind: 'resume' }]);
    const deaf = { ...client, tell: async () => 'it is ending' };
    await expect(goOn(deaf, await record(), { usd: 9 })).rejects.toThrow(`${id}: it is ending`);
    expect(started).toEqual([]);
  });

  it('keeps what it was extended by while it ran', async () => {
    await openJob(store, job, { id });
    const message = { kind: 'extend', budget: { usd: 7, trials: 30 } } as const;
    await store.ledger.takeMessage(id, { id: 'a', message, at: 1 });
    await end();
    await take();
    expect(started[0]?.job.budget).toMatchObject({ usd: 7, trials: 30 });
    expect(await record()).toMatchObject({ budget: { usd: 7, trials: 30 } });
  });

  it('is a whole pipeline, whose money is its own and whose trials are its stages’', async () => {
    const stage = { name: 'faster', kind: 'optimize', program: 'blur.py' } as const;
    const pipeline = 'pipeline/two/1a2b3c4d5e.1';
    await openJob(store, { kind: 'pipeline', name: 'two', stages: [stage] }, { id: pipeline });
    await openJob(
      store,
      { ...stage, name: 'faster' },
      {
        id: `${pipeline}/faster`,
        parent: { jobId: pipeline, stage: 'faster' },
      },
    );
    await store.ledger.closeJob(pipeline, { status: 'finished', endedAt: Date.now() });
    const { signal } = new AbortController();
    const part = await record(`${pipeline}/faster`);
    await expect(resume(store, client, part, {}, { models, signal })).rejects.toThrow(
      `crucible resume ${pipeline}`,
    );
    await resume(store, client, await record(pipeline), readExtension(['usd=3', 'trials=9']), {
      models,
      signal,
    });
    expect(started[0]?.job).toMatchObject({ budget: { usd: 3 }, stages: [{ budget: { trials: 9 } }] });
    expect((await store.ledger.account(pipeline))?.cap.microUsd).toBe(3_000_000);
  });
});

describe('a finished job that has nothing to go on with', () => {
  /** Of two strategies that apply, so many were tried. */
  async function searched(tried: number, asked: object = {}): Promise<void> {
    const input = await openJob(store, { ...job, ...asked }, { id });
    await store.ledger.once(`${id}#strategies`, { jobId: id, kind: 'strategies' }, async () => ({
      applicable: ['vectorize_loops', 'parallelize'],
      notUsed: [],
    }));
    for (let number = 1; number <= tried; number += 1)
      await recordTrial(
        store,
        id,
        { id: `c-${number}`, title: `${number}`, program: await store.blobs.put('{}') },
        interval(0.5),
      );
    await closeJob(store, input, { summary: 'nothing faster that is right was found' });
  }

  it.each([
    ['every trial is used', { budget: { trials: 2 } }, [], /2 of 2 trials used; add --budget trials=4$/],
    [
      'every strategy was tried and there is no model, whatever is paid',
      {},
      ['usd=5', 'trials=9'],
      /every strategy that applies was tried, and no model is configured: set a key/,
    ],
  ] as const)('says so and is left as it is: %s', async (_, asked, parts, message) => {
    await searched(2, asked);
    const before = await record();
    await expect(take([...parts])).rejects.toThrow(message);
    expect(await record()).toEqual(before);
    expect(started).toEqual([]);
  });

  it('says so where it is solved, and where its one program was run', async () => {
    const program = await store.blobs.put('{}');
    const solve = { kind: 'solve', name: 'a', script: 'a.py', task: 'Draw.' } as const;
    const solved = await openJob(store, solve, { id });
    await recordTrial(store, id, { id: 'c-1', title: 'one', program }, { kind: 'passed', verdict: program });
    await closeJob(store, solved, { summary: 'solved in 1' });
    await expect(take(['trials=9'])).rejects.toThrow(
      `${id} has nothing to go on with: c-1 passes every check; to do it anew, run it with --fresh`,
    );

    const pipelineId = 'pipeline/two/1a2b3c4d5e.1';
    const stage = { kind: 'solve', name: 'draw', script: 'a.py' } as const;
    const pipeline = await openJob(
      store,
      { kind: 'pipeline', name: 'two', stages: [stage] },
      { id: pipelineId },
    );
    const drawn = await openJob(store, stage, {
      ...{ id: `${pipelineId}/draw`, parent: { jobId: pipelineId, stage: 'draw' } },
    });
    const given = { id: 'c-0', title: 'a.py', program, operator: 'human' as const };
    await recordTrial(store, drawn.jobId, given, { kind: 'crashed', reason: 'it fell' });
    await closeJob(store, drawn, { status: 'failed', summary: 'a.py crashed' });
    await closeJob(store, pipeline, { status: 'failed', summary: 'stage draw failed' });
    const { signal } = new AbortController();
    await expect(
      resume(store, client, await record(pipelineId), { trials: 2 }, { models, signal }),
    ).rejects.toThrow('its one program was run, and is not run again as it is');
    expect(started).toEqual([]);
  });

  it('goes on with a program that somebody brought since', async () => {
    await searched(2, { budget: { trials: 2 } });
    await expect(take()).rejects.toThrow('2 of 2 trials used');
    const file = await store.blobs.put('pass');
    const message = { kind: 'tryProgram', name: 'mine.py', file } as const;
    await store.ledger.takeMessage(id, { id: 'a', message, at: 1 });
    expect(await take()).toBe(id);
  });

  it('goes on with a strategy that is left, with trials that are added, and with a key that was set since', async () => {
    await searched(1, { budget: { trials: 5 } });
    expect(await take()).toBe(id);
    store = await temporaryStore();
    await searched(2, { budget: { trials: 2 } });
    const withKey = modelConfig({ OPENAI_API_KEY: 'a-key' });
    const { signal } = new AbortController();
    await resume(store, client, await record(), { trials: 4 }, { models: withKey, signal });
    expect(started.at(-1)?.routes.draft.length).toBeGreaterThan(0);
  });
});
