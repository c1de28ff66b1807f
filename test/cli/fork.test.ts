import { beforeEach, describe, expect, it } from 'vitest';
import { list } from '../../cli/follow/list.ts';
import { show } from '../../cli/follow/show.ts';
import type { Submitted } from '../../cli/start/submit.ts';
import { type ForkOptions, forkOf, startFork } from '../../cli/steer/fork.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import { collectReport } from '../../record/report-facts.ts';
import type { Store } from '../../store/store.ts';
import { renderReport } from '../../web/report.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { closeJob, interval, openJob, recorded, recordTrial, storeProgram } from './kept-jobs.ts';
import { openingClient } from './opening-client.ts';

const id = 'optimize/blur/1a2b3c4d5e.1';
const job = { kind: 'optimize', name: 'blur', program: 'blur.py', budget: { trials: 8, usd: 2 } } as const;
const withKey = modelConfig({ OPENAI_API_KEY: 'a-key' });

let store: Store;
let started: JobInput[];
const client = openingClient(
  () => store,
  (input) => started.push(input) > 0,
);

beforeEach(async () => {
  store = await temporaryStore();
  started = [];
});

const record = async (of = id) => (await store.ledger.job(of)) ?? expect.fail();

async function fork(
  options: ForkOptions & { fresh?: boolean },
  models = withKey,
  of = id,
): Promise<Submitted> {
  return startFork(store, client, await forkOf(store, await record(of), options, models), options);
}

/** A program, a faster one that stands, and one that failed; nothing is under way. */
async function searched(asked: object = job, of = id): Promise<JobInput> {
  const input = await openJob(store, { ...job, ...asked }, { id: of });
  const program = await storeProgram(store, {
    ...{ files: { 'blur.py': await store.blobs.put('pass\n') }, build: null },
    entry: { kind: 'script', path: 'blur.py', args: [] },
  });
  const baseline = { id: 'c-0', title: 'as it is', program, operator: 'baseline' as const, parents: [] };
  await recordTrial(store, of, baseline, interval(1), { purpose: 'baseline' });
  for (const [number, name] of ['a', 'b', 'c'].entries())
    await store.ledger.decide(of, { number: number + 1, decision: { kind: 'strategy', strategy: name } });
  const first = { id: 'c-1', title: 'a', program };
  await recordTrial(store, of, first, interval(2));
  await recordTrial(store, of, first, interval(2), { purpose: 'verification' });
  await recordTrial(store, of, { id: 'c-2', title: 'b', program }, { kind: 'crashed', reason: 'IndexError' });
  await store.ledger.endInVain(of, 3);
  return input;
}

