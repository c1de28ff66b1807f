import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/activity';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cancelAbandoned } from '../../activities/ask/batched.ts';
import { defaults } from '../../domain/defaults.ts';
import { openStore, type Store } from '../../store/store.ts';
import { type BatchServer, batchProtocols, startBatchServer } from '../support/batch-server.ts';
import { askBatched, batchedConfig, batchingFor } from '../support/batched-question.ts';

const { gatherMs, lookMs, holdMs, longestMs } = defaults.model.batch;

describe.each(batchProtocols)('questions in batches, by %s', (protocol) => {
  let home: string;
  let server: BatchServer;
  let store: Store;
  beforeEach(async () => {
    server = await startBatchServer(protocol);
    server.answerOf = ({ turns }) => ({ kind: 'text', text: `{"value": ${turns[0]?.text}}` });
    home = await mkdtemp(join(tmpdir(), 'crucible-batched-'));
    store = await openStore(home);
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await server.close();
    await store.close();
    await rm(home, { recursive: true, force: true });
  });

  const later = (ms: number) => vi.setSystemTime(Date.now() + ms + 1);
  const open = async (jobId: string, microUsd: number | null = null) => {
    await store.ledger.openJob({
      ...{ id: jobId, series: jobId, run: 1, name: jobId, kind: 'solve' },
      ...{ role: 'job', input: 'a'.repeat(64), startedAt: Date.now() },
    });
    await store.ledger.openAccount({ id: jobId, cap: { microUsd, tokens: null } });
  };
  const at = () => ({ protocol, baseUrl: server.baseUrl, key: server.key });
  const ask = (jobId: string, value: number) => askBatched(store, at(), jobId, value);
  /** When to ask again; fails where it is not to be. */
  const untilOf = async (asked: Promise<number>): Promise<number> => {
    const error = await asked.catch((thrown: unknown) => thrown);
    if (!(error instanceof ApplicationFailure) || error.type !== 'ModelBatched') throw error;
    const [told] = error.details as [{ opensAt: number }];
    expect(error.nonRetryable).toBe(true);
    expect(told.opensAt).toBeGreaterThan(Date.now());
    return told.opensAt;
  };
  const callsOf = (jobId: string) => store.ledger.calls(jobId);

  it('go out together, and each comes back once, at half the price', async () => {
    for (const job of ['a', 'b', 'c']) await open(job);
    for (const [value, job] of ['a', 'b', 'c'].entries()) await untilOf(ask(job, value));
    expect(server.batches).toHaveLength(0);
    expect(await callsOf('a')).toMatchObject([{ status: 'queued' }]);
    later(gatherMs);
    await untilOf(ask('b', 1));
    expect(server.batches).toHaveLength(1);
    expect(server.paid).toHaveLength(3);
    // Nobody asks the provider for nothing.
    const heard = server.heard.length;
    for (const [value, job] of ['a', 'b', 'c'].entries()) await untilOf(ask(job, value));
    expect(server.heard).toHaveLength(heard);
    later(lookMs);
    await untilOf(ask('a', 0));
    server.work();
    later(2 * lookMs);
    for (const [value, job] of ['a', 'b', 'c'].entries()) expect(await ask(job, value)).toBe(value);
    for (const [value, job] of ['a', 'b', 'c'].entries()) expect(await ask(job, value)).toBe(value);
    expect(server.paid).toHaveLength(3);
    const [call] = await callsOf('a');
    expect(call).toMatchObject({ status: 'done', cached: false });
    // 1,200 tokens in at $1 a million and 90 out at $10, by half.
    const usage = call?.usage;
    const whole = (usage?.input ?? 0) + 10 * (usage?.output ?? 0);
    expect(call?.microUsd).toBe(Math.ceil(whole / 2));
    expect((await store.ledger.account('a'))?.held).toEqual({ microUsd: 0, tokens: 0 });
  });

  it('are submitted once, though the answer to a submission is lost', async () => {
    await open('a');
    await untilOf(ask('a', 1));
    later(gatherMs);
    server.troubles = [{ kind: 'lost' }];
    await untilOf(ask('a', 1));
    expect(server.paid).toHaveLength(1);
    later(holdMs);
    await untilOf(ask('a', 1)); // found, or not sure of it
    server.work();
    for (let looks = 0; looks < 3; looks += 1) {
      later(2 * holdMs);
      const found = await ask('a', 1).catch((error: unknown) => error);
      if (found === 1) break;
    }
    expect(await ask('a', 1)).toBe(1);
    expect(server.paid).toHaveLength(1);
  });

  it('are submitted again where nobody heard them', async () => {
    await open('a');
    await untilOf(ask('a', 1));
    later(gatherMs);
    server.troubles = [{ kind: 'unheard' }];
    await untilOf(ask('a', 1));
    later(holdMs);
    await untilOf(ask('a', 1));
    server.work();
    later(holdMs);
    expect(await ask('a', 1)).toBe(1);
    expect(server.paid).toHaveLength(1);
  });

  it('are asked anew where the batch was over before they were answered', async () => {
    await open('a');
    server.answerOf = () => ({ kind: 'expired' });
    await untilOf(ask('a', 1));
    later(gatherMs);
    await untilOf(ask('a', 1));
    server.work();
    later(holdMs);
    await expect(ask('a', 1)).rejects.toMatchObject({ type: 'ModelUnavailable', nonRetryable: false });
    server.answerOf = () => ({ kind: 'text', text: '{"value": 1}' });
    await untilOf(ask('a', 1));
    later(gatherMs);
    await untilOf(ask('a', 1));
    server.work();
    later(holdMs);
    expect(await ask('a', 1)).toBe(1);
    expect(await callsOf('a')).toMatchObject([{ status: 'failed', microUsd: null }, { status: 'done' }]);
  });

  it('come back to their route where the account refuses, and wait in line', async () => {
    await open('a');
    await open('b');
    await untilOf(ask('a', 1));
    await untilOf(ask('b', 2));
    later(gatherMs);
    server.troubles = [{ kind: 'status', status: 429, code: 'insufficient_quota', message: 'No money.' }];
    await expect(ask('a', 1)).rejects.toMatchObject({ name: 'ModelQuotaExceeded' });
    expect(await callsOf('a')).toMatchObject([{ status: 'failed' }]);
    // The other one waits still, and holds its money.
    expect(await callsOf('b')).toMatchObject([{ status: 'queued' }]);
    await untilOf(ask('b', 2));
    expect(server.paid).toHaveLength(1);
  });

  it('cost nothing where their job ends before they are sent, and are cancelled after', async () => {
    await open('a', 1_000_000);
    await open('b', 1_000_000);
    await untilOf(ask('a', 1));
    await store.ledger.closeCalls('a');
    expect(await callsOf('a')).toMatchObject([{ status: 'failed' }]);
    expect((await store.ledger.account('a'))?.spent.microUsd).toBe(0);
    later(gatherMs);
    await untilOf(ask('b', 2));
    later(gatherMs);
    await untilOf(ask('b', 2));
    expect(server.paid).toHaveLength(1);
    const config = batchedConfig(at());
    expect(await cancelAbandoned(store, batchingFor(config))).toBe(0);
    await store.ledger.closeCalls('b');
    expect(await callsOf('b')).toMatchObject([{ status: 'ambiguous' }]);
    expect((await store.ledger.account('b'))?.held.microUsd).toBe(0);
    expect(await cancelAbandoned(store, batchingFor(config))).toBe(1);
    expect(server.batches).toMatchObject([{ state: 'canceled' }]);
    expect(await cancelAbandoned(store, batchingFor(config))).toBe(0);
  });

  it('are given up where a batch never ends', async () => {
    await open('a');
    await untilOf(ask('a', 1));
    later(gatherMs);
    await untilOf(ask('a', 1));
    later(longestMs);
    await expect(ask('a', 1)).rejects.toMatchObject({ type: 'ModelUnavailable' });
  });
});

