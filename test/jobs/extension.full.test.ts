import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { exportJob } from '../../cli/keep/export.ts';
import { startVerification } from '../../cli/keep/verify.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { readTree } from '../../store/documents.ts';
import { recorded } from '../cli/kept-jobs.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, environment, patienceMs, server } from '../support/asked-crucible.ts';
import { modelConfig } from '../support/model-config.ts';

const example = new URL('../../examples/cpp-module/', import.meta.url);
const right = await readFile(new URL('distances.cpp', example), 'utf8');

beforeEach(() => {
  server.requests.length = 0;
});

const pairwise = {
  name: 'pairwise',
  meaning: 'The Euclidean distance of each point of a to each point of b.',
  arguments: [
    { name: 'a', dtype: 'float64', shape: ['n', 'd'] },
    { name: 'b', dtype: 'float64', shape: ['m', 'd'] },
  ],
  returns: { dtype: 'float64', shape: ['n', 'm'] },
};
const examples = [{ arguments: [[[0, 0]], [[3, 4]]], returns: [[5]] }];

let count = 0;

/** How a job on a module, with `files` beside the example's, ended. */
async function ended(module: object, files: Record<string, string> = {}, fields: object = {}) {
  const { store, client } = crucible;
  const folder = await temporaryFolder();
  await cp(example, folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  count += 1;
  const asked = { name: 'distances', functions: [pairwise], ...module };
  const file = await checkedJob(
    { ...{ kind: 'solve', name: `module-${count}`, module: asked }, ...fields },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  const record = await store.ledger.job(submitted.jobId);
  const product = record?.result?.product ?? null;
  const trials = (await store.ledger.trials(submitted.jobId)).map(({ trial }) => trial);
  return {
    id: submitted.jobId,
    status: record?.status,
    summary: record?.result?.summary ?? '',
    files: product === null ? [] : Object.keys(await readTree(store.blobs, product)).sort(),
    trials,
  };
}

const own = { source: 'distances.cpp', reference: 'reference.py' };
const changed = (from: string | RegExp, to: string): Record<string, string> => {
  const text = right.replace(from, to);
  if (text === right) throw new Error(`expected ${from} in the example, found none`);
  return { 'distances.cpp': text };
};

it.concurrent.each<[string, Record<string, string>, RegExp]>([
  [
    'a sum that lacks its last term',
    changed('k < width; ++k', 'k + 1 < width; ++k'),
    /^distances\.cpp ended as wrong: case \d+, answer\[0, 0\]: expected [\d.]+, got /,
  ],
  [
    'a read beyond the end',
    changed('k < width; ++k', 'k <= width; ++k'),
    /ended as crashed: AddressSanitizer: heap-buffer-overflow \(READ of size 8\) at distances\.cpp:\d+ in kernels::pairwise\nin the call pairwise\(float64\[/,
  ],
  [
    'a write beyond the end',
    changed('into[i * m + j]', 'into[i * m + j + 1]'),
    /AddressSanitizer: heap-buffer-overflow \(WRITE of size 8\) at distances\.cpp:\d+ in kernels::pairwise/,
  ],
  [
    'another dtype that is converted in silence',
    changed(/\.noconvert\(\)/g, ''),
    /expected "refused: `a` is float32, not float64", got float64\[/,
  ],
  [
    'points of unequal width that are taken',
    changed(/ {4}if \(a\.shape\(1\) != [^\n]*\n/, ''),
    /AddressSanitizer: heap-buffer-overflow|expected "refused: `b` differs in d", got float64\[/,
  ],
  [
    'what does not compile',
    changed('std::sqrt(sum)', 'std::sqrt(total)'),
    /^distances\.cpp ended as buildFailed: .*distances\.cpp:22:41: error: ‘total’ was not declared/s,
  ],
  ['another name of the module', changed('NB_MODULE(distances', 'NB_MODULE(others'), /PyInit_distances/],
  [
    'a crash as it is imported',
    changed('NB_MODULE(distances, m) {', 'NB_MODULE(distances, m) {\n    *(volatile int*)8 = 1;'),
    /AddressSanitizer: SEGV at distances\.cpp:42/,
  ],
])(
  '%s is refused with the line that says it',
  async (_, files, said) => {
    const { status, summary, files: product } = await ended(own, files);
    expect(summary).toMatch(said);
    expect(status).toBe('failed');
    expect(product).toEqual([]);
  },
  patienceMs,
);

const bound = `#include <pybind11/pybind11.h>
#include <pybind11/numpy.h>
#include <cmath>
#include <stdexcept>
namespace py = pybind11;
using Points = py::array_t<double, py::array::c_style>;
py::array_t<double> pairwise(const Points& a, const Points& b) {
    if (a.ndim() != 2 || b.ndim() != 2 || a.shape(1) != b.shape(1)) throw std::invalid_argument("of equal width");
    py::array_t<double> out({a.shape(0), b.shape(0)});
    for (py::ssize_t i = 0; i < a.shape(0); ++i)
        for (py::ssize_t j = 0; j < b.shape(0); ++j) {
            double sum = 0.0;
            for (py::ssize_t k = 0; k < a.shape(1); ++k) sum += (a.at(i, k) - b.at(j, k)) * (a.at(i, k) - b.at(j, k));
            out.mutable_at(i, j) = std::sqrt(sum);
        }
    return out;
}
PYBIND11_MODULE(distances, m) { m.def("pairwise", &pairwise, py::arg("a").noconvert(), py::arg("b").noconvert()); }
`;
const setup = `from setuptools import setup
from pybind11.setup_helpers import Pybind11Extension
setup(name='distances', version='1', ext_modules=[Pybind11Extension('distances', ['distances.cpp'])])
`;
const lists = `cmake_minimum_required(VERSION 3.15)
project(distances LANGUAGES CXX)
find_package(pybind11 CONFIG REQUIRED)
pybind11_add_module(distances distances.cpp)
`;

it.concurrent.each<[string, Record<string, string>]>([
  ['nanobind', {}],
  ['pybind11', { 'distances.cpp': bound }],
  ['setuptools', { 'native/distances.cpp': bound, 'native/setup.py': setup }],
  ['cmake', { 'native/distances.cpp': bound, 'native/CMakeLists.txt': lists }],
])(
  'a module that %s builds is tested, measured, and handed over with its tests',
  async (build, files) => {
    const source = build === 'setuptools' || build === 'cmake' ? 'native' : 'distances.cpp';
    const given = await ended({ ...own, source, build }, files);
    expect(given.summary).toMatch(
      /was built, and passed 33 cases, also under AddressSanitizer; a call takes .* ms with the asking, reference\.py .*: [\d.]+× \[/,
    );
    expect(given.files).toEqual(
      expect.arrayContaining(['bench_distances.py', 'reference.py', 'test_distances.py']),
    );
    expect(given.files.some((path) => /^distances.*\.so$/.test(path))).toBe(true);
  },
  patienceMs,
);

it.concurrent(
  'without a reference a check of the user judges, or examples do, and neither is fooled',
  async () => {
    const check = `import math
def accepts(name, arguments, answer):
    a, b = arguments
    for i in range(len(a)):
        for j in range(len(b)):
            if abs(answer[i, j] - math.dist(a[i], b[j])) > 1e-9:
                return f'{name}[{i}, {j}] is {answer[i, j]}'
    return True
`;
    const source = 'distances.cpp';
    const wrong = changed('k < width; ++k', 'k + 1 < width; ++k');
    const [checked, refused, byExample, unlike] = await Promise.all([
      ended({ source, accepts: 'check.py' }, { 'check.py': check }),
      ended({ source, accepts: 'check.py' }, { 'check.py': check, ...wrong }),
      ended({ source, functions: [{ ...pairwise, examples }] }),
      ended({ source, functions: [{ ...pairwise, examples }] }, wrong),
    ]);
    expect(checked.summary).toBe('distances.cpp was built, and passed 33 cases, also under AddressSanitizer');
    expect(refused.summary).toMatch(/ended as wrong: .*pairwise\[\d+, \d+\] is/);
    expect(byExample.status).toBe('finished');
    expect(unlike.summary).toMatch(/ended as wrong: case 0/);
  },
  patienceMs,
);

it(
  'a model is told the specification, the reference and the compile error, and its module that passes ends the job',
  async () => {
    const reply = (idea: string, content: string) => ({
      kind: 'text' as const,
      text: JSON.stringify({
        ...{ idea, edits: [], removed: [], entry: 'test.py', build: 'nanobind' },
        files: [
          { path: 'distances.cpp', content },
          { path: 'test.py', content: 'import distances\n' },
        ],
      }),
    });
    server.answers = [
      reply('a typo', right.replace('std::sqrt(sum)', 'std::sqrt(total)')),
      reply('reads too far', right.replace('k < width; ++k', 'k <= width; ++k')),
      reply('right', right),
    ];
    const { id, summary, trials, files } = await ended(
      { reference: 'reference.py' },
      { 'test_own.py': ownTests.replace('WANTED', '5') },
      { check: 'test_own.py', models: { draft: ['openai/gpt-4o'], cache: false } },
    );
    expect(summary).toMatch(/^solved in 3: c-3 passed 33 cases, also under AddressSanitizer; .*: right$/);
    expect(trials.map(({ outcome }) => outcome.kind)).toEqual(['buildFailed', 'crashed', 'passed']);
    expect(trials[1]?.outcome).toMatchObject({
      diagnosis: { kind: 'nativeCrash', place: { path: 'distances.cpp', line: 19 } },
    });
    expect(files).toEqual(expect.arrayContaining(['test_distances.py', 'test_own.py']));
    await expectVerified(id);
    await expectExported(id);
    const asked = server.requests.map(({ body }) => JSON.stringify(body.messages));
    expect(asked[0]).toContain('pairwise(a: float64[n, d], b: float64[m, d]) -> float64[n, m]');
    expect(asked[0]).toContain("raise ValueError('points of equal width')");
    expect(asked[1]).toContain('was not declared in this scope');
    expect(asked[1]).not.toContain('crucible_extension');
    expect(asked[2]).toContain('heap-buffer-overflow');
  },
  patienceMs,
);

/** A module that passed passes again, and what it is known for says so. */
async function expectVerified(id: string): Promise<void> {
  const { store, client } = crucible;
  const record = await store.ledger.job(id);
  if (record === undefined) throw new Error(`expected the job ${id}`);
  const verification = await startVerification(store, client, record);
  await client.result(verification);
  const holds = 'right holds: it passes once more, with new secret inputs';
  expect((await store.ledger.job(verification))?.result?.summary).toBe(holds);
  expect((await store.ledger.job(id))?.result?.summary).toMatch(
    /^right holds: .* As it was found: solved in 3/,
  );
  await expect(startVerification(store, client, record, 'c-1')).rejects.toThrow(/passed no checks/);
}

/** The folder has what tests, measures and builds the module anew, and one file of each. */
async function expectExported(id: string): Promise<void> {
  const out = join(await temporaryFolder(), 'exported');
  await exportJob(recorded(crucible.store).context, { job: id, out, force: false });
  const files = await readdir(join(out, 'program'));
  expect((await readdir(out)).sort()).toEqual([
    ...['README.md', 'build.sh', 'export.json', 'program', 'requirements.txt'],
  ]);
  expect(files).toEqual(expect.arrayContaining(['bench_distances.py', 'distances.cpp', 'test_own.py']));
  expect(files.filter((path) => path.endsWith('.so'))).toEqual([
    expect.stringMatching(/^distances\.cpython-311-.*-linux-gnu\.so$/),
  ]);
  expect(await readFile(join(out, 'requirements.txt'), 'utf8')).toMatch(/^numpy==.*\npytest==/m);
}

const ownTests = `import numpy as np
import pytest
from distances import pairwise

@pytest.mark.parametrize('n', [1, 4])
def test_itself(n):
    points = np.random.default_rng().normal(size=(n, 3))
    assert np.diag(pairwise(points, points)).tolist() == [0] * n

def test_triangle():
    assert pairwise(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))[0, 0] == WANTED

def test_refused():
    with pytest.raises((TypeError, ValueError)):
        pairwise(np.zeros((1, 2)), np.zeros((1, 3)))
`;

it.concurrent.each<[string, string, string, RegExp]>([
  ['pass', '5', 'finished', /passed 33 cases/],
  [
    'refuse it',
    '7',
    'failed',
    /tests in test_own\.py, 1 of 4 tests in test_own\.py failed: test_triangle: assert (?:np\.float64\()?5\.0\)? == 7/,
  ],
])(
  "a user's own tests that call a module in another sandbox %s",
  async (_, wanted, status, said) => {
    const found = await ended(
      own,
      { 'test_own.py': ownTests.replace('WANTED', wanted) },
      { check: 'test_own.py' },
    );
    expect(found.summary).toMatch(said);
    expect(found.status).toBe(status);
  },
  patienceMs,
);
