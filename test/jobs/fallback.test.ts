import { setTimeout as wait } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobClient } from '../../cli/client.ts';
import { resume } from '../../cli/resume.ts';
import type { JobResult } from '../../domain/job-input.ts';
import { until } from '../support/crucible.ts';
import type { Answer } from '../support/model-servers.ts';
import {
  allRoles,
  type ModelJobs,
  optimizeWorkflows,
  replyWith,
  type StubProvider,
  startModelJobs,
  startProvider,
  textsIn,
} from './model-jobs.ts';

let one: StubProvider;
let other: StubProvider;
let jobs: ModelJobs;

beforeEach(async () => {
  [one, other] = [await startProvider(), await startProvider()];
  jobs = await startModelJobs({ one, other }, optimizeWorkflows);
});

afterEach(async () => {
  await jobs?.stop();
});

const down: Answer = { kind: 'status', status: 500 };
const program: Answer = { kind: 'text', text: replyWith('print("less work")\n') };
const routes = allRoles('one/stub', 'other/stub');

describe('a route that always answers 500', () => {
  it('gets three requests, after one and two seconds, and then the next route is asked', async () => {
    one.server.answers = [down];
    other.server.answers = [program];
    await jobs.startWorker();
    const input = await jobs.inputOf('fails-over', { budget: { trials: 1 } }, { routes });
    const result: JobResult = await (await jobs.start('optimize', input)).result();
    expect(one.server.requests).toHaveLength(3);
    expect(other.server.requests).toHaveLength(1);
    expect(result).toMatchObject({ status: 'finished', best: { candidate: 'c-1', value: 2 } });

    const calls = await jobs.store.ledger.calls(input.jobId);
    expect(calls.map(({ status, error }) => [status, error])).toEqual([
      ['failed', 'ModelUnavailable'],
      ['failed', 'ModelUnavailable'],
      ['failed', 'ModelUnavailable'],
      ['done', null],
    ]);
    const waits = calls.slice(1, 3).map((call, index) => call.startedAt - (calls[index]?.doneAt ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(1_000);
    expect(waits[1]).toBeGreaterThanOrEqual(2_000);
  });
});

it('a job whose budget ends keeps its best; with a larger one it goes on, and pays nothing again', async () => {
  // 1,000 tokens of input and 500 of output: half a cent a call.
  const usage = { input: 1_000, cached: 0, written: 0, output: 500, reasoning: 0 };
  one.server.answers = [1, 2, 3, 4].map((turn) => ({
    ...{ kind: 'text', usage },
    text: replyWith(`print("less work ${turn}")\n`),
  }));
  await jobs.startWorker();
  const input = await jobs.inputOf(
    'out-of-money',
    { budget: { trials: 4, usd: 0.02 } },
    { routes: allRoles('one/stub') },
  );
  const { store } = jobs;
  const first: JobResult = await (await jobs.start('optimize', input)).result();
  expect(first).toMatchObject({ status: 'finished', best: { value: 2 } });
  expect(first.summary).toContain(`stopped because out of budget: ${input.jobId}: $0.01`);
  expect(first.summary).toContain(`crucible resume ${input.jobId} --budget usd=N`);
  const paid = one.server.requests.length;
  expect(paid).toBeGreaterThan(0);
  expect(paid).toBeLessThan(4);
  expect((await store.ledger.account(input.jobId))?.spent.microUsd).toBeLessThanOrEqual(20_000);

  const record = await store.ledger.job(input.jobId);
  if (record === undefined) throw new Error('expected the job in the ledger');
  const client: JobClient = {
    ...{ searchable: false, close: async () => undefined },
    start: async (workflow, again) => void (await jobs.start(workflow, again)),
    result: (id) => jobs.client.workflow.getHandle(id).result(),
    cancel: () => Promise.reject(new Error('not asked for here')),
  };
  await resume(store, client, record, { usd: 0.1 }, new AbortController().signal);
  const second = await client.result(input.jobId);
  expect(second.status).toBe('finished');
  expect(second.summary).toContain('all 4 trials of the budget are used');
  expect(one.server.requests).toHaveLength(4);
  const calls = await store.ledger.calls(input.jobId);
  expect(calls.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
  const trials = (await store.ledger.trials(input.jobId)).map(({ trial }) => trial);
  expect(trials.filter(({ purpose }) => purpose === 'trial').map(({ candidate }) => candidate.id)).toEqual([
    ...['c-1', 'c-2', 'c-3', 'c-4'],
  ]);
  expect(await store.ledger.job(input.jobId)).toMatchObject({ status: 'finished' });
});

describe('a reply that is streamed slowly', () => {
  const marker = 'quiet-otter-4711';
  const slow: Answer = {
    kind: 'text',
    text: replyWith(`print("${marker}")\n${'# and so on\n'.repeat(60)}`),
    pieceMs: 100,
  };

  it('is no longer listened to within a second of a cancel, and none of it gets into the history', async () => {
    one.server.answers = [slow];
    await jobs.startWorker();
    const input = await jobs.inputOf('cancelled', { budget: { trials: 1 } }, { routes });
    const job = await jobs.start('optimize', input);
    const request = await until('the request', 30_000, async () => one.server.requests[0]);
    await partOf(input.jobId);

    const from = Date.now();
    await job.cancel();
    await Promise.race([request.abandoned, wait(5_000)]);
    const tookMs = Date.now() - from;
    console.log(`the request ended ${tookMs} ms after the cancel`);
    // A second is what is promised; the rest is for a busy machine.
    expect(tookMs).toBeLessThan(1_500);

    await expect(job.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    const { ledger } = jobs.store;
    expect((await ledger.job(input.jobId))?.status).toBe('cancelled');
    const [call, ...more] = await ledger.calls(input.jobId);
    expect(more).toEqual([]);
    expect(call).toMatchObject({ status: 'ambiguous', reply: null });
    expect(await ledger.partials(input.jobId)).toEqual([]);
    const account = await ledger.account(input.jobId);
    expect(account?.spent.microUsd).toBe(call?.estimateMicroUsd);
    expect(account?.held).toEqual({ microUsd: 0, tokens: 0 });
    expect(other.server.requests).toEqual([]);

    const history = textsIn(await job.fetchHistory());
    expect(history).toContain('slow.py');
    expect(history).not.toContain(marker);
  });

  /** Waits until those who watch see the marker. */
  const partOf = (jobId: string): Promise<boolean> =>
    until('the first part of the reply', 30_000, async () => {
      const [partial] = await jobs.store.ledger.partials(jobId);
      return partial?.text.includes(marker);
    });
});
