import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import { buildScript } from '../../cli/keep/export-build.ts';
import { importsOf } from '../../cli/keep/export-requirements.ts';
import flags from '../../sandbox/guest/compiler-flags.json' with { type: 'json' };
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { pythonWithNumpy } from '../support/python.ts';
import { closeJob, openJob, recorded, tree } from './kept-jobs.ts';
import { searchedJob } from './searched-job.ts';
import { finishedJob, slow } from './smoother.ts';

const run = promisify(execFile);

describe('export', () => {
  it('of a pipeline has a folder for each stage that gave something', async () => {
    const store = await temporaryStore();
    const { pipeline, stage } = await searchedJob(store);
    await closeJob(store, stage, { summary: 'vectorize_loops is 100× faster' });
    const picture = await openJob(
      store,
      { kind: 'solve', name: 'picture', script: 'picture.py' },
      {
        id: `${pipeline.jobId}/picture`,
        parent: { jobId: pipeline.jobId, stage: 'picture' },
      },
    );
    const outputs = await tree(store, { 'a/volume.png': new Uint8Array([1, 0, 2]) });
    const product = await store.blobs.put(JSON.stringify(outputs));
    await closeJob(store, picture, { summary: 'picture.py ran', product });
    const out = join(await temporaryFolder(), 'all');
    const { context, lines } = recorded(store, { json: true });
    await exportJob(context, { job: 'start', out, force: false });
    const { files } = JSON.parse(lines[0] ?? '');
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'faster/test_same.py',
        'faster/program/blur.py',
        'faster/original/cases.py',
        'picture/outputs/a/volume.png',
      ]),
    );
    expect(await readFile(join(out, 'picture/outputs/a/volume.png'))).toEqual(Buffer.from([1, 0, 2]));
    expect(await readFile(join(out, 'README.md'), 'utf8')).toContain(
      '`faster/` (optimize): vectorize_loops is 100× faster',
    );
    expect(await readFile(join(out, 'faster/program/blur.py'), 'utf8')).toContain('@numba.njit');
  });

  it('tests that the program takes what the original took, where it has the original to send it to', async () => {
    const python = await pythonWithNumpy();
    const store = await temporaryStore();
    const narrow = slow.replace(
      'def smooth(values, rounds):',
      "def smooth(values, rounds):\n    if not isinstance(values, np.ndarray):\n        raise TypeError('no array')",
    );
    const sending = `import numpy as np\n\nimport narrow\n\n\ndef smooth(values, rounds):\n    if type(values) is np.ndarray:\n        return narrow.smooth(values, rounds)\n    import smooth_original\n\n    return smooth_original.smooth(values, rounds)\n`;
    const tested = async (id: string, files: Record<string, string>) => {
      const folder = join(await temporaryFolder(), 'made');
      await finishedJob(store, id, files);
      await exportJob(recorded(store).context, { job: id, out: folder, force: false });
      return run(python, ['-B', join(folder, 'test_same.py')]);
    };
    const right = { 'smooth.py': sending, 'narrow.py': narrow, 'smooth_original.py': slow };
    expect((await tested('optimize/smoother/aaaaaaaaaa.1', right)).stdout).toMatch(
      /same answers in 5 of 5[\s\S]*The same where arguments are given in other ways/,
    );
    const wrong = { 'smooth.py': narrow, 'smooth_original.py': slow };
    await expect(tested('optimize/smoother/bbbbbbbbbb.1', wrong)).rejects.toMatchObject({
      stdout: expect.stringContaining('argument 1 as a list: TypeError: no array'),
    });
    expect((await tested('optimize/smoother/cccccccccc.1', { 'smooth.py': narrow })).stdout).toMatch(
      /Not as the original: argument 1 as a list/,
    );
  });

  it('has answers judged by the check of the job, where it had one', async () => {
    const python = await pythonWithNumpy();
    const store = await temporaryStore();
    const other = slow.replace('return result', 'return list(result + 1)');
    const check =
      'def accepts(values, rounds, answer):\n    values[:] = 0\n    return len(answer) == len(values) or "of another length"\n';
    const tested = async (id: string, program: string) => {
      const folder = join(await temporaryFolder(), 'made');
      await finishedJob(store, id, { 'smooth.py': program }, null, {}, 'It does less.', check);
      await exportJob(recorded(store).context, { job: id, out: folder, force: false });
      expect(await readdir(join(folder, 'program'))).toEqual(['smooth.py']);
      expect(await readFile(join(folder, 'README.md'), 'utf8')).toContain(
        'those that `accepts in data/check.py` accepts',
      );
      return run(python, ['-B', join(folder, 'test_same.py')]);
    };
    expect((await tested('optimize/smoother/aaaaaaaaaa.1', other)).stdout).toMatch(
      /^Accepted answers in 5 of 5 cases/,
    );
    await expect(
      tested('optimize/smoother/bbbbbbbbbb.1', slow.replace('return result', 'return result[1:]')),
    ).rejects.toThrow(/case 1: accepts in check\.py: of another length/);
  });

  it('compares matrices, and says what to install where NumPy is missing', async () => {
    const python = await pythonWithNumpy();
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), 'made');
    const asMatrix = slow.replace(/return (\w+)\s*$/, 'return np.asmatrix($1)\n');
    expect(asMatrix).not.toBe(slow);
    await finishedJob(store, 'optimize/smoother/aaaaaaaaaa.1', { 'smooth.py': asMatrix });
    await exportJob(recorded(store).context, { job: 'latest', out: folder, force: false });
    const test = join(folder, 'test_same.py');
    await expect(run(python, ['-B', test])).rejects.toThrow(
      /expected shape|expected an ndarray, got a matrix/,
    );
    await writeFile(join(folder, 'original', 'smooth.py'), asMatrix);
    expect((await run(python, ['-B', test])).stdout).toMatch(/same answers in 5 of 5/);
    await expect(run(python, ['-B', '-S', test])).rejects.toMatchObject({
      stderr: expect.stringMatching(/^NumPy is not installed .*pip install -r requirements\.txt\n$/),
    });
    expect(await readFile(join(folder, 'README.md'), 'utf8')).not.toContain('threads');
  });

  it('leaves alone what is in the way, but replaces an earlier export when asked', async () => {
    const store = await temporaryStore();
    await finishedJob(store, 'optimize/smoother/aaaaaaaaaa.1', { 'smooth.py': slow });
    const folder = await temporaryFolder();
    const out = join(folder, 'made');
    const { context } = recorded(store);
    await exportJob(context, { job: 'latest', out, force: false });
    await writeFile(join(out, 'program', 'smooth.py'), 'edited');
    await expect(exportJob(context, { job: 'latest', out, force: false })).rejects.toThrow(
      /is there already.*--force/,
    );
    expect(await readFile(join(out, 'program', 'smooth.py'), 'utf8')).toBe('edited');
    await exportJob(context, { job: 'latest', out, force: true });
    expect(await readFile(join(out, 'program', 'smooth.py'), 'utf8')).toBe(slow);

    const mine = join(folder, 'mine');
    await mkdir(mine);
    await writeFile(join(mine, 'thesis.tex'), 'years of work');
    await expect(exportJob(context, { job: 'latest', out: mine, force: true })).rejects.toThrow(
      /is no export.*does not remove/,
    );
    await expect(
      exportJob(context, { job: 'latest', out: join(mine, 'thesis.tex'), force: true }),
    ).rejects.toThrow(/expected a folder or nothing/);
    expect(await readdir(folder)).toEqual(['made', 'mine']);
  });

  it('of a job that found nothing says so', async () => {
    const store = await temporaryStore();
    const { stage } = await searchedJob(store);
    const none = await openJob(store, stage.job, { id: 'optimize/none/bbbbbbbbbb.1' });
    const { context } = recorded(store);
    const ask = { job: none.jobId, out: join(await temporaryFolder(), 'none'), force: false };
    await expect(exportJob(context, ask)).rejects.toThrow(/nothing to export yet/);
    await closeJob(store, none, { summary: 'nothing faster that is right was found' });
    await expect(exportJob(context, ask)).rejects.toThrow(/nothing to export: nothing faster that is right/);
  });

  it('shows a note of a model as text, whatever markup it holds', async () => {
    const store = await temporaryStore();
    await finishedJob(
      store,
      'optimize/smoother/cccccccccc.1',
      { 'smooth.py': slow },
      null,
      {},
      '</details><script>\u001b[2J\n# not a heading',
    );
    const out = join(await temporaryFolder(), 'noted');
    await exportJob(recorded(store).context, { job: 'latest', out, force: false });
    const readme = await readFile(join(out, 'README.md'), 'utf8');
    expect(readme).toContain('\n    </details><script>␛[2J\n    # not a heading\n');
  });
});

