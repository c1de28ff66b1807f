import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import type { Build } from '../../domain/program.schema.ts';
import { lockedPackages } from '../../sandbox/packages.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { closeJob, interval, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';
import { plainVenv } from './plain-venv.ts';
import { finishedJob, slow } from './smoother.ts';

const run = promisify(execFile);

const withNumba = slow
  .replace('import numpy as np', 'import os\n\nimport numba\nimport numpy as np')
  .replace('def smooth', '@numba.njit\ndef smooth')
  .concat("\n\nnumba.set_num_threads(min(int(os.environ.get('CRUCIBLE_CORES', '1')), 2))\n");

const cpp = `#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <algorithm>
#include <vector>

namespace nb = nanobind;
using Values = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

NB_MODULE(smooth_native, module) {
  module.def("smooth", [](Values values, int64_t rounds) {
    const size_t n = values.shape(0);
    auto* result = new double[n];
    std::copy(values.data(), values.data() + n, result);
    std::vector<double> before(n);
    for (int64_t round = 0; round < rounds; ++round) {
      std::copy(result, result + n, before.begin());
      for (size_t i = 1; i + 1 < n; ++i) result[i] = (before[i - 1] + before[i] + before[i + 1]) / 3;
    }
    nb::capsule owner(result, [](void* kept) noexcept { delete[] static_cast<double*>(kept); });
    return nb::ndarray<nb::numpy, double, nb::ndim<1>>(result, {n}, owner);
  });
}
`;

