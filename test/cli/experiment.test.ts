import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob, readJobFile } from '../../cli/start/job-file.ts';
import { gridIn, partsOf } from '../../domain/kinds/kinds.ts';
import { placeholder } from '../support/placeholder.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-grid-'));
  for (const name of ['a.py', 'one.csv', 'two.csv', 'other.csv']) await writeFile(join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cell = { kind: 'solve', script: 'a.py', args: [placeholder('rate')], outputs: ['out.json'] };
const asked = (more: object) => ({
  kind: 'experiment',
  name: 'grid',
  cell,
  matrix: { rate: [1, 2] },
  ...more,
});

it.each([
  [
    'a name that is no field',
    { matrix: { rate: [1], limit: [2] } },
    /^matrix\.limit: no text of the cell has \$\{limit\}, and limit is no field of a job of kind solve \(did you mean limits\?\); its fields are /,
  ],
  [
    'a placeholder without values',
    { matrix: { seed: [1] } },
    /^cell: a field has \$\{rate\}, and the matrix has no rate; it has seed$/,
  ],
  [
    'a value that cannot be',
    { matrix: { rate: [1], 'limits.memoryMb': [100, 'much'] } },
    /^matrix\.limits\.memoryMb: expected a number, got "much" \(in the cell 1-much-\w+\)$/,
  ],
  [
    'a field that is not there',
    { matrix: { rate: [1], 'limits.memory': [100] } },
    /^matrix\.limits\.memory: there is no such field/,
  ],
  [
    'the same values twice',
    { matrix: { rate: [1, 1] } },
    /^matrix: a cell is there more than once \(1-\w+\): each is run once, so give its values once, or `repeats`$/,
  ],
  [
    'an arm twice, once beside the matrix',
    { matrix: { rate: [1, 2] }, include: [{ rate: 2 }, { rate: 1 }] },
    /^matrix: 2 cells are there more than once \(1-\w+, 2-\w+\)/,
  ],
  [
    'nothing that is left',
    { exclude: [{ rate: 1 }, { rate: 2 }] },
    /^exclude: every cell of the matrix is left out/,
  ],
  [
    'a baseline of another name',
    { baseline: { rat: 1 } },
    /^baseline\.rat: the matrix has no rat; it has rate$/,
  ],
  [
    'a cell beside it that is half there',
    { matrix: { rate: [1], seed: [1] }, include: [{ rate: 5 }] },
    /^include\[0\]: expected a value for seed, too$/,
  ],
  ['an empty matrix', { matrix: {} }, /^matrix: expected at least one name/],
  [
    'a budget below that of one cell',
    { budget: { usd: 1 }, cell: { ...cell, budget: { usd: 2 } } },
    /^budget\.usd: 1 dollars for all cells are less than the 2 that one of them may spend$/,
  ],
  [
    'tokens for all that are fewer than one cell may spend',
    { budget: { tokens: 100 }, cell: { ...cell, budget: { tokens: 9_000 } } },
    /^budget\.tokens: 100 tokens for all cells are less than the 9000 that one of them may spend$/,
  ],
  [
    'a million cells',
    {
      matrix: {
        rate: Array.from({ length: 1000 }, (_, n) => n),
        seed: Array.from({ length: 1000 }, (_, n) => n),
      },
    },
    /^matrix: these are 1,000,000 cells; to run as many, add --yes$/,
  ],
  [
    'a file that one of its cells lacks',
    { matrix: { rate: [1], inputs: [['one.csv'], ['none.csv']] } },
    /none\.csv in .*: there is no such file/,
  ],
  [
    'a cell that waits for a person',
    { cell: { ...cell, on_failure: 'wait' } },
    /cell\.on_failure: a cell that waits for a person holds up those behind it/,
  ],
  [
    'an experiment of experiments',
    { cell: { kind: 'experiment' } },
    /^cell\.kind: expected one of optimize, solve, fit, got "experiment"$/,
  ],
] as const)('%s is refused before anything is started', async (_, more, message) => {
  await expect(checkedJob(asked(more), folder)).rejects.toThrow(message);
});

it('what is wrong is told with its line', async () => {
  const path = join(folder, 'grid.yaml');
  await writeFile(
    path,
    'kind: experiment\nname: grid\ncell:\n  kind: solve\n  script: a.py\nmatrix:\n  seed: [1]\n  sed: [2]\n',
  );
  await expect(readJobFile(path)).rejects.toThrow(/^grid\.yaml:8: matrix\.sed: .*did you mean seed\?/);
});

it('every file that a cell names is packed, and no other; values are as the fields have them', async () => {
  const file = await checkedJob(
    asked({ matrix: { rate: [1, 2], inputs: [['one.csv'], ['two.csv']], outputs: [['a.json']] } }),
    folder,
  );
  expect(file.files.toSorted()).toEqual(['a.py', 'one.csv', 'two.csv']);
  expect(gridIn(file.job)?.matrix.outputs).toEqual([[{ kind: 'file', path: 'a.json' }]]);
  expect(partsOf(file.job)).toHaveLength(2);
});
