import { describe, expect, it } from 'vitest';
import { together } from '../processes.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const reply = 'f'.repeat(64);
const call = { key: 'job/propose/1', jobId: 'job', route: 'acme/large' };
const estimate = { accountId: 'a', amounts: { microUsd: 40, tokens: 400 } };
const end = { usage: { input: 100, output: 30 }, tokens: 130, microUsd: 12, reply };

async function ledgerWithAccount() {
  const { ledger } = await temporaryStore();
  await ledger.openAccount({ id: 'a', cap: { microUsd: 100, tokens: 1_000 } });
  return ledger;
}

describe('a model call', { timeout: 30_000 }, () => {
  it('holds its estimate while it runs and costs what it cost when it is done', async () => {
    const ledger = await ledgerWithAccount();
    expect(await ledger.finishedCall(call.key)).toBeUndefined();
    expect(await ledger.startCall({ ...call, estimate })).toEqual({ kind: 'started', request: 1 });
    expect(await ledger.account('a')).toMatchObject({ held: { microUsd: 40, tokens: 400 } });
    await ledger.finishCall(call.key, 1, end);
    await ledger.finishCall(call.key, 1, { ...end, microUsd: 99 });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 12, tokens: 130 },
      held: { microUsd: 0, tokens: 0 },
    });
    expect(await ledger.finishedCall(call.key)).toMatchObject({
      request: 1,
      route: 'acme/large',
      status: 'done',
      usage: { input: 100, output: 30 },
      microUsd: 12,
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

  it('answered late, after its retry was, does not change the answer or the bill', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.startCall({ ...call, estimate });
    await ledger.finishCall(call.key, 2, end);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await ledger.finishCall(call.key, 1, { ...end, reply: '0'.repeat(64) });
    expect(await ledger.finishedCall(call.key)).toMatchObject({ request: 2, reply });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 52 }, held: { microUsd: 0 } });
  });

  it('that failed gives its hold back, or pays what the provider charged', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 1, 'ModelUnavailable');
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 0 }, held: { microUsd: 0 } });
    await ledger.startCall({ ...call, estimate });
    await ledger.failCall(call.key, 2, 'ModelReplyUnusable', { microUsd: 9, tokens: 50 });
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 9, tokens: 50 },
      held: { microUsd: 0 },
    });
    expect(await ledger.calls('job')).toMatchObject([
      { request: 1, status: 'failed', error: 'ModelUnavailable', microUsd: null },
      { request: 2, status: 'failed', error: 'ModelReplyUnusable', microUsd: 9 },
    ]);
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

  it('of unknown price counts at its estimate, and one without an estimate touches no account', async () => {
    const ledger = await ledgerWithAccount();
    await ledger.startCall({ ...call, estimate });
    await ledger.finishCall(call.key, 1, { ...end, microUsd: null });
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 40, tokens: 130 } });
    await ledger.startCall({ ...call, key: 'free' });
    await ledger.finishCall('free', 1, end);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 40, tokens: 130 } });
    expect(await ledger.finishedCall('free')).toMatchObject({ status: 'done' });
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
