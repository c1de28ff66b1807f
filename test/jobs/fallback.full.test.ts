import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../domain/job-input.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
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

/** The routes of a call's requests, in the order they were sent. */
const routesOf = (calls: CallRecord[], id: string): string[] =>
  calls.filter(({ key }) => key.includes(`#${id}/`)).map(({ route }) => route);

describe('a route that always answers 500', () => {
  it('ends the job where no route answers, and the job says so', async () => {
    one.server.answers = [down];
    other.server.answers = [down];
    await jobs.startWorker();
    const input = await jobs.inputOf('all-down', { budget: { trials: 1 }, models: { tries: 1 } }, { routes });
    const result: JobResult = await (await jobs.start('optimize', input)).result();
    expect(result).toMatchObject({ status: 'finished', best: null });
    expect(result.summary).toContain('stopped because models gave no program 3 times in a row');

    const calls = await jobs.store.ledger.calls(input.jobId);
    for (const id of ['c-1', 'c-2', 'c-3']) expect(routesOf(calls, id)).toEqual(['one/stub', 'other/stub']);
    expect(one.server.requests).toHaveLength(3);
    expect(other.server.requests).toHaveLength(3);
    expect((await jobs.store.ledger.account(input.jobId))?.held).toEqual({ microUsd: 0, tokens: 0 });
  });
});

it('a reply with a thousand things wrong puts a few of them into the history, and all of them on record', async () => {
  const edits = Array.from({ length: 1_000 }, (_, index) => ({
    ...{ path: 'slow.py', search: `nothing like this ${index}`, replace: '' },
  }));
  const text = JSON.stringify({ idea: 'x', files: [], edits, removed: [], entry: 'slow.py', build: 'none' });
  one.server.answers = [{ kind: 'text', text, pieceChars: 10_000 }, program];
  await jobs.startWorker();
  const input = await jobs.inputOf('unusable', { budget: { trials: 1 } }, { routes });
  const job = await jobs.start('optimize', input);
  expect(await job.result()).toMatchObject({ status: 'finished', best: { candidate: 'c-1' } });

  const [call] = await jobs.store.ledger.calls(input.jobId);
  expect(call).toMatchObject({ error: 'ModelReplyUnusable', problem: expect.stringContaining('edits[999]') });
  const history = textsIn(await job.fetchHistory());
  expect(history).toContain('edits[0]');
  expect(history).not.toContain('edits[20]');
});

describe('a reply that is streamed slowly', () => {
  const marker = 'quiet-otter-4711';
  const slow: Answer = {
    kind: 'text',
    text: replyWith(`print("${marker}")\n${'# and so on\n'.repeat(60)}`),
    pieceMs: 100,
  };

  it('is asked for once more after its worker is killed, and none of it gets into the history', async () => {
    one.server.answers = [slow, program];
    const worker = await jobs.startWorker();
    const input = await jobs.inputOf('killed', { budget: { trials: 1 } }, { routes });
    const job = await jobs.start('optimize', input);
    await partOf(input.jobId);
    // What Temporal is told meanwhile: how much has come, and nothing of it.
    const beat = await until('a heartbeat', 30_000, async () => {
      const { raw } = await job.describe();
      return textsIn(raw.pendingActivities?.[0]?.heartbeatDetails) || undefined;
    });
    expect(beat).toMatch(/\{"characters":\d+\}/);
    expect(beat).not.toContain(marker);
    await worker.kill();
    await jobs.startWorker();
    expect(await job.result()).toMatchObject({ status: 'finished', best: { candidate: 'c-1' } });

    const calls = await jobs.store.ledger.calls(input.jobId);
    expect(calls.map(({ status }) => status)).toEqual(['ambiguous', 'done']);
    expect(one.server.requests).toHaveLength(2);
    const history = textsIn(await job.fetchHistory());
    expect(history).toContain('activity Heartbeat timeout');
    expect(history).not.toContain(marker);
  });

  /** Waits until those who watch see the marker. */
  const partOf = (jobId: string): Promise<boolean> =>
    until('the first part of the reply', 30_000, async () => {
      const [partial] = await jobs.store.ledger.partials(jobId);
      return partial?.text.includes(marker);
    });
});