describe('an exported program', { timeout: 300_000 }, () => {
  let python = '';
  let venv = '';

  beforeAll(async () => {
    venv = await plainVenv();
    python = join(venv, 'bin/python3');
  }, 300_000);
  afterAll(() => rm(venv, { recursive: true, force: true }));

  /** Installs what the export asks for, and nothing else. */
  const install = (folder: string) =>
    run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(folder, 'requirements.txt')]);

  it('made by Numba gives the same answers and is measured, in a venv with its requirements alone', async () => {
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), 'numba');
    await finishedJob(store, 'optimize/smoother/aaaaaaaaaa.1', { 'smooth.py': withNumba });
    const { context, lines } = recorded(store);
    await exportJob(context, { job: 'smoother', out: folder, force: false });
    expect(lines[0]).toBe(folder);
    expect((await readdir(folder)).sort()).toEqual([
      'README.md',
      'benchmark.py',
      'check',
      'export.json',
      'original',
      'program',
      'requirements.txt',
      'test_same.py',
    ]);
    const versions = await lockedPackages();
    expect(await readFile(join(folder, 'requirements.txt'), 'utf8')).toBe(
      `${versions.get('numba')}\n${versions.get('numpy')}\n`,
    );
    await install(folder);
    expect((await run(python, [join(folder, 'test_same.py')])).stdout).toMatch(/same answers in 5 of 5/);
    const measured = (await run(python, [join(folder, 'benchmark.py'), '3'])).stdout;
    expect(Number(/([\d.,]+) times faster/.exec(measured)?.[1]?.replaceAll(',', ''))).toBeGreaterThan(5);
    const readme = await readFile(join(folder, 'README.md'), 'utf8');
    expect(readme).toContain('118× [114×, 123×]');
    expect(readme).toContain('CRUCIBLE_CORES');
  });

  it('in C++ works as it was built, and again after it is built from its sources', async () => {
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), 'cpp');
    const build: Build = { tool: 'nanobind', sources: ['smooth_native.cpp'], fastMath: false };
    const files = {
      'smooth.py':
        'import smooth_native\n\n\ndef smooth(values, rounds):\n    return smooth_native.smooth(values, rounds)\n',
      'smooth_native.cpp': cpp,
    };
    await finishedJob(store, 'optimize/unbuilt/bbbbbbbbbb.1', files, build);
    const { context } = recorded(store);
    await exportJob(context, { job: 'optimize/unbuilt/bbbbbbbbbb.1', out: folder, force: false });
    await install(folder);
    await run('sh', [join(folder, 'build.sh')], { env: { ...process.env, PYTHON: python } });
    const [extension = ''] = (await readdir(join(folder, 'program'))).filter((name) => name.endsWith('.so'));
    expect(extension).toMatch(/^smooth_native\.cpython-311-.*\.so$/);
    expect((await run(python, [join(folder, 'test_same.py')])).stdout).toMatch(/same answers/);

    const bytes = await readFile(join(folder, 'program', extension));
    await finishedJob(store, 'optimize/built/cccccccccc.1', files, build, { 'smooth_native.so': bytes });
    await exportJob(context, { job: 'optimize/built/cccccccccc.1', out: folder, force: true });
    expect((await readdir(join(folder, 'program'))).sort()).toEqual(
      [extension, 'smooth.py', 'smooth_native.cpp'].sort(),
    );
    expect((await run(python, [join(folder, 'test_same.py')])).stdout).toMatch(/same answers/);
    expect((await stat(join(folder, 'build.sh'))).mode & 0o111).not.toBe(0);
  });

  it('that answers differently fails its test, which names the first difference', async () => {
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), 'wrong');
    await finishedJob(store, 'optimize/smoother/dddddddddd.1', {
      'smooth.py': slow.replace('/ 3', '/ 3.001'),
    });
    await exportJob(recorded(store).context, { job: 'latest', out: folder, force: false });
    await install(folder);
    await expect(run(python, [join(folder, 'test_same.py')])).rejects.toThrow(
      /case 1: answer\[1\]: expected .*values differ/,
    );
  });

  it.each([
    {
      tool: 'pybind11',
      source: 'smooth_native.cpp',
      text: `#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace py = pybind11;

PYBIND11_MODULE(smooth_native, module) {
  module.def("smooth", [](py::array_t<double, py::array::c_style> values, int64_t rounds) {
    py::array_t<double> result(values.size()), before(values.size());
    std::copy(values.data(), values.data() + values.size(), result.mutable_data());
    for (int64_t round = 0; round < rounds; ++round) {
      std::copy(result.data(), result.data() + result.size(), before.mutable_data());
      const double* from = before.data();
      for (py::ssize_t i = 1; i + 1 < values.size(); ++i)
        result.mutable_data()[i] = (from[i - 1] + from[i] + from[i + 1]) / 3;
    }
    return result;
  });
}
`,
    },
    {
      tool: 'pythran',
      source: 'smooth_native.py',
      text: `# pythran export smooth(float64[:], int)\n${slow}`,
    },
  ] as const)('is built with $tool by its script', async ({ tool, source, text }) => {
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), tool);
    await finishedJob(
      store,
      `optimize/${tool}/eeeeeeeeee.1`,
      { 'smooth.py': 'from smooth_native import smooth\n', [source]: text },
      { tool, sources: [source], fastMath: true },
    );
    await exportJob(recorded(store).context, { job: 'latest', out: folder, force: false });
    await install(folder);
    await run('sh', [join(folder, 'build.sh')], { env: { ...process.env, PYTHON: python } });
    expect((await run(python, [join(folder, 'test_same.py')])).stdout).toMatch(/same answers/);
  });

  it('that is a whole script writes the same files and the same output', async () => {
    const store = await temporaryStore();
    const folder = join(await temporaryFolder(), 'script');
    const script = (sum: string) =>
      `import json\nimport sys\nimport numpy as np\n\nvalues = np.load('in/values.npy')\ntotal = ${sum}\njson.dump({'total': float(total)}, open('out.json', 'w'))\nprint('took', 3.1, 's')\nprint(sys.argv[1], round(float(total), 3))\n`;
    await run(python, ['-m', 'pip', 'install', '--quiet', (await lockedPackages()).get('numpy') ?? 'numpy']);
    const values = join(await temporaryFolder(), 'values.npy');
    await run(python, ['-c', `import numpy as np; np.save(${JSON.stringify(values)}, np.arange(50000.0))`]);
    const id = 'optimize/total/ffffffffff.1';
    const original = script('sum(float(v) for v in values)');
    const inputs = { 'in/values.npy': await readFile(values) };
    const input = await openJob(
      store,
      {
        kind: 'optimize',
        name: 'total',
        program: 'total.py',
        args: ['sum:'],
        inputs: ['in'],
        outputs: ['*.json'],
        ignoreLines: ['^took'],
      },
      { id, files: { 'total.py': original, ...inputs } },
    );
    const entry = { kind: 'script' as const, path: 'total.py', args: ['sum:'] };
    const program = async (text: string) =>
      storeProgram(store, { files: await tree(store, { 'total.py': text }), entry, build: null });
    const candidate = { id: 'c-1', title: 'one call', program: await program(script('values.sum()')) };
    await recordTrial(store, id, candidate, interval(9), { purpose: 'verification', seeds: [] });
    await closeJob(store, input, { summary: 'one call is 9× faster' });
    await exportJob(recorded(store).context, { job: 'total', out: folder, force: false });
    expect((await run(python, [join(folder, 'test_same.py')])).stdout).toMatch(/same files/);
    expect((await run(python, [join(folder, 'benchmark.py'), '2'])).stdout).toMatch(/times faster/);
  });
});
