import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JobFile } from '../../cli/start/job-file.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { jobFromRecipe } from '../../cli/start/recipe.ts';
import { submit } from '../../cli/start/submit.ts';
import { readTree } from '../../store/documents.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { crucible } from '../support/running-crucible.ts';

const patienceMs = 300_000;

/** How a job ended, and the bytes of each file it gave. */
async function ended(file: JobFile) {
  const { store, client } = crucible;
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  const result = record === undefined ? null : record.result;
  const product = result?.product ?? null;
  const tree = product === null ? {} : await readTree(store.blobs, product);
  const files = await Promise.all(
    Object.entries(tree).map(async ([path, artifact]) => [path, await store.blobs.get(artifact)] as const),
  );
  return {
    status: record?.status,
    summary: result?.summary ?? '',
    files: Object.fromEntries(files),
    trials: (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial),
  };
}

it(
  'a recipe runs as a job: its own checks hold, and its program is kept as a candidate',
  async () => {
    const { status, summary, files, trials } = await ended(
      await jobFromRecipe('shape', { with: ['n=24', 'shape=torus'] }),
    );
    expect([status, summary]).toEqual(['finished', 'recipe shape ran and its outputs passed every check']);
    expect(Object.keys(files).sort()).toEqual(['shape.bin', 'shape.json']);
    expect(files['shape.bin']).toHaveLength(24 ** 3 * 4);
    expect(JSON.parse(String(files['shape.json']))).toMatchObject({ shape: 'torus', n: 24 });
    expect(trials.map(({ candidate }) => [candidate.id, candidate.operator])).toEqual([['c-0', 'recipe']]);
  },
  patienceMs,
);

it(
  'the outputs of the job are checked beside those of the recipe, which fail it alike',
  async () => {
    const missing = await ended(
      await checkedJob(
        { kind: 'solve', name: 'more', recipe: 'shape', with: { n: 8 }, outputs: ['more.txt'] },
        '/tmp',
      ),
    );
    expect(missing.status).toBe('failed');
    expect(missing.summary).toBe(
      'recipe shape ended as invalidOutput: more.txt, the file is missing; shape.py wrote shape.bin (2,048 bytes), shape.json (118 bytes)',
    );
  },
  patienceMs,
);

it(
  'a recipe is a stage, and what it made flows to the stage that needs it',
  async () => {
    const folder = await temporaryFolder();
    await writeFile(
      join(folder, 'count.py'),
      "import numpy as np\nprint(int(np.fromfile('ball/shape.bin', '<f4').sum()))\n",
    );
    const stages = [
      { kind: 'solve', name: 'ball', recipe: 'shape', with: { shape: 'box', n: 16, size: 0.5 } },
      { kind: 'solve', name: 'count', needs: ['ball'], script: 'count.py' },
    ];
    const { status, files } = await ended(
      await checkedJob({ kind: 'pipeline', name: 'two', stages }, folder),
    );
    expect(status).toBe('finished');
    expect(String(files['count/stdout.txt'])).toBe(`${8 ** 3}\n`);
  },
  patienceMs,
);
