import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../../store/ledger.ts';
import { together } from '../processes.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const reply = 'f'.repeat(64);
const call = { key: 'job/propose/1', jobId: 'job', route: 'acme/large' };
const estimate = { accountId: 'a', amounts: { microUsd: 40, tokens: 400 } };
const usage = { input: 100, cached: 60, written: 0, output: 30, reasoning: 10 };
const end = { usage, microUsd: 12, firstTokenMs: 3, reply };

async function ledgerWithAccount() {
  const { ledger } = await temporaryStore();
  await ledger.openAccount({ id: 'a', cap: { microUsd: 100, tokens: 1_000 } });
  return ledger;
}

const lastOf = async (ledger: Ledger, key: string) => (await ledger.requestsOf(key)).at(-1);

describe('a model call', { timeout: 30_000 }, () => {
  it('holds its estimate while it runs and costs what it cost when it is done', async () => {
    const ledger = await ledgerWithAccount();
    expect(await ledger.requestsOf(call.key)).toEqual([]);
    const prompt = 'improve-function@1';
    expect(await ledger.startCall({ ...call, prompt, estimate })).toEqual({ kind: 'started', request: 1 });
    expect(await ledger.account('a')).toMatchObject({ held: { microUsd: 40, tokens: 400 } });
    await ledger.finishCall(call.key, 1, end);
    await ledger.finishCall(call.key, 1, { ...end, microUsd: 99 });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 12, tokens: 130 },
      held: { microUsd: 0, tokens: 0 },
    });
    expect(await lastOf(ledger, call.key)).toMatchObject({
      request: 1,
      route: 'acme/large',
      status: 'done',
      cached: false,
      prompt,
      firstTokenMs: 3,
      usage,
      microUsd: 12,
      estimateMicroUsd: 40,
      reply,
    });
  });

  it('found started by a retry is ambiguous and counts at its estimate', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    expect(await ledger.startCall({ ...call, estimate })).toEqual({ kind: 'started', request: 2 });
    expect(await ledger.calls('job')).toMatchObject([{ status: 'ambiguous' }, { status: 'started' }]);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 40 }, held: { microUsd: 40 } });
    await ledger.finishCall(call.key, 2, end);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 52 }, held: { microUsd: 0 } });
  });

  it('answered late, after its retry was, is on record beside that and does not change the bill', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.startCall({ ...call, estimate });
    await ledger.finishCall(call.key, 2, end);
    await ledger.finishCall(call.key, 1, { ...end, reply: '0'.repeat(64) });
    expect(await ledger.requestsOf(call.key)).toMatchObject([
      { request: 1, status: 'done', reply: '0'.repeat(64) },
      { request: 2, status: 'done', reply },
    ]);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 52 }, held: { microUsd: 0 } });
  });

  it('that failed gives its hold back, or pays what the provider charged', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 1, { error: 'ModelUnavailable', retryAfterMs: 700 });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 0 }, held: { microUsd: 0 } });
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 2, {
      ...{ error: 'ModelReplyUnusable', problem: 'edit 1: not found', reply, usage, microUsd: 9 },
    });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 9, tokens: 130 },
      held: { microUsd: 0 },
    });
    expect(await ledger.requestsOf(call.key)).toMatchObject([
      {
        request: 1,
        status: 'failed',
        error: 'ModelUnavailable',
        usage: null,
        microUsd: null,
        retryAfterMs: 700,
      },
      { request: 2, status: 'failed', problem: 'edit 1: not found', usage, microUsd: 9, reply },
    ]);
  });

  it('that broke off after tokens were counted costs those, and what was estimated where no price is known', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 1, { error: 'ModelUnavailable', usage });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 40, tokens: 130 },
      held: { microUsd: 0, tokens: 0 },
    });
  });

  it('whose tokens nobody counted costs those that were estimated', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.finishCall(call.key, 1, { ...end, usage: null });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 12, tokens: 400 } });
    expect(await lastOf(ledger, call.key)).toMatchObject({ usage: null });
  });

  it('answered from the cache is on record and costs nothing', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 1, { error: 'ModelUnavailable' });
    await ledger.recordCached({ ...call, prompt: 'improve-function@1', reply });
    expect(await lastOf(ledger, call.key)).toMatchObject({
      ...{ request: 2, status: 'done', cached: true, usage: null, microUsd: 0, reply },
    });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 0, tokens: 0 } });
  });

  it('left open by a job that closes is ambiguous and counts at its estimate, and is shown no more', async () => {
    const ledger = await ledgerWithAccount();
    for (const key of ['lost', 'answered']) await ledger.startCall({ ...call, key, estimate });
    await ledger.startCall({ ...call, key: 'of another', jobId: 'other' });
    await ledger.finishCall('answered', 1, end);
    const shown = { jobId: 'job', route: call.route, text: 'def f', at: 1 };
    await ledger.showPartial('lost', shown);
    await ledger.showPartial('of another', { ...shown, jobId: 'other' });

    expect(await ledger.closeCalls('job')).toBe(1);
    expect(await ledger.closeCalls('job')).toBe(0);
    expect(await lastOf(ledger, 'lost')).toMatchObject({ status: 'ambiguous' });
    expect(await lastOf(ledger, 'answered')).toMatchObject({ status: 'done' });
    expect(await lastOf(ledger, 'of another')).toMatchObject({ status: 'started' });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 52, tokens: 530 },
      held: { microUsd: 0, tokens: 0 },
    });
    expect(await ledger.partials('job')).toEqual([]);
    expect(await ledger.partials('other')).toMatchObject([{ key: 'of another' }]);
  });

  it('of a job that was ended from outside does not hold money and places for ever', async () => {
    const { ledger } = await temporaryStore();
    await ledger.openAccount({ id: 'root', cap: { microUsd: 100, tokens: null } });
    for (const id of ['dead', 'living'])
      await ledger.openAccount({ id, parent: 'root', cap: { microUsd: null, tokens: null } });
    const start = (jobId: string, now: number) =>
      ledger.startCall({
        ...{ key: `${jobId}#${now}`, jobId, route: 'acme/m', now },
        estimate: { accountId: jobId, amounts: { microUsd: 60, tokens: 1 } },
      });
    const begun = 1_000_000;
    expect(await start('dead', begun)).toMatchObject({ kind: 'started' });
    expect(await start('living', begun + 30 * 60_000)).toEqual({ kind: 'held' });
    // By then it can be under way no more: it counts as spent, which leaves too little.
    expect(await start('living', begun + 41 * 60_000)).toEqual({ kind: 'exhausted' });
    expect(await ledger.account('root')).toMatchObject({ spent: { microUsd: 60 }, held: { microUsd: 0 } });
    expect((await ledger.calls('dead'))[0]?.status).toBe('ambiguous');
  });

  it('without room for its estimate is not recorded', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    const other = { ...call, key: 'job/propose/2' };
    const large = { accountId: 'a', amounts: { microUsd: 70, tokens: 1 } };
    expect(await ledger.startCall({ ...other, estimate: large })).toEqual({ kind: 'held' });
    await ledger.finishCall(call.key, 1, { ...end, microUsd: 31 });
    expect(await ledger.startCall({ ...other, estimate: large })).toEqual({ kind: 'exhausted' });
    expect(await ledger.calls('job')).toHaveLength(1);
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 31 },
      held: { microUsd: 0, tokens: 0 },
    });
  });

  it('refused for any reason has taken nothing: no rate, no trial of the route, no money', async () => {
    const ledger = await ledgerWithAccount();
    const limits = { requestsPerMinute: 6, tokensPerMinute: null, inFlight: 1 };
    const admission = { provider: 'acme', limits, tokens: 1 };
    const dear = { accountId: 'a', amounts: { microUsd: 101, tokens: 1 } };
    await ledger.noteRoute(call.route, 'broken', 1_000);
    // At 31,000 the route may be tried; the bucket has one request in it.
    const now = 31_000;
    for (let again = 0; again < 3; again += 1)
      expect(await ledger.startCall({ ...call, admission, estimate: dear, now })).toEqual({
        kind: 'exhausted',
      });
    expect(await ledger.startCall({ ...call, admission, estimate, now })).toMatchObject({ kind: 'started' });
    expect(await ledger.calls('job')).toHaveLength(1);
    expect(await ledger.account('a')).toMatchObject({ held: { microUsd: 40, tokens: 400 } });

    await ledger.noteRoute(call.route, 'answered');
    for (let again = 0; again < 3; again += 1)
      expect(await ledger.startCall({ ...call, key: 'other', admission, estimate, now })).toEqual({
        ...{ kind: 'wait', ms: 10_000 },
      });
    expect(await ledger.calls('job')).toHaveLength(1);
    expect(await ledger.account('a')).toMatchObject({ held: { microUsd: 40, tokens: 400 } });
  });

  it('of unknown price counts at its estimate, and one without an estimate touches no account', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.finishCall(call.key, 1, { ...end, microUsd: null });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 40, tokens: 130 } });
    await ledger.startCall({ ...call, key: 'free' });
    await ledger.finishCall('free', 1, end);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 40, tokens: 130 } });
    expect(await lastOf(ledger, 'free')).toMatchObject({ status: 'done' });
  });

  it('made by several processes at once is paid once, and none gets in the way of another', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    await ledger.openAccount({ id: 'a', cap: { microUsd: 1_000, tokens: 1_000 } });
    await together(4, folder, 'call', 'a');
    const calls = await ledger.calls('job');
    expect(calls).toHaveLength(4 * 40);
    expect(calls.filter(({ status }) => status === 'done')).toHaveLength(4 * 32);
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 4 * 32 * 3, tokens: 4 * 32 * 3 },
      held: { microUsd: 0, tokens: 0 },
    });
  });
});
