import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../../store/ledger.ts';
import { temporaryStore } from '../temporary-store.ts';

const reply = 'f'.repeat(64);
const usage = { input: 100, cached: 0, written: 0, output: 50, reasoning: 0 };

/** A request that took `ms`, of which 100 to its first token, and cost `microUsd`. */
async function answer(ledger: Ledger, key: string, ms: number, microUsd: number | null): Promise<void> {
  const now = 1_000_000 + ms;
  await ledger.startCall({ key, jobId: 'job', route: 'acme/large', now });
  await ledger.finishCall(key, 1, { usage, microUsd, firstTokenMs: 100, reply, now: now + ms });
}

async function fail(ledger: Ledger, key: string, error: string, route = 'acme/large'): Promise<void> {
  await ledger.startCall({ key, jobId: 'job', route, now: 1_000_000 });
  await ledger.failCall(key, 1, { error, now: 1_900_000 });
}

describe('how a route does', () => {
  it('is told from its requests that ended: times of those answered, and the share that failed', async () => {
    const { ledger } = await temporaryStore();
    for (let index = 1; index <= 20; index += 1) await answer(ledger, `call-${index}`, 100 + 100 * index, 5);
    for (let index = 0; index < 5; index += 1) await fail(ledger, `failed-${index}`, 'ModelUnavailable');
    await fail(ledger, 'limited', 'ModelRateLimited');
    await fail(ledger, 'elsewhere', 'ModelUnavailable', 'acme/broken');
    await ledger.startCall({ key: 'open', jobId: 'job', route: 'acme/large' });
    await ledger.recordCached({ key: 'cached', jobId: 'job', route: 'acme/large', reply });
    await ledger.recordCached({ key: 'cached only', jobId: 'job', route: 'acme/cached', reply });
    const nothing = { p50Ms: null, p95Ms: null, firstTokenP50Ms: null, tokensPerSecond: null };
    expect(await ledger.routeStats()).toEqual([
      { route: 'acme/broken', calls: 1, failed: 1, successRate: 0, ...nothing },
      { route: 'acme/cached', calls: 0, failed: 0, successRate: null, ...nothing },
      {
        ...{ route: 'acme/large', calls: 25, failed: 5, successRate: 0.8 },
        ...{ p50Ms: 1_100, p95Ms: 2_000, firstTokenP50Ms: 100 },
        // 50 tokens in 1.1 s after the first.
        tokensPerSecond: expect.closeTo(50 / 1.1, 5),
      },
    ]);
  });

  it('usually is told from its last hundred requests', async () => {
    const { ledger } = await temporaryStore();
    expect(await ledger.usualOf('acme/large')).toEqual({
      ...{ calls: 0, microUsd: null, tokens: null, failedShare: 0 },
    });
    await fail(ledger, 'first', 'ModelUnavailable');
    for (let index = 1; index <= 3; index += 1) await answer(ledger, `call-${index}`, index, 10 * index);
    await answer(ledger, 'unpriced', 4, null);
    expect(await ledger.usualOf('acme/large')).toEqual({
      ...{ calls: 5, microUsd: 20, tokens: 150, failedShare: 0.2 },
    });
    for (let index = 10; index < 109; index += 1) await answer(ledger, `later-${index}`, index, 7);
    expect(await ledger.usualOf('acme/large')).toEqual({
      ...{ calls: 100, microUsd: 7, tokens: 150, failedShare: 0 },
    });
  });
});
