import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { foundIn } from '../../domain/objective.ts';
import { Blend, Explained, FoldsEnded, Judged } from '../../domain/table.schema.ts';
import { readJson, readTree } from '../../store/documents.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { endOf, flats, patienceMs, started } from './fit-jobs.ts';

let crucible: TestCrucible;

beforeAll(async () => {
  crucible = await startCrucible({});
  await crucible.startWorker();
}, patienceMs);
afterAll(async () => crucible?.stop());

it(
  'a table is learnt from within its time: a blend, its test scored once, and a folder that predicts',
  async () => {
    const { store } = crucible;
    const id = await started(crucible, 'flats', flats(900), { budget: { wallMs: 30_000 } });
    const { record, trials, summary } = await endOf(crucible, id);
    expect(record.status, summary).toBe('finished');
    expect((record.endedAt ?? 0) - record.startedAt).toBeLessThan(36_000);
    expect(summary).toMatch(/^test, scored once: auc 0\.\d+ on rows that nothing in the search saw/);
    const blend = trials.at(-1);
    expect(blend?.candidate.title).toMatch(/^blend of \d+$/);
    const judged = await readJson(store.blobs, blend?.artifacts.judged ?? '', Judged);
    // About a fifth of the table: rows that are equal stay together.
    expect(judged.rows).toBeGreaterThan(150);
    expect(judged.rows).toBeLessThan(210);
    expect(judged.learnt).toBe(true);
    expect(judged.score).toBeGreaterThan(0.7);

    // Each fold of each candidate was fitted once, and the blend's members are among what was fitted on all.
    const fitted = await Promise.all(
      trials.flatMap(({ artifacts, candidate }) =>
        artifacts.folds === undefined
          ? []
          : [
              readJson(store.blobs, artifacts.folds, FoldsEnded).then(({ folds }) =>
                folds.map(({ fold }) => `${candidate.id} ${fold}`),
              ),
            ],
      ),
    );
    expect(new Set(fitted.flat()).size).toBe(fitted.flat().length);
    const whole = trials.filter(({ purpose }) => purpose === 'verification').map((each) => each.candidate.id);
    const { members } = await readJson(store.blobs, blend?.artifacts.blend ?? '', Blend);
    for (const { id: member } of members) expect(whole).toContain(member);
    const steps = await store.ledger.steps(id);
    expect(steps.filter(({ kind, key }) => kind === 'test' && key.endsWith('/test'))).toHaveLength(1);

    // What sales were drawn from is what it goes by, and the size says the same as the rooms.
    const { importance, dependence } = await readJson(store.blobs, blend?.artifacts.explain ?? '', Explained);
    expect(importance.map(({ column }) => column).sort()).toEqual(['district', 'rooms', 'size']);
    expect(['rooms', 'size']).toContain(importance[0]?.column);
    expect(importance[0]?.permutation).toBeGreaterThan(0.02);
    expect(dependence.find(({ column }) => column === 'rooms')?.predicted.length).toBeGreaterThan(2);

    const product = Object.keys(await readTree(store.blobs, record.result?.product ?? ''));
    for (const file of ['predict.py', 'schema.json', 'requirements.lock', 'MODEL_CARD.md', 'test_score.py'])
      expect(product).toContain(file);
  },
  patienceMs,
);

