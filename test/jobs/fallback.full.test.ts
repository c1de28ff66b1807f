import { describe, expect, it } from 'vitest';
import type { JobResult } from '../../domain/job-input.schema.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
import { until } from '../support/crucible.ts';
import { textsIn } from './model-jobs.ts';
import { down, marker, partOf, program, routes, slow, twoRoutes } from './two-routes.ts';

const two = twoRoutes();

/** The routes of a call's requests, in the order they were sent. */
const routesOf = (calls: CallRecord[], id: string): string[] =>
  calls.filter(({ key }) => key.includes(`#${id}/`)).map(({ route }) => route);

describe('a route that always answers 500', () => {
  it('ends the job where no route answers, and the job says so', async () => {
    two.one.server.answers = [down];
    two.other.server.answers = [down];
    await two.jobs.startWorker();
    const input = await two.jobs.inputOf(
      'all-down',
      { budget: { trials: 1 }, models: { tries: 1 } },
      { routes },
    );
    const result: JobResult = await (await two.jobs.start('optimize', input)).result();
    expect(result).toMatchObject({ status: 'finished', best: null });
    expect(result.summary).toContain('stopped because models gave no program 3 times in a row');

    const calls = await two.jobs.store.ledger.calls(input.jobId);
    for (const id of ['c-1', 'c-2', 'c-3']) expect(routesOf(calls, id)).toEqual(['one/stub', 'other/stub']);
    expect(two.one.server.requests).toHaveLength(3);
    expect(two.other.server.requests).toHaveLength(3);
    expect((await two.jobs.store.ledger.account(input.jobId))?.held).toEqual({ microUsd: 0, tokens: 0 });
  });
});

it('a reply with a thousand things wrong puts a few of them into the history, and all of them on record', async () => {
  const edits = Array.from({ length: 1_000 }, (_, index) => ({
    ...{ path: 'slow.py', search: `nothing like this ${index}`, replace: '' },
  }));
  const text = JSON.stringify({ idea: 'x', files: [], edits, removed: [], entry: 'slow.py', build: 'none' });
  two.one.server.answers = [{ kind: 'text', text, pieceChars: 10_000 }, program];
  await two.jobs.startWorker();
  const input = await two.jobs.inputOf('unusable', { budget: { trials: 1 } }, { routes });
  const job = await two.jobs.start('optimize', input);
  expect(await job.result()).toMatchObject({ status: 'finished', best: { candidate: 'c-1' } });

  const [call] = await two.jobs.store.ledger.calls(input.jobId);
  expect(call).toMatchObject({ error: 'ModelReplyUnusable', problem: expect.stringContaining('edits[999]') });
  const history = textsIn(await job.fetchHistory());
  expect(history).toContain('edits[0]');
  expect(history).not.toContain('edits[20]');
});

describe('a reply that is streamed slowly', () => {
  it('is asked for once more after its worker is killed, and none of it gets into the history', async () => {
    two.one.server.answers = [slow, program];
    const worker = await two.jobs.startWorker();
    const input = await two.jobs.inputOf('killed', { budget: { trials: 1 } }, { routes });
    const job = await two.jobs.start('optimize', input);
    await partOf(two.jobs, input.jobId);
    // What Temporal is told meanwhile: how much has come, and nothing of it.
    const beat = await until('a heartbeat', 30_000, async () => {
      const { raw } = await job.describe();
      return textsIn(raw.pendingActivities?.[0]?.heartbeatDetails) || undefined;
    });
    expect(beat).toMatch(/\{"characters":\d+\}/);
    expect(beat).not.toContain(marker);
    await worker.kill();
    await two.jobs.startWorker();
    expect(await job.result()).toMatchObject({ status: 'finished', best: { candidate: 'c-1' } });

    const calls = await two.jobs.store.ledger.calls(input.jobId);
    expect(calls.map(({ status }) => status)).toEqual(['ambiguous', 'done']);
    expect(two.one.server.requests).toHaveLength(2);
    const history = textsIn(await job.fetchHistory());
    expect(history).toContain('activity Heartbeat timeout');
    expect(history).not.toContain(marker);
  });
});
