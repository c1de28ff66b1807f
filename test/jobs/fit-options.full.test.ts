import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFoldActivities } from '../../activities/fit/fold.ts';
import { createTableActivities } from '../../activities/fit/table.ts';
import { fileIn } from '../../activities/fit/table-files.ts';
import { FitJob } from '../../domain/kinds/fit.schema.ts';
import { Look, Meta, type SplitTable, Timing } from '../../domain/table.schema.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openJob } from '../cli/kept-jobs.ts';
import { patienceMs, randomOf } from './fit-jobs.ts';

/** Options of a job, seen where they have to arrive: by a program that was given to the same steps as any candidate. */
let home: string;
let store: Store;
let sandbox: Sandbox;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'crucible-options-'));
  store = await openStore(home);
  const wanted = process.env.CRUCIBLE_SANDBOX === 'bubblewrap' ? 'bubblewrap' : 'auto';
  const parts = await toolchain();
  ({ sandbox } = await chooseSandbox({
    ...{ wanted, blobs: store.blobs, storeId: store.id, root: join(home, 'sandboxes'), parts },
  }));
}, patienceMs);
afterAll(async () => {
  await store?.close();
  await rm(home, { recursive: true, force: true });
});

/** Houses of ten flats each, sold two a day; every row weighs its house. */
function houses(rows = 400, from = 0): string {
  const random = randomOf(from + 3);
  const lines = Array.from({ length: rows }, (_, index) => {
    const house = Math.floor((from + index) / 10);
    const size = 30 + random() * 90;
    const sold = random() < size / 140 ? 'yes' : 'no';
    return [`h${house}`, house, Math.floor((from + index) / 2), size.toFixed(2), 1 + (house % 7), sold].join(
      ',',
    );
  });
  return ['house,number,day,size,weight,sold', ...lines].join('\n');
}

/** What a `train.py` has to see; its model guesses. */
const program = (sees: string): string => `import numpy as np
def train(table, labels, weights, config, folder, rounds=None, seconds=1e9):
    import predict
    learnt = table
    ${sees}
    class Model:
        def __init__(self, *_): pass
        def predict(self, rows):
            SEEN
            return np.tile([0.4, 0.6], (len(rows), 1))
    predict.Model = Model
    return {'score': 1.0}
`;

const run = <T>(act: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(act) as Promise<T>;
let jobs = 0;

async function prepared(fields: object, test?: string) {
  const job = FitJob.parse({
    ...{ kind: 'fit', name: 'houses', table: 'houses.csv', target: 'sold', metric: 'auc' },
    ...(test === undefined ? {} : { test: 'test.csv' }),
    ...fields,
  });
  jobs += 1;
  const place = { storeId: store.id, jobId: `fit/houses/${jobs}`, step: 'table' };
  await openJob(store, job, { id: place.jobId });
  const files = await writeJson(store.blobs, {
    'houses.csv': await store.blobs.put(houses()),
    ...(test === undefined ? {} : { 'test.csv': await store.blobs.put(test) }),
  });
  const table = await run(() =>
    createTableActivities({ store, sandbox }).prepareTable({ ...place, job, files, seconds: 30 }),
  );
  const tree = await readTree(store.blobs, table.files);
  return {
    ...{ job, place, table },
    look: await readJson(store.blobs, fileIn(tree, 'look.json'), Look),
    meta: await readJson(store.blobs, fileIn(tree, 'meta.json'), Meta),
    plan: await store.blobs.text(fileIn(tree, 'plan.json')),
  };
}

/** Fits a program on a fold as any candidate; returns how that went, and what it said of its times. */
async function fitted(
  { job, place, table }: { job: FitJob; place: { storeId: string; jobId: string }; table: SplitTable },
  fold: number,
  text: string,
  told: Record<string, number> = {},
) {
  const files = {
    'train.py': await store.blobs.put(text),
    'predict.py': await store.blobs.put(''),
    'config.json': await store.blobs.put('{"id": "by-hand"}'),
  };
  const given = await writeJson(store.blobs, {
    ...{ files, entry: { kind: 'script', path: 'train.py', args: [] }, build: null },
  });
  const ran = await run(() =>
    createFoldActivities({ store, sandbox }).fitFold({
      ...{ ...place, step: `c-1/fold-${fold}`, table, program: given, fold, told, cores: 1 },
      limits: job.limits,
    }),
  );
  if (ran.kind === 'failed') return JSON.stringify(ran.outcome);
  return ran.timing === null ? null : await readJson(store.blobs, ran.timing, Timing);
}

it(
  'with --groups and --weights a program never learns from a house that it predicts, and has the weights of its rows',
  async () => {
    const split = await prepared({ groups: 'house', weights: 'weight' });
    expect(split.meta.split).toMatch(/^by group/);
    const apart = program(`assert weights is not None
    assert np.array_equal(weights, 1 + table['number'].to_numpy() % 7), weights[:5]
    assert 'house' not in table.columns and 'weight' not in table.columns`).replace(
      'SEEN',
      "assert not set(rows['number']) & set(learnt['number'])",
    );
    for (let fold = 0; fold < split.table.folds; fold += 1)
      expect(await fitted(split, fold, apart), `fold ${fold}`).toMatchObject({ rows: expect.any(Number) });
  },
  patienceMs,
);

it(
  'with --time the latest rows are the test, and folds are blocks of time',
  async () => {
    const split = await prepared({ time: 'day' });
    expect(split.meta).toMatchObject({ split: 'the latest 20% by day', rows: 320, testRows: 80 });
    const blocks = program("assert table['day'].max() < 160").replace(
      'SEEN',
      "assert rows['day'].max() - rows['day'].min() < len(rows) / 2 and rows['day'].max() < 160",
    );
    expect(await fitted(split, 1, blocks)).toMatchObject({ rows: expect.any(Number) });
  },
  patienceMs,
);

it(
  'with --test the table is learnt from whole, a column that is dropped may be missing there, and lost rows are counted',
  async () => {
    const lines = houses(60, 900).split('\n');
    const test = lines
      .map((line, index) =>
        line
          .split(',')
          .slice(0, 4)
          .concat(index === 2 ? '' : (line.split(',')[5] ?? '')),
      )
      .join('\n');
    const split = await prepared({ drop: ['weight'] }, test);
    expect(split.meta).toMatchObject({ split: 'as given', rows: 400, testRows: 59 });
    expect(split.look.leftOut).toContainEqual(
      expect.objectContaining({ what: 'test row without a target', count: 1 }),
    );
  },
  patienceMs,
);

it(
  'with --interpretable only models are planned that a person can read; a row is timed where that is asked',
  async () => {
    const split = await prepared({ interpretable: true, maxLatencyMs: 5 });
    const { models, configs } = JSON.parse(split.plan);
    const readable = ['logistic', 'naive_bayes', 'lda'];
    for (const { name } of models) expect(readable).toContain(name);
    for (const { model } of configs) expect(readable).toContain(model);
    const guesses = program('pass').replace('SEEN', 'pass');
    expect(await fitted(split, 0, guesses, { timedRows: 3 })).toMatchObject({ rowMs: expect.any(Number) });
    expect(await fitted(split, 1, guesses)).not.toHaveProperty('rowMs');
  },
  patienceMs,
);
