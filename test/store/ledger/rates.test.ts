import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProviderLimits } from '../../../domain/provider-limits.schema.ts';
import type { CallStart } from '../../../store/ledger/model-calls.ts';
import { take } from '../../../store/ledger/rates.ts';
import type { Ledger } from '../../../store/ledger.ts';
import { together } from '../processes.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const unlimited: ProviderLimits = { requestsPerMinute: null, tokensPerMinute: null, inFlight: 1_000 };
const reply = 'f'.repeat(64);

/** Asks one provider, each time for another call. */
function asker(ledger: Ledger, limits: Partial<ProviderLimits>, provider = 'acme') {
  let number = 0;
  return async (now: number, tokens = 1): Promise<CallStart & { key: string }> => {
    number += 1;
    const key = `${provider}-${number}`;
    const admission = { provider, limits: { ...unlimited, ...limits }, tokens };
    return {
      ...(await ledger.startCall({ key, jobId: 'job', route: `${provider}/m`, admission, now })),
      key,
    };
  };
}

describe('a provider’s limits', { timeout: 60_000 }, () => {
  it('let a sixth of a minute’s requests through at once, then one by one at the rate', async () => {
    const { ledger } = await temporaryStore();
    const ask = asker(ledger, { requestsPerMinute: 30 });
    const start = 1_000_000;
    for (let index = 0; index < 5; index += 1) expect(await ask(start)).toMatchObject({ kind: 'started' });
    expect(await ask(start)).toMatchObject({ kind: 'wait', ms: 2_000 });
    expect(await ask(start + 1_999)).toMatchObject({ kind: 'wait', ms: 1 });
    expect(await ask(start + 2_000)).toMatchObject({ kind: 'started' });
    expect(await ask(start + 2_000)).toMatchObject({ kind: 'wait', ms: 2_000 });
    for (let index = 0; index < 5; index += 1)
      expect(await ask(start + 60_000)).toMatchObject({ kind: 'started' });
    expect(await ask(start + 60_000)).toMatchObject({ kind: 'wait' });
  });

  it('let one request through where a sixth of a minute’s is less than one', async () => {
    const { ledger } = await temporaryStore();
    const ask = asker(ledger, { requestsPerMinute: 2 });
    expect(await ask(1_000)).toMatchObject({ kind: 'started' });
    expect(await ask(1_000)).toMatchObject({ kind: 'wait', ms: 30_000 });
    expect(await ask(31_000)).toMatchObject({ kind: 'started' });
  });

  it('count tokens too, and let any request through as long as something is left, on credit', async () => {
    const { ledger } = await temporaryStore();
    const ask = asker(ledger, { tokensPerMinute: 6_000 });
    expect(await ask(1_000, 600)).toMatchObject({ kind: 'started' });
    expect(await ask(1_000, 2_400)).toMatchObject({ kind: 'started' });
    // 2,000 tokens of debt, at 100 a second.
    expect(await ask(1_000, 1)).toMatchObject({ kind: 'wait', ms: 20_010 });
    expect(await ask(1_000, 5_000)).toMatchObject({ kind: 'wait', ms: 20_010 });
    expect(await ask(21_010, 5_000)).toMatchObject({ kind: 'started' });
  });

  it('are never exceeded over any stretch of time, and leave no one waiting longer than they say', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.record({ afterMs: fc.nat(8_000), amount: fc.integer({ min: 1, max: 400 }) }), {
          maxLength: 60,
        }),
        (perMinute, asked) => {
          const taken: { at: number; amount: number }[] = [];
          let fullAt = 0;
          let now = 1_000_000;
          for (const { afterMs, amount } of asked) {
            now += afterMs;
            const first = take(fullAt, perMinute, amount, now);
            const at = Math.ceil(now + first.waitMs);
            const then = take(fullAt, perMinute, amount, at);
            expect(then.waitMs).toBeLessThan(1e-6);
            if (afterMs % 2 === 0) continue;
            now = at;
            fullAt = then.fullAt;
            taken.push({ at, amount });
          }
          const bucket = Math.max(perMinute / 6, 1);
          for (const [index, { at: from }] of taken.entries()) {
            let sum = 0;
            for (const { at, amount } of taken.slice(index)) {
              // Of the last request one token has to be there: the rest is a debt, which is waited for before the next.
              const room = bucket + ((at - from) / 60_000) * perMinute;
              expect(sum + 1).toBeLessThanOrEqual(room + 1e-6);
              sum += amount;
            }
          }
        },
      ),
    );
  });

  it('keep so many requests in flight and no more, whichever way they end', async () => {
    const { ledger } = await temporaryStore();
    const ask = asker(ledger, { inFlight: 2 });
    const other = asker(ledger, { inFlight: 2 }, 'other');
    const now = 1_000_000;
    const first = await ask(now);
    const second = await ask(now);
    expect(await ask(now)).toMatchObject({ kind: 'wait' });
    expect(await other(now)).toMatchObject({ kind: 'started' });
    await ledger.failCall(first.key, 1, { error: 'ModelUnavailable' });
    expect(await ask(now)).toMatchObject({ kind: 'started' });
    expect(await ask(now)).toMatchObject({ kind: 'wait' });
    await ledger.finishCall(second.key, 1, { usage: null, microUsd: null, firstTokenMs: null, reply });
    expect(await ask(now)).toMatchObject({ kind: 'started' });
    await ledger.closeCalls('job');
    for (let index = 0; index < 2; index += 1) expect(await ask(now)).toMatchObject({ kind: 'started' });
    expect(await ask(now)).toMatchObject({ kind: 'wait' });
    // Nobody closes these: after an hour they are known to be lost.
    expect(await ask(now + 60 * 60_000)).toMatchObject({ kind: 'started' });
  });

  it('take a request for lost when its own time is over: one that may take a day is charged to nobody before', async () => {
    const { ledger } = await temporaryStore();
    await ledger.openAccount({ id: 'job', parent: null, cap: { microUsd: 100, tokens: null } });
    const [now, hourMs] = [1_000_000, 60 * 60_000];
    const start = (key: string, at: number, more: { longestMs?: number } = {}) =>
      ledger.startCall({
        ...{ key, jobId: 'job', route: 'acme/large', now: at, ...more },
        estimate: { accountId: 'job', amounts: { microUsd: 60, tokens: 0 } },
      });
    const statusOf = async (key: string) => (await ledger.requestsOf(key))[0]?.status;
    expect(await start('batch', now, { longestMs: 24 * hourMs })).toMatchObject({ kind: 'started' });
    expect(await start('next', now + 23 * hourMs)).toMatchObject({ kind: 'held' });
    expect(await statusOf('batch')).toBe('started');
    expect(await start('next', now + 25 * hourMs)).toMatchObject({ kind: 'exhausted' });
    expect(await statusOf('batch')).toBe('ambiguous');
  });

  it('hold everyone back until the provider’s own wait is over, the longest one given', async () => {
    const { ledger } = await temporaryStore();
    const ask = asker(ledger, {});
    const other = asker(ledger, {}, 'other');
    await ledger.slowDown('acme', 5_000);
    await ledger.slowDown('acme', 3_000);
    expect(await ask(1_000)).toMatchObject({ kind: 'wait', ms: 4_000 });
    expect(await other(1_000)).toMatchObject({ kind: 'started' });
    expect(await ask(5_000)).toMatchObject({ kind: 'started' });
  });

  it('hold over processes that rush at the same moment: the bucket is emptied exactly', async () => {
    const folder = await temporaryFolder();
    await temporaryStore(folder);
    // 40 of 125 tokens make 5,000, a sixth of 30,000; 50 requests would be a sixth of 300.
    const admitted = await together<number>(4, folder, 'rush', '1000000');
    expect(admitted.reduce((sum, count) => sum + count, 0)).toBe(40);
  });

  it('hold over processes that hammer: three in flight, not a cent above the cap, and no call lost', async () => {
    const folder = await temporaryFolder();
    const log = join(folder, 'log');
    const { ledger } = await temporaryStore(folder);
    await ledger.openAccount({ id: 'a', cap: { microUsd: 1_500, tokens: null } });
    const made = await together<number>(4, folder, 'hammer', log);
    expect(made.reduce((sum, count) => sum + count, 0)).toBe(150);
    expect(await ledger.account('a')).toMatchObject({
      spent: { microUsd: 1_500 },
      held: { microUsd: 0, tokens: 0 },
    });
    expect((await ledger.calls('job')).filter(({ status }) => status === 'done')).toHaveLength(150);
    let inFlight = 0;
    let most = 0;
    for (const mark of await readFile(log, 'utf8')) {
      inFlight += mark === '+' ? 1 : -1;
      most = Math.max(most, inFlight);
    }
    expect(inFlight).toBe(0);
    expect(most).toBe(3);
  });
});
