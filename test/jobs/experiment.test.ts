import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { resume } from '../../cli/steer/resume.ts';
import { tell } from '../../cli/steer/tell.ts';
import { gridIn } from '../../domain/kinds/kinds.ts';
import { armsOf } from '../../record/arms.ts';
import { type CellRow, readCells } from '../../record/cells.ts';
import { readInput, readTree } from '../../store/documents.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';

let crucible: TestCrucible;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-grid-'));
  await writeFile(
    join(folder, 'cell.py'),
    [
      'import sys, time',
      'rate, seed = float(sys.argv[1]), int(sys.argv[2])',
      "if rate > 1: raise ValueError('diverged')",
      'time.sleep(0.2)',
      "open('out.txt', 'w').write(str(rate + seed))",
    ].join('\n'),
  );
  crucible = await startCrucible();
  await crucible.startWorker();
});
afterAll(async () => {
  await crucible?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(more: object = {}): Promise<string> {
  const { store, client } = crucible;
  const cell = {
    kind: 'solve',
    script: 'cell.py',
    args: [placeholder('rate'), placeholder('seed')],
    outputs: ['out.txt'],
  };
  const matrix = { rate: [0.1, 0.2, 9], seed: [1, 2] };
  const file = await checkedJob(
    { kind: 'experiment', name: 'grid', cell, matrix, window: 2, ...more },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  return submitted.kind === 'finished' ? submitted.record.id : submitted.jobId;
}

async function rowsOf(id: string): Promise<CellRow[]> {
  const { store } = crucible;
  const record = await store.ledger.job(id);
  if (record === undefined) return [];
  const grid = gridIn((await readInput(store.blobs, record)).job) ?? expect.fail();
  return readCells(store, record, grid);
}

/** When each cell began. */
const begins = async (id: string): Promise<[string | null, number][]> =>
  (await crucible.store.ledger.children(id, { role: 'cell' })).map(({ stage, startedAt }) => [
    stage,
    startedAt,
  ]);

it('cells are killed with their worker, stand still, fail by themselves, and are run again alone', async () => {
  const { store, client } = crucible;
  const id = await start();
  await until(
    'two cells to be done',
    60_000,
    async () => (await rowsOf(id)).filter(({ status }) => status === 'finished').length >= 1,
  );
  await tell(client, id, { kind: 'pause' });
  await crucible.killWorker();
  const before = await begins(id);
  await crucible.startWorker();
  await tell(client, id, { kind: 'resume' });
  const result = await client.result(id);

  expect(result).toMatchObject({ status: 'finished' });
  expect(result.summary).toMatch(
    /^4 of 6 cells done; 2 failed, 2 of them: cell\.py ended as crashed: ValueError: diverged$/,
  );
  const rows = await rowsOf(id);
  expect(rows.map(({ values, status }) => [values.rate, values.seed, status])).toEqual([
    ...[0.1, 0.2].map((rate) => [rate, 1, 'finished']),
    [9, 1, 'failed'],
    ...[0.1, 0.2].map((rate) => [rate, 2, 'finished']),
    [9, 2, 'failed'],
  ]);
  // Each cell once: what was begun before the kill was not begun again.
  const after = new Map(await begins(id));
  expect(after.size).toBe(6);
  expect(before.length).toBeGreaterThan(0);
  for (const [name, at] of before) expect(after.get(name)).toBe(at);
  const tree = await readTree(store.blobs, result.product ?? '');
  expect((await store.blobs.text(tree['cells.csv'] ?? '')).split('\r\n')).toHaveLength(8);
  const arms = armsOf(
    gridIn((await readInput(store.blobs, (await store.ledger.job(id)) ?? expect.fail())).job) ??
      expect.fail(),
    rows,
  );
  expect(arms.map(({ values, done, failed, mean }) => [values.rate, done, failed, mean?.value])).toEqual([
    [0.1, 2, 0, 1],
    [0.2, 2, 0, 1],
    [9, 0, 2, 0],
  ]);

  // Asked for again, it is shown; with nothing to do, resume says so; a cell that failed is run again alone.
  expect(await start()).toBe(id);
  const record = (await store.ledger.job(id)) ?? expect.fail();
  const how = { models: modelConfig(), signal: new AbortController().signal };
  await expect(resume(store, client, record, {}, how)).rejects.toThrow(
    /all of its 6 cells are done; to run those again that failed: crucible retry grid --failed$/,
  );
  const failed = rows.find(({ status }) => status === 'failed')?.name ?? expect.fail();
  await resume(store, client, record, {}, { ...how, anew: [failed] });
  expect(await client.result(id)).toMatchObject({
    summary: expect.stringMatching(/^4 of 6 cells done; 2 failed/),
  });
  const again = await crucible.store.ledger.children(id, { role: 'cell' });
  const endedSince = again.filter(({ endedAt }) => (endedAt ?? 0) > (record.endedAt ?? 0));
  expect(endedSince.map(({ stage }) => stage)).toEqual([failed]);

  // Changed and added cells run alone: the four that are as they were are taken over.
  const larger = await start({ matrix: { rate: [0.1, 0.3, 0.2], seed: [2, 1] }, window: 3 });
  expect(larger).not.toBe(id);
  expect((await client.result(larger)).summary).toBe('6 of 6 cells done');
  const run = (await store.ledger.children(larger, { role: 'cell' })).filter(
    ({ id: cell, result: its }) => its?.jobId === cell,
  );
  expect(run.map(({ stage }) => stage?.slice(0, 3)).toSorted()).toEqual(['0.3', '0.3']);
});

it('a cancelled experiment keeps what is done and goes on after a resume; enough failures stop it', async () => {
  const { store, client } = crucible;
  const matrix = { rate: [0.5, 0.6, 0.7, 0.8], seed: [1, 2] };
  const id = await start({ name: 'cut', matrix });
  await until('a cell to be done', 60_000, async () =>
    (await rowsOf(id)).some(({ status }) => status === 'finished'),
  );
  await client.cancel(id);
  await until('its end', 60_000, async () => (await store.ledger.job(id))?.status === 'cancelled');
  const kept = (await rowsOf(id)).filter(({ status }) => status === 'finished').map(({ name }) => name);
  expect(kept.length).toBeLessThan(8);
  const record = (await store.ledger.job(id)) ?? expect.fail();
  const before = new Map(await begins(id));
  await resume(store, client, record, {}, { models: modelConfig(), signal: new AbortController().signal });
  expect((await client.result(id)).summary).toBe('8 of 8 cells done');
  const after = await store.ledger.children(id, { role: 'cell' });
  for (const { stage, startedAt, endedAt } of after)
    if (kept.includes(stage ?? '')) {
      expect(startedAt).toBe(before.get(stage));
      expect(endedAt).toBeLessThanOrEqual(record.endedAt ?? 0);
    }

  const wrong = await start({
    name: 'wrong',
    matrix: { rate: [2, 3, 4, 5, 6, 7], seed: [1] },
    stop: { failures: 2 },
  });
  expect((await client.result(wrong)).summary).toMatch(
    /^0 of 6 cells done; [23] failed, .*; [34] not begun; no more began: [23] cells failed$/,
  );
});

it('only arms that are ahead go on where it halves them', async () => {
  const { client } = crucible;
  const id = await start({
    name: 'halved',
    cell: {
      kind: 'solve',
      script: 'cell.py',
      args: [placeholder('rate'), placeholder('seed')],
    },
    matrix: { rate: [0.1, 9], seed: [1, 2, 3] },
    stop: { halving: 2 },
  });
  expect((await client.result(id)).summary).toMatch(
    /^3 of 6 cells done; 1 failed, .*; 2 left out, their arms behind$/,
  );
  expect((await rowsOf(id)).map(({ values, status }) => [values.rate, values.seed, status])).toEqual([
    ...[0.1].map((rate) => [rate, 1, 'finished']),
    [9, 1, 'failed'],
    [0.1, 2, 'finished'],
    [9, 2, 'behind'],
    [0.1, 3, 'finished'],
    [9, 3, 'behind'],
  ]);
});