describe('a fork', () => {
  it('is a job of its own, with as many trials as its origin on top of those that were tried', async () => {
    await searched();
    const submitted = await fork({ from: 'c-1', hint: ' use tables ' });
    expect(started[0]).toMatchObject({
      ...{ role: 'fork', parent: null, run: 1, fresh: false, resumed: 0 },
      job: { name: 'blur', budget: { trials: 10, usd: 2 } },
      origin: { jobId: id, from: 'c-1', tried: 2, hint: 'use tables' },
    });
    const jobId = submitted.kind === 'started' ? submitted.jobId : expect.fail();
    expect(jobId).toMatch(/^optimize\/blur\/[0-9a-f]{10}\.1$/);
    expect(jobId).not.toBe(id);
    expect((await record(jobId)).budget.trials).toBe(10);
    expect((await store.ledger.account(jobId))?.cap.microUsd).toBe(2_000_000);
    expect((await store.ledger.decisions(jobId)).at(-1)?.decision).toEqual({
      kind: 'improve',
      parents: ['c-1'],
    });
  });

  it('is attached to where the same is asked for again, and shown where it is finished; another is another', async () => {
    await searched();
    const first = await fork({ from: 'c-1', hint: 'use tables', trials: 3 });
    expect(first.kind).toBe('started');
    expect(await fork({ from: 'c-1', hint: 'use tables', trials: 9 })).toEqual({
      ...first,
      kind: 'attached',
    });
    const ids = new Set<string>();
    for (const options of [{}, { hint: 'other' }, { model: ['openai/gpt-4o'] }, { from: 'c-2' }])
      ids.add(JSON.stringify(await fork({ from: 'c-1', ...options })));
    expect(ids.size).toBe(4);
    await closeJob(store, started[0] ?? expect.fail(), { summary: 'done' });
    const again = await fork({ from: 'c-1', hint: 'use tables' });
    expect(again).toMatchObject({ kind: 'finished', record: { role: 'fork' } });
    const anew = await fork({ from: 'c-1', hint: 'use tables', fresh: true });
    expect(anew.kind === 'started' && anew.jobId.endsWith('.2')).toBe(true);
  });

  it('asks the models that are named, and else those of its origin', async () => {
    await searched();
    const models = modelConfig({ OPENAI_API_KEY: 'a-key', ANTHROPIC_API_KEY: 'a-key' });
    await fork({ from: 'c-2', model: ['openai/gpt-4o'] }, models);
    const only = ['openai/gpt-4o'];
    expect(started[0]?.routes).toMatchObject({ draft: only, debug: only, improve: only });
    expect(started[0]?.job).toMatchObject({ models: { draft: only, debug: only, improve: only } });
  });

  it('of a fork has the trials that one was given, not those it took over', async () => {
    await searched();
    await fork({ from: 'c-1', trials: 5 });
    const of = started[0]?.jobId ?? '';
    await fork({ from: 'c-1', hint: 'again' }, withKey, of);
    expect(started[1]).toMatchObject({ job: { budget: { trials: 7 } }, origin: { jobId: of, tried: 2 } });
  });

  it('of a stage is a job by itself, with the limit on money that its pipeline has', async () => {
    const pipeline = 'pipeline/two/1a2b3c4d5e.1';
    const stage = { name: 'faster', kind: 'optimize', program: 'blur.py' } as const;
    await openJob(
      store,
      { kind: 'pipeline', name: 'two', stages: [stage], budget: { usd: 3 } },
      { id: pipeline },
    );
    const of = `${pipeline}/faster`;
    await openJob(store, { ...stage }, { id: of, parent: { jobId: pipeline, stage: 'faster' } });
    await searched({ name: 'faster', budget: { trials: 4 } }, of);
    await fork({ from: 'c-1' }, withKey, of);
    expect(started[0]?.jobId).toMatch(/^optimize\/faster\/[0-9a-f]{10}\.1$/);
    expect(started[0]).toMatchObject({ parent: null, job: { budget: { usd: 3 } }, origin: { jobId: of } });
  });

  it('is told apart by list, show and the report', async () => {
    const input = await searched();
    await closeJob(store, input, { summary: 'a is 2× faster' });
    const submitted = await fork({ from: 'c-1', trials: 5 });
    const jobId = submitted.kind === 'started' ? submitted.jobId : expect.fail();
    const listed = recorded(store, { columns: 160 });
    await list(listed.context, { limit: 5 });
    expect(listed.lines.join('\n')).toContain(`forked from ${id} at c-1: blur.py`);
    const shown = recorded(store);
    await show(shown.context, { job: jobId, diff: false, program: false, log: false, prompt: false });
    expect(shown.lines.join('\n')).toContain(`forked from ${id} at c-1, 2 tried there and 0 of 5 here`);
    const machine = recorded(store, { json: true });
    await show(machine.context, { job: jobId, diff: false, program: false, log: false, prompt: false });
    expect(JSON.parse(machine.lines[0] ?? '').origin).toMatchObject({ jobId: id, from: 'c-1', tried: 2 });
    expect(renderReport(await collectReport(store, jobId))).toContain(`forked from ${id} at c-1`);
  });
});