it.each(['batch-begun', 'batch-submitted', 'batch-read'])(
  'a worker killed at %s has nothing paid twice',
  async (failpoint) => {
    const server = await startBatchServer('responses');
    const home = await mkdtemp(join(tmpdir(), 'crucible-batched-'));
    const store = await openStore(home);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      server.answerOf = () => ({ kind: 'text', text: '{"value": 1}' });
      await store.ledger.openJob({
        ...{ id: 'a', series: 'a', run: 1, name: 'a', kind: 'solve' },
        ...{ role: 'job', input: 'a'.repeat(64), startedAt: Date.now() },
      });
      await store.ledger.openAccount({ id: 'a', cap: { microUsd: null, tokens: null } });
      const at = { protocol: 'responses', baseUrl: server.baseUrl, key: server.key } as const;
      const asked = () => askBatched(store, at, 'a', 1).catch((error: unknown) => error);
      await asked();
      vi.setSystemTime(Date.now() + gatherMs + 1);
      const killed = async () => {
        const program = fileURLToPath(new URL('../support/ask-and-die.ts', import.meta.url));
        const given = JSON.stringify({ home, at, failpoint, now: Date.now() });
        const child = spawn(process.execPath, [program, given], { stdio: 'inherit' });
        return new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      };
      if (failpoint === 'batch-read') {
        await asked();
        server.work();
        vi.setSystemTime(Date.now() + lookMs + 1);
      }
      expect(await killed()).toBe('SIGKILL');
      let answer: unknown;
      for (let looks = 0; looks < 4 && answer !== 1; looks += 1) {
        vi.setSystemTime(Date.now() + holdMs + 1);
        server.work();
        answer = await asked();
      }
      expect(answer).toBe(1);
      expect(server.paid).toHaveLength(1);
    } finally {
      vi.useRealTimers();
      await server.close();
      await store.close();
      await rm(home, { recursive: true, force: true });
    }
  },
);