it(
  'from labels that say nothing, nothing is learnt, and that is said',
  async () => {
    const id = await started(crucible, 'chance', flats(700, { permuted: true }), {
      budget: { wallMs: 25_000 },
    });
    const { record, trials, summary } = await endOf(crucible, id);
    expect(record.status, summary).toBe('finished');
    // The first job of this file taught it something.
    const said = (await crucible.store.ledger.events(id)).map(({ text }) => text).join('\n');
    expect(said).toMatch(/plan: begins with what worked in fit\/flats\//);
    expect(trials.some(({ candidate }) => candidate.note.startsWith('it worked in fit/flats/'))).toBe(true);
    const judged = await readJson(crucible.store.blobs, trials.at(-1)?.artifacts.judged ?? '', Judged);
    expect(judged.learnt).toBe(false);
    expect(judged.score).toBeGreaterThan(0.35);
    expect(judged.score).toBeLessThan(0.65);
    expect(summary).toContain(judged.says);
    for (const { outcome } of trials) {
      const { metric } = foundIn(outcome);
      if (metric !== null) expect(metric.value).toBeLessThan(0.7);
    }
  },
  patienceMs,
);

it(
  'a table that nothing can be learnt from is refused before anything is fitted, with the column',
  async () => {
    const table = flats(60).replaceAll(/,(?:yes|no)(?=\n|$)/g, ',yes');
    const { record, trials, summary } = await endOf(
      crucible,
      await started(crucible, 'one-class', table, { metric: 'log_loss' }),
    );
    expect([record.status, trials]).toEqual(['failed', []]);
    expect(summary).toContain('sold');
  },
  patienceMs,
);

it(
  'a stage learns from the table that another wrote, and a third predicts with it',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crucible-fit-'));
    await writeFile(join(folder, 'given.csv'), flats(500));
    await writeFile(join(folder, 'make.py'), "import shutil; shutil.copyfile('given.csv', 'flats.csv')");
    await writeFile(
      join(folder, 'look.py'),
      "import json, os; json.dump(sorted(os.listdir('learn')), open('files.json', 'w'))",
    );
    const learn = { kind: 'fit', name: 'learn', table: 'make/flats.csv', target: 'sold', metric: 'auc' };
    const stages = [
      { kind: 'solve', name: 'make', script: 'make.py', inputs: ['given.csv'], outputs: ['flats.csv'] },
      { ...learn, needs: ['make'], budget: { wallMs: 20_000 } },
      { kind: 'solve', name: 'look', script: 'look.py', needs: ['learn'], outputs: ['files.json'] },
    ];
    const file = await checkedJob({ kind: 'pipeline', name: 'table', stages }, folder);
    const { store, client } = crucible;
    const submitted = await submit(file, { store, client, models: modelConfig({}), fresh: false });
    if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
    const { record, summary } = await endOf(crucible, submitted.jobId);
    expect(record.status, summary).toBe('finished');
    const product = await readTree(store.blobs, record.result?.product ?? '');
    expect(Object.keys(product)).toContain('learn/predict.py');
    expect(await store.blobs.text(product['look/files.json'] ?? '')).toContain('"predict.py"');
    const apart = stages.map((stage) => (stage.name === 'learn' ? learn : stage));
    await expect(checkedJob({ kind: 'pipeline', name: 'table', stages: apart }, folder)).rejects.toThrow(
      'stages[1].table: make/flats.csv is written by the stage make: expected it among `needs`',
    );
  },
  patienceMs,
);