describe('what cannot be forked is refused before anything starts', () => {
  const refused = async (options: Partial<ForkOptions>, models = withKey, of = id): Promise<string> => {
    const error = await fork({ from: 'c-1', ...options }, models, of).catch((reason: Error) => reason);
    expect(started).toEqual([]);
    return error instanceof Error ? error.message : expect.fail(JSON.stringify(error));
  };

  it.each([
    ['c-11', `--from: ${id} has no candidate c-11; did you mean c-2? There are: c-0, c-1, c-2`],
    ['best', `--from: ${id} has no candidate best; did you mean c-2? There are: c-0, c-1, c-2`],
    [
      'c-3',
      `c-3 of ${id} has no program that was tried: what was decided led to none; there are: c-0, c-1, c-2`,
    ],
  ])('a candidate that is not there or has no program: %s', async (from, message) => {
    await searched();
    expect(await refused({ from })).toBe(message);
  });

  it('a candidate that is under way', async () => {
    await searched();
    await store.ledger.decide(id, { number: 4, decision: { kind: 'draft' } });
    expect(await refused({ from: 'c-4' })).toBe(
      `c-4 of ${id} is being made or tried: fork from it once that has ended`,
    );
    await store.ledger.closeJob(id, { status: 'cancelled', endedAt: Date.now() });
    expect(await refused({ from: 'c-4' })).toContain('its job ended before that');
  });

  it('a verification and a pipeline', async () => {
    await searched();
    await openJob(store, job, { id: `${id}/verify-1`, parent: { jobId: id, stage: 'verify' } });
    expect(await refused({}, withKey, `${id}/verify-1`)).toBe(
      `${id}/verify-1 is a verification, which searches nothing: fork ${id}`,
    );
    const pipeline = 'pipeline/two/1a2b3c4d5e.1';
    const stages = [{ name: 'one', kind: 'optimize' as const, program: 'blur.py' }];
    await openJob(store, { kind: 'pipeline', name: 'two', stages }, { id: pipeline });
    expect(await refused({}, withKey, pipeline)).toBe(
      `${pipeline} has no candidates of its own: name ${pipeline}/one`,
    );
  });

  it('a job that runs one program', async () => {
    const of = 'solve/once/1a2b3c4d5e.1';
    await openJob(store, { kind: 'solve', name: 'once', script: 'once.py' }, { id: of });
    await recordTrial(
      store,
      of,
      { id: 'c-0', title: 'once.py', program: await store.blobs.put('{}') },
      {
        ...{ kind: 'crashed', reason: 'no' },
      },
    );
    expect(await refused({ from: 'c-0' }, withKey, of)).toBe(
      `${of} runs one program and searches for no other, so there is nothing to fork`,
    );
  });

  it('a job that has what it is after', async () => {
    const of = 'solve/counts/1a2b3c4d5e.1';
    await openJob(store, { kind: 'solve', name: 'counts', task: 'count' }, { id: of });
    const program = await store.blobs.put('{}');
    await recordTrial(store, of, { id: 'c-1', title: 'nothing', program }, { kind: 'crashed', reason: 'no' });
    await recordTrial(
      store,
      of,
      { id: 'c-2', title: 'a Counter', program },
      { kind: 'passed', verdict: program },
    );
    expect(await refused({}, withKey, of)).toBe(
      `a fork of ${of} would end where it begins: c-2 passes every check, and that is all it is after; ask for more in the job, and run that`,
    );
    await searched({ goal: 1.5 });
    expect(await refused({})).toBe(`a fork of ${id} would end where it begins: the goal of 1.5× is met`);
  });

  it('a job that has nothing to go on with, and a hint that nobody would read', async () => {
    await searched();
    await store.ledger.once(`${id}#strategies`, { jobId: id, kind: 'strategies' }, async () => ({
      applicable: ['a', 'b'],
      notUsed: [],
    }));
    expect(await refused({}, modelConfig({}))).toMatch(/every strategy that applies was tried, and no model/);
    expect(await refused({ hint: 'use tables' }, modelConfig({}))).toMatch(
      /asks no model, so nobody would read a hint: no model configured: set /,
    );
    expect(await refused({ hint: ' ' })).toContain('expected a hint of 1 to 2,000 characters');
    const of = 'solve/counts/1a2b3c4d5e.1';
    await openJob(store, { kind: 'solve', name: 'counts', task: 'count' }, { id: of });
    const program = await store.blobs.put('{}');
    await recordTrial(store, of, { id: 'c-1', title: 'nothing', program }, { kind: 'crashed', reason: 'no' });
    expect(await refused({}, modelConfig({}), of)).toMatch(/^no model configured: set .*OPENAI_API_KEY/);
  });

  it('a model that cannot be asked, and more trials than a job may have', async () => {
    await searched();
    expect(await refused({ model: ['anthropic/claude-opus-4'] })).toMatch(
      /^--model anthropic\/claude-opus-4: .*ANTHROPIC_API_KEY/,
    );
    expect(await refused({ model: ['a b'] })).toContain('--model a b: expected `provider/model`');
    expect(await refused({ trials: 9_999 })).toBe(
      'a fork may try 10000 candidates at most, with the 2 that were tried before; got 2 + 9999',
    );
  });
});