describe('a build script', () => {
  it('has the flags that programs are built with inside a sandbox', () => {
    const scripts = (['nanobind', 'pybind11', 'pythran', 'cython'] as const).map((tool) =>
      buildScript({ tool, sources: ['a.cpp'], fastMath: true }, (name) => name),
    );
    const all = scripts.join('\n');
    const ours = all.match(/(?<=['"\s=])-(?:std=|O\d|march=|f|D|W|X|pthread|shared|s\b|3)[\w+=.-]*/g) ?? [];
    const fixed = [...Object.values(flags).flat(), '-fno-strict-aliasing'].filter((flag) =>
      flag.startsWith('-'),
    );
    expect(new Set(ours)).toEqual(new Set(fixed));
  });

  it.each(['nanobind', 'pybind11', 'pythran', 'cython'] as const)(
    'for %s cannot be made to run what stands in the name of a source',
    (tool) => {
      const script = buildScript(
        { tool, sources: ["a'$(touch x) `touch y`.cpp"], fastMath: false },
        (name) => name,
      );
      const outsideQuotes = script.replaceAll("'\\''", '').replace(/'[^']*'/g, '');
      expect(script).toContain('touch x');
      expect(outsideQuotes).not.toContain('touch');
    },
  );
});

it('imports are found in statements and in names given to the import machinery', () => {
  const source =
    'import os, numpy as np\nfrom PIL import Image\n    import numba.typed\nimportlib.util.find_spec(\'skimage\')\n# import x of y\ntext = "import"';
  expect([...importsOf([source])].sort()).toEqual(['PIL', 'numba', 'numpy', 'os', 'skimage']);
});
