import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../../store/ledger.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const route = 'acme/large';

function askerOf(ledger: Ledger) {
  let number = 0;
  return (now: number, of = route) => {
    number += 1;
    return ledger.startCall({ key: `call-${number}`, jobId: 'job', route: of, now });
  };
}

async function failTimes(ledger: Ledger, times: number, now: number): Promise<void> {
  for (let index = 0; index < times; index += 1) await ledger.noteRoute(route, 'failed', now);
}

describe('the circuit breaker of a route', { timeout: 30_000 }, () => {
  it('opens at the fifth failure in a row, for this route alone', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await failTimes(ledger, 4, 1_000);
    await ledger.noteRoute(route, 'answered', 1_000);
    await failTimes(ledger, 4, 1_000);
    expect(await ask(1_000)).toMatchObject({ kind: 'started' });
    await failTimes(ledger, 1, 2_000);
    expect(await ask(2_000)).toEqual({ kind: 'open', untilMs: 32_000, broken: false });
    expect(await ask(31_999)).toEqual({ kind: 'open', untilMs: 32_000, broken: false });
    expect(await ask(2_000, 'acme/small')).toMatchObject({ kind: 'started' });
  });

  it('lets one request try the route again, and an answer closes it', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await failTimes(ledger, 5, 0);
    expect(await ask(30_000)).toMatchObject({ kind: 'started' });
    expect(await ask(30_001)).toEqual({ kind: 'open', untilMs: 90_000, broken: false });
    await ledger.noteRoute(route, 'answered', 31_000);
    expect(await ask(31_000)).toMatchObject({ kind: 'started' });
    await failTimes(ledger, 4, 32_000);
    expect(await ask(32_000)).toMatchObject({ kind: 'started' });
    await failTimes(ledger, 1, 32_000);
    expect(await ask(32_000)).toEqual({ kind: 'open', untilMs: 62_000, broken: false });
  });

  it('stays open twice as long each time that request fails, up to ten minutes', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await failTimes(ledger, 5, 0);
    let now = 30_000;
    const stretches: number[] = [];
    for (let index = 0; index < 7; index += 1) {
      expect(await ask(now)).toMatchObject({ kind: 'started' });
      await failTimes(ledger, 1, now);
      const start = await ask(now);
      if (start.kind !== 'open') throw new Error(`expected an open breaker, got ${start.kind}`);
      stretches.push((start.untilMs - now) / 1000);
      now = start.untilMs;
    }
    expect(stretches).toEqual([60, 120, 240, 480, 600, 600, 600]);
  });

  it('is not opened further by requests that were under way when it opened', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await failTimes(ledger, 12, 0);
    expect(await ask(1)).toEqual({ kind: 'open', untilMs: 30_000, broken: false });
    expect(await ask(30_000)).toMatchObject({ kind: 'started' });
  });

  it('opens at once where no request can succeed', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await ledger.noteRoute(route, 'broken', 0);
    expect(await ask(1)).toEqual({ kind: 'open', untilMs: 30_000, broken: true });
  });

  it('lets another request try after a minute, where the one that tried was never heard of again', async () => {
    const { ledger } = await temporaryStore();
    const ask = askerOf(ledger);
    await failTimes(ledger, 5, 0);
    expect(await ask(30_000)).toMatchObject({ kind: 'started' });
    expect(await ask(89_999)).toEqual({ kind: 'open', untilMs: 90_000, broken: false });
    expect(await ask(90_000)).toMatchObject({ kind: 'started' });
    expect(await ask(90_000)).toEqual({ kind: 'open', untilMs: 150_000, broken: false });
  });

  it('lets one of several workers try', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    await failTimes(ledger, 5, 0);
    const workers = await Promise.all(Array.from({ length: 4 }, () => temporaryStore(folder)));
    const starts = await Promise.all(
      workers.map((worker, index) =>
        worker.ledger.startCall({ key: `call-${index}`, jobId: 'job', route, now: 30_000 }),
      ),
    );
    expect(starts.map(({ kind }) => kind).toSorted()).toEqual(['open', 'open', 'open', 'started']);
  });
});
