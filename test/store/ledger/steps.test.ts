import { once as event } from 'node:events';
import { describe, expect, it } from 'vitest';
import { PayloadTooLarge } from '../../../domain/errors.ts';
import { startProcess, together } from '../processes.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const step = { jobId: 'job', kind: 'test' };

describe('a step', { timeout: 30_000 }, () => {
  it('that is done is never computed again, also not by a ledger opened later', async () => {
    const folder = await temporaryFolder();
    const first = await temporaryStore(folder);
    let computed = 0;
    const compute = async () => {
      computed += 1;
      return { built: ['a', 'b'], ms: 12.5 };
    };
    expect(await first.ledger.once('key', step, compute)).toEqual({ built: ['a', 'b'], ms: 12.5 });
    const second = await temporaryStore(folder);
    expect(await second.ledger.once('key', step, compute)).toEqual({ built: ['a', 'b'], ms: 12.5 });
    expect(computed).toBe(1);
    const [record] = await second.ledger.steps('job');
    expect(record).toMatchObject({ key: 'key', kind: 'test', starts: 1, end: { kind: 'done' } });
  });

  it('without a result is done all the same', async () => {
    const { ledger } = await temporaryStore();
    let computed = 0;
    const compute = async (): Promise<void> => {
      computed += 1;
    };
    await ledger.once('key', step, compute);
    await ledger.once('key', step, compute);
    expect(computed).toBe(1);
  });

  it('that failed is started anew, and how often it was started is known', async () => {
    const { ledger } = await temporaryStore();
    const failing = async (): Promise<string> => {
      throw new Error('the engine is down');
    };
    await expect(ledger.once('key', step, failing)).rejects.toThrow('the engine is down');
    await expect(ledger.once('key', step, failing)).rejects.toThrow('the engine is down');
    expect(await ledger.steps('job')).toMatchObject([{ starts: 2, end: { kind: 'none' } }]);
    expect(await ledger.once('key', step, async () => 'up again')).toBe('up again');
    expect(await ledger.steps('job')).toMatchObject([
      { starts: 3, end: { kind: 'done', result: 'up again' } },
    ]);
  });

  it('computed twice at once gives both callers the result of the first to finish', async () => {
    const { ledger } = await temporaryStore();
    const slow = Promise.withResolvers<string>();
    const late = ledger.once('key', step, () => slow.promise);
    expect(await ledger.once('key', step, async () => 'quick')).toBe('quick');
    slow.resolve('slow');
    expect(await late).toBe('quick');
    expect(await ledger.steps('job')).toMatchObject([{ starts: 2, end: { result: 'quick' } }]);
  });

  it('whose result is above 64 KB is refused by name and not recorded as done', async () => {
    const { ledger } = await temporaryStore();
    const large = ledger.once('big-key', step, async () => 'ä'.repeat(33_000));
    await expect(large).rejects.toThrow(PayloadTooLarge);
    await expect(large).rejects.toThrow(/step big-key: expected at most 65536 bytes of JSON, got 66002/);
    expect(await ledger.steps('job')).toMatchObject([{ end: { kind: 'none' } }]);
    expect(await ledger.once('big-key', step, async () => 'x'.repeat(65_534))).toHaveLength(65_534);
  });

  it('raced for by several processes has one result, and all of them get it', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    const racers = await together<{ results: number[]; computed: number }>(4, folder, 'steps');
    for (const { results } of racers) expect(results).toEqual(racers[0]?.results);
    const records = await ledger.steps('job');
    expect(records).toHaveLength(40);
    const starts = records.reduce((sum, record) => sum + record.starts, 0);
    expect(starts).toBe(racers.reduce((sum, { computed }) => sum + computed, 0));
    expect(new Set(records.map(({ worker }) => worker)).size).toBeGreaterThan(1);
  });

  it('whose process was killed in it is computed by the next to come', async () => {
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder);
    const victim = await startProcess(folder, 'hang', 'key');
    victim.go();
    expect(await victim.line()).toBe('hanging');
    expect(await ledger.steps('job')).toMatchObject([{ starts: 1, end: { kind: 'none' } }]);
    expect((await ledger.steps('job'))[0]?.worker).toContain(`:${victim.child.pid}:`);
    victim.child.kill('SIGKILL');
    await event(victim.child, 'exit');
    expect(await ledger.once('key', step, async () => 'survived')).toBe('survived');
    expect(await ledger.steps('job')).toMatchObject([{ starts: 2, end: { result: 'survived' } }]);
  });
});
