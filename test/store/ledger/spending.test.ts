import { describe, expect, it } from 'vitest';
import type { SpendFilter } from '../../../store/ledger/spending.ts';
import type { Ledger } from '../../../store/ledger.ts';
import { temporaryStore } from '../temporary-store.ts';

const reply = 'f'.repeat(64);
const usage = { input: 100, cached: 60, written: 5, output: 30, reasoning: 10 };
const day = 24 * 60 * 60 * 1000;
const first = Date.parse('2026-11-20T23:59:59Z');

/**
 * An experiment of two cells, of which the second is a pipeline with a stage, a job of its own, and a test outside any
 * job: 10, 20, 40, 80 and 160 micro-dollars. The stage's request failed once before, and one of the cell's was lost.
 */
async function spentLedger(): Promise<Ledger> {
  const { ledger } = await temporaryStore();
  const open = (id: string, parent: string | null) =>
    ledger.openJob({
      ...{
        id,
        series: id,
        run: 1,
        name: id,
        kind: 'optimize',
        role: parent === null ? 'job' : 'cell',
        input: '0'.repeat(64),
        parent,
        startedAt: first,
      },
    });
  await open('grid', null);
  await open('cell-1', 'grid');
  await open('cell-2', 'grid');
  await open('stage', 'cell-2');
  await open('alone', null);
  await ledger.openAccount({ id: 'a', cap: { microUsd: null, tokens: null } });
  const estimate = { accountId: 'a', amounts: { microUsd: 500, tokens: 50 } };
  const start = (jobId: string, key: string, route: string, now: number) =>
    ledger.startCall({ key: `${jobId}#${key}`, jobId, route, estimate, now });
  const finish = (jobId: string, request: number, microUsd: number | null) =>
    ledger.finishCall(`${jobId}#1`, request, { usage, microUsd, firstTokenMs: 1, reply });

  await start('cell-1', '1', 'acme/large', first);
  await finish('cell-1', 1, 10);
  await start('cell-1', 'lost', 'acme/large', first);
  await ledger.closeCalls('cell-1');
  await start('cell-2', '1', 'acme/small', first);
  await finish('cell-2', 1, 20);
  await start('stage', '1', 'acme/small', first);
  await ledger.failCall('stage#1', 1, { error: 'ModelUnavailable' });
  await start('stage', '1', 'acme/large', first + day);
  await finish('stage', 2, 40);
  await start('alone', '1', 'acme/large', first + day);
  await finish('alone', 1, 80);
  await ledger.recordCached({ key: 'alone#2', jobId: 'alone', route: 'acme/large', reply, now: first + day });
  await start('models-test', '1', 'acme/unpriced', first + day);
  await finish('models-test', 1, null);
  return ledger;
}

const briefly = async (ledger: Ledger, filter: SpendFilter): Promise<Record<string, number>> =>
  Object.fromEntries((await ledger.spend(filter)).map(({ name, microUsd }) => [name, microUsd]));

describe('what was spent', () => {
  it('is told by model, with what failed, what is unknown and what came from the cache', async () => {
    const ledger = await spentLedger();
    const none = { failed: 0, ambiguous: 0, cached: 0, unknownPrice: 0, ambiguousMicroUsd: 0 };
    expect(await ledger.spend({ by: 'model' })).toEqual([
      {
        ...{ ...none, name: 'acme/large', calls: 5, requests: 4, microUsd: 130 },
        ...{ ambiguous: 1, cached: 1, ambiguousMicroUsd: 500 },
        usage: { input: 300, cached: 180, written: 15, output: 90, reasoning: 30 },
      },
      {
        ...{ ...none, name: 'acme/small', calls: 2, requests: 2, failed: 1, microUsd: 20, usage },
      },
      {
        ...{ ...none, name: 'acme/unpriced', calls: 1, requests: 1, microUsd: 0, unknownPrice: 1, usage },
      },
    ]);
  });

  it('is told by job, by day, and by the experiment all belong to', async () => {
    const ledger = await spentLedger();
    expect(Object.entries(await briefly(ledger, { by: 'job' }))).toEqual([
      ['alone', 80],
      ['stage', 40],
      ['cell-2', 20],
      ['cell-1', 10],
      ['models-test', 0],
    ]);
    expect(Object.entries(await briefly(ledger, { by: 'day' }))).toEqual([
      ['2026-11-20', 30],
      ['2026-11-21', 120],
    ]);
    expect(await briefly(ledger, { by: 'experiment' })).toEqual({ alone: 80, grid: 70, 'models-test': 0 });
  });

  it('is told of one job with all below it, and since a moment', async () => {
    const ledger = await spentLedger();
    expect(await briefly(ledger, { by: 'model', jobId: 'grid' })).toEqual({
      'acme/large': 50,
      'acme/small': 20,
    });
    expect(await briefly(ledger, { by: 'job', jobId: 'cell-2' })).toEqual({ 'cell-2': 20, stage: 40 });
    expect(await briefly(ledger, { by: 'experiment', jobId: 'cell-2' })).toEqual({ 'cell-2': 60 });
    expect(await briefly(ledger, { by: 'model', jobId: 'models-test' })).toEqual({ 'acme/unpriced': 0 });
    expect(await briefly(ledger, { by: 'job', since: first + 1 })).toEqual({
      ...{ stage: 40, alone: 80, 'models-test': 0 },
    });
    expect(await ledger.spend({ by: 'job', jobId: 'nobody' })).toEqual([]);
  });
});