it(
  'with --interpretable and --max-latency-ms one model that a person can read is given, and a row takes no longer than that',
  async () => {
    const { store } = crucible;
    const asked = { interpretable: true, maxLatencyMs: 40, budget: { wallMs: 25_000 } };
    const { record, trials, summary } = await endOf(
      crucible,
      await started(crucible, 'quick', flats(600), asked),
    );
    expect(record.status, summary).toBe('finished');
    const {
      members,
      models = 0,
      tooSlow,
    } = await readJson(store.blobs, trials.at(-1)?.artifacts.blend ?? '', Blend);
    expect(members).toHaveLength(1);
    const titles = trials.slice(0, -1).map(({ candidate }) => candidate.title);
    for (const title of titles) expect(title).toMatch(/^(?:logistic|lda|naive_bayes)/);
    const slowest = await Promise.all(
      trials
        .filter(
          ({ candidate, artifacts }) => candidate.id === members[0]?.id && artifacts.folds !== undefined,
        )
        .map(async ({ artifacts }) =>
          (await readJson(store.blobs, artifacts.folds ?? '', FoldsEnded)).folds.map(
            ({ timing }) => timing?.rowMs ?? Number.NaN,
          ),
        ),
    );
    expect(Math.max(...slowest.flat()) * models).toBeLessThanOrEqual(40);
    expect(models).toBeGreaterThan(0);
    expect(tooSlow).not.toContain(members[0]?.id);
    const product = Object.keys(await readTree(store.blobs, record.result?.product ?? ''));
    const folds = new Set(product.flatMap((path) => /folds\/(\d+)\//.exec(path)?.[1] ?? []));
    expect(folds.size).toBe(models);
  },
  patienceMs,
);

it(
  'a program that predicts no row within --max-latency-ms is not given, and that is said',
  async () => {
    const { record, summary } = await endOf(
      crucible,
      await started(crucible, 'too-slow', flats(300), { maxLatencyMs: 0.001, budget: { wallMs: 20_000 } }),
    );
    expect([record.status, summary]).toEqual([
      'failed',
      expect.stringContaining(
        'nothing that was fitted predicts a row within 0.001 ms: raise --max-latency-ms',
      ),
    ]);
  },
  patienceMs,
);

/** Waits until a job has finished so many folds of candidates. */
const foldsOf = (id: string, least: number) =>
  until(`${least} folds of ${id}`, patienceMs, async () => {
    const done = (await crucible.store.ledger.steps(id)).filter(
      ({ kind, end }) => kind === 'fit' && end.kind === 'done',
    );
    return done.length >= least && done;
  });

it(
  'a job that is cancelled gives the blend of what it has',
  async () => {
    const id = await started(crucible, 'cancelled', flats(600), { budget: { wallMs: 240_000 } });
    await foldsOf(id, 7);
    await crucible.client.cancel(id);
    const { record, trials } = await endOf(crucible, id);
    expect(record.status).toBe('cancelled');
    expect(trials.at(-1)?.artifacts.judged).toBeDefined();
    const product = await readTree(crucible.store.blobs, record.result?.product ?? '');
    expect(Object.keys(product)).toContain('predict.py');
  },
  patienceMs,
);

it(
  'a worker that is killed five times within three minutes loses the folds under way: what was finished stands as it was, and none is fitted twice',
  async () => {
    const wallMs = 180_000;
    const id = await started(crucible, 'killed', flats(800, { seed: 7 }), { budget: { wallMs } });
    const scoresOf = async () =>
      (await crucible.store.ledger.trials(id)).map(({ trial: { candidate, outcome } }) => [
        candidate.id,
        outcome,
      ]);
    let downMs = 0;
    let before: Awaited<ReturnType<typeof scoresOf>> = [];
    for (const least of [2, 6, 9, 12, 15]) {
      await foldsOf(id, least);
      const from = Date.now();
      await crucible.killWorker();
      before = await scoresOf();
      await crucible.startWorker();
      downMs += Date.now() - from;
    }
    const { record, summary, trials } = await endOf(crucible, id);
    expect(record.status, summary).toBe('finished');
    expect((record.endedAt ?? 0) - record.startedAt).toBeLessThan(wallMs + downMs + 2_000);
    expect(before.length).toBeGreaterThan(0);
    expect((await scoresOf()).slice(0, before.length)).toEqual(before);
    const steps = (await crucible.store.ledger.steps(id)).filter(({ kind }) => kind === 'fit');
    // What was under way when its worker died was begun anew; nothing else was.
    const again = steps.filter(({ starts }) => starts > 1);
    expect(again.length).toBeLessThanOrEqual(5);
    expect(trials.length).toBeGreaterThan(2);
  },
  patienceMs,
);

it(
  'a program that prints a better score, or whose predictions are none, is scored truly or refused; so is one that looks for labels',
  async () => {
    const { store, client } = crucible;
    const id = await started(crucible, 'hostile', flats(600), { budget: { wallMs: 40_000 } });
    await foldsOf(id, 5);
    const programs = {
      'nan.py': predicting('np.full((len(rows), 2), np.nan)'),
      'looks.py': `import glob, numpy as np
found = [path for place in ('/in', '/base', '/work') for path in glob.glob(place + '/**/*', recursive=True)]
assert not [path for path in found if 'test' in path.split('/')[-1].lower() and path.endswith('.npy')], found
assert not [path for path in found if path.endswith('test.arrow')], found
${predicting('np.tile([0.5, 0.5], (len(rows), 1))')}`,
    };
    for (const [name, text] of Object.entries(programs))
      await client.tell(id, {
        ...{ id: name, message: { kind: 'tryProgram', name, file: await store.blobs.put(text) } },
      });
    const { trials } = await endOf(crucible, id);
    const outcomes = trials
      .filter(({ candidate }) => candidate.operator === 'human')
      .map(({ candidate, outcome }) => [
        candidate.title,
        outcome.kind,
        foundIn(outcome).metric?.value ?? null,
      ]);
    expect(outcomes).toEqual([
      ['by hand: nan.py', 'invalidOutput', null],
      ['by hand: looks.py', 'scored', 0.5],
    ]);
  },
  patienceMs,
);

/** A `train.py` that learns nothing, and changes what predicts. */
const predicting = (what: string): string => `import numpy as np
print('auc 1.0')
def train(table, labels, weights, config, folder, rounds=None, seconds=1e9):
    import predict
    class Model:
        def __init__(self, *_): pass
        def predict(self, rows): return ${what}
    predict.Model = Model
    return {'score': 1.0}
`;
