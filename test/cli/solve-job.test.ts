import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { jobFromWords } from '../../cli/start/solve-job.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await temporaryFolder());
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data/notes.txt'), 'to be');
  await writeFile(join(folder, 'begin.py'), 'print(1)\n');
});

const task = 'Count the words of notes.txt, and write them down!';

describe('crucible solve', () => {
  it('makes a job of words: its name comes from them, paths are as typed, outputs with their checks', async () => {
    const file = await jobFromWords(task, {
      inputs: ['data/notes.txt'],
      output: ['counts.json: json', 'all.txt', 'grid.bin: voxels n=64 dtype=uint8', 'rows/*.csv: csv'],
      ...{ trials: 3, minutes: 2, usd: 1, memory: 512, profile: 'dev' as const },
    });
    expect(file.job).toMatchObject({
      ...{ kind: 'solve', name: 'count-the-words-of-notes-txt', task, inputs: ['notes.txt'] },
      outputs: [
        { kind: 'json', path: 'counts.json' },
        { kind: 'file', path: 'all.txt' },
        { kind: 'voxels', path: 'grid.bin', n: 64, dtype: 'uint8' },
        { kind: 'csv', path: 'rows/*.csv' },
      ],
      ...{ budget: { trials: 3, wallMs: 120_000, usd: 1 }, limits: { memoryMb: 512 } },
      models: { profile: 'dev' },
    });
    expect(file).toMatchObject({ folder: join(folder, 'data'), files: ['notes.txt'] });
  });

  it('may begin with a script, and needs no file at all', async () => {
    expect(await jobFromWords(task, { script: 'begin.py' })).toMatchObject({
      ...{ job: { script: 'begin.py', task }, files: ['begin.py'] },
    });
    expect(await jobFromWords(task, {})).toMatchObject({ job: { outputs: [] }, folder, files: [] });
  });

  it('takes a sample, by its path or by rows', async () => {
    const inputs = ['data/notes.txt'];
    await writeFile(join(folder, 'data/few.txt'), 'to');
    expect((await jobFromWords(task, { inputs, sample: 'data/few.txt' })).job).toMatchObject({
      sample: 'few.txt',
    });
    expect((await jobFromWords(task, { inputs, sampleRows: 9 })).job).toMatchObject({ sample: { rows: 9 } });
  });

  it.each([
    [
      't.csv: csv columns=id,name unique=id minRows=2',
      { columns: ['id', 'name'], unique: ['id'], minRows: 2 },
    ],
    ['a.png: image width=64 alpha=true', { width: 64, alpha: true }],
    ['a.npy: npy shape=64,null dtype=float32', { shape: [64, null], dtype: 'float32' }],
    ['a.json: json schema={"type":"array"}', { schema: { type: 'array' } }],
    ['a.log: text contains="all done" lacks=17', { contains: 'all done', lacks: '17' }],
    ['a.mp4: video frames=20 moves=true', { frames: 20, moves: true }],
    ['a.stl: mesh watertight=true', { watertight: true }],
    ['a.parquet: table types={"id":"integer"}', { types: { id: 'integer' } }],
    ['exit status=3', { kind: 'exit', status: 3 }],
    ['stdout matches="^total [0-9]+$"', { kind: 'stdout', matches: '^total [0-9]+$' }],
  ])('reads --output %s', async (output, fields) => {
    const { job } = await jobFromWords(task, { output: [output] });
    expect('outputs' in job ? job.outputs[0] : null).toMatchObject(fields);
  });

  it("takes a check of the user's with the files that it reads, which stand where they were typed", async () => {
    await writeFile(join(folder, 'data/check.py'), 'def fine(inputs, outputs): pass\n');
    const options = { check: 'data/check.py:fine', hidden: ['begin.py'], inputs: ['data/notes.txt'] };
    const { job, files } = await jobFromWords(task, options);
    expect(job).toMatchObject({
      check: 'data/check.py:fine',
      hidden: ['begin.py'],
      inputs: ['data/notes.txt'],
    });
    expect(files.toSorted()).toEqual(['begin.py', 'data/check.py', 'data/notes.txt']);
  });

  it.each([
    [
      { check: 'begin.py', script: 'begin.py' },
      '--check: expected another file than begin.py: a program has that one',
    ],
    [
      { hidden: ['begin.py'] },
      '--hidden: `hidden` are files that a `check` or an `objective` reads; there is none',
    ],
    [{ check: 'begin' }, '--check begin in'],
    [{ sampleRows: 5 }, '--sample: a sample stands in for `inputs`; there are none'],
    [{ sampleRows: 5, sample: 'begin.py' }, '--sample, --sample-rows: expected one of them, got both'],
    [
      { inputs: ['data'], sample: 'begin.py' },
      '--sample: expected a folder, as the input data is, got the file begin.py',
    ],
    [
      { output: ['t.csv: csv minRows=5 maxRows=2'] },
      '--output minRows: nothing can meet it: minRows 5 is above maxRows 2',
    ],
    [{ output: ['a.json: json schema={"type"}'] }, /^--output json schema: expected JSON without blanks/],
    [{ output: ['a.txt: text matches=('] }, '--output matches: expected a regular expression'],
    [{ output: ['stdout contains='] }, /expected PATH, PATH: KIND/],
    [{ output: ['a.bin: voxel'] }, /^--output kind: expected one of file, .*text, image, .*got "voxel"/],
    [{ output: ['a.json: JSON'] }, /^--output kind: expected one of .*got "JSON"/],
    [{ output: ['a.bin: voxels n=many'] }, '--output n: expected a number, got "many"'],
    [{ output: ['a.bin: voxels edge=9'] }, /^--output edge: there is no such field/],
    [{ output: ['a.bin: voxels n='] }, /^--output a.bin: voxels n=: expected PATH, PATH: KIND or/],
    [{ output: ['a.bin: voxels 64'] }, /^--output a.bin: voxels 64: expected PATH, PATH: KIND or/],
    [{ inputs: ['none.txt'] }, /^--inputs none.txt in .*: there is no such file/],
  ])('refuses %j in the words it was typed in', async (options, message) => {
    await expect(jobFromWords(task, options)).rejects.toThrow(message);
  });

  it('refuses a task of no words', async () => {
    await expect(jobFromWords('  ', {})).rejects.toThrow(/^the task: expected some text/);
  });
});
