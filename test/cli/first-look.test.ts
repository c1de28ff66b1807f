import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FirstLook, firstLook, lacksModels } from '../../cli/start/first-look.ts';
import { checkedJob, type JobFile, readJobFile } from '../../cli/start/job-file.ts';
import { jobFromOptions } from '../../cli/start/optimize-job.ts';
import { defaults } from '../../domain/defaults.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await temporaryFolder());
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  await write({ 'cases.py': 'def make_case(seed):\n    return (seed,)\n' });
});

async function write(files: Record<string, string | Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

async function look(source: string | Buffer, fields: Record<string, unknown> = {}): Promise<FirstLook> {
  return firstLook(await fileOf(source, fields), null);
}

async function fileOf(source: string | Buffer, fields: Record<string, unknown> = {}): Promise<JobFile> {
  await write({ 'f.py': source });
  const job = { kind: 'optimize', name: 'a', program: 'f.py', function: 'f', cases: 'cases.py', ...fields };
  return checkedJob(job, folder);
}

describe('before anything is started', () => {
  it.each([
    [
      'a name it does not have',
      'def g(x):\n    return x\nclass F: pass\n',
      'f.py: f.py has no function f (did you mean g?); it has: g',
    ],
    ['a name in an empty file', '\n', 'f.py: expected a Python source, found an empty file'],
    [
      'a name where there are comments alone',
      '# later\n',
      'f.py: expected a Python source, found comments alone',
    ],
    [
      'what is no text',
      Buffer.from([0x80, 0, 1]),
      'f.py: expected a Python source, found bytes that are no text',
    ],
    ['a text', 'x = 1\nthe heat of the day\n', 'f.py:2: this is no Python: the heat of the day'],
    ["Python 2's", 'def f(x):\n    print "a", x\n', 'f.py:2: this is no Python: print "a", x'],
    ['a line without its colon', 'def f(x)\n    return x\n', 'f.py:1: this is no Python: def f(x)'],
    ['a bracket that stays open', 'def f(x):\n    return (x\n', 'f.py:2: this is no Python: return (x'],
    ['a line that has no end', 'def f(x):\n    y =\n    return y\n', 'f.py:2: this is no Python: y ='],
    [
      'a method',
      'class Model:\n    @staticmethod\n    def f(x):\n        return x\n',
      /^f\.py:3: f is a method of Model: methods are not supported/,
    ],
    [
      'an inner function',
      'def g(x):\n    def f(y):\n        return y\n    return f(x)\n',
      /^f\.py:2: f stands inside of g/,
    ],
    ['a class', 'class f:\n    pass\n', 'f.py:1: f is a class: expected a function'],
    [
      'a coroutine',
      'async def f(x):\n    return x\n',
      /^f\.py:1: f is a coroutine \(async def\).*asyncio\.run/,
    ],
    [
      'a generator',
      'def f(x):\n    for each in x:\n        yield each\n',
      /^f\.py:1: f is a generator .*list\(f\(…\)\)/,
    ],
    [
      'what forgot to return',
      'def f(x, k):\n    """Sums."""\n    total = 0.0\n    for v in x:\n        total += v * k\n',
      /^f\.py:1: f returns nothing and changes none of its arguments/,
    ],
  ])('%s is refused', async (_, source, message) => {
    const { mistakes } = await look(source);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(message);
  });

  it.each([
    [
      'a function that is bound by other means',
      'from functools import partial\ndef g(x, y):\n    return x\nf = partial(g, y=1)\n',
    ],
    ['one made by a loop of names', 'for name in ("f", "g"):\n    globals()[name] = abs\n'],
    ['one that comes with a star', 'from math import *\n'],
    [
      'one in a branch',
      'try:\n    from math import exp as f\nexcept ImportError:\n    def f(x):\n        return x\n',
    ],
    ['a decorated generator', 'import contextlib\n@contextlib.contextmanager\ndef f(x):\n    yield x\n'],
    ['one that changes its argument', 'def f(x):\n    x[0] = 1\n'],
    ['one that changes it in place', 'def f(x):\n    x += 1\n'],
    ['one that changes it under another name', 'def f(x):\n    y = x\n    y *= 2\n'],
    ['one that has it changed', 'def f(x):\n    x.sort()\n'],
    ['one whose helper may change it', 'def g(x):\n    x[0] = 1\ndef f(x):\n    g(x)\n'],
    [
      'one that yields in an inner function',
      'def f(x):\n    def g():\n        yield x\n    return list(g())\n',
    ],
    ['one that matches', 'def f(x):\n    match x:\n        case 1: return 2\n    return 3\n'],
    ['one in the middle of strings', 'a = """\nthe heat of the day\n"""\ndef f(x): return f"{x}" "b"\n'],
    ['one of two', 'def f(x):\n    yield x\ndef f(x):\n    return x\n'],
    ['one with letters of its own', 'def \u017fum(x): return x\nf = sum\n'],
  ])('nothing is claimed of %s', async (_, source) => {
    expect(await look(source)).toEqual({ mistakes: [], warnings: [] });
  });

  it.each([
    [
      'that is not there',
      'cases.py:other',
      '',
      'cases.py: cases.py has no function other; it has: make_case',
    ],
    [
      'that takes no seed',
      'more.py',
      'def make_case():\n    return (1,)\n',
      /^more\.py:1: make_case takes nothing: expected a function of a seed/,
    ],
    [
      'that returns nothing',
      'more.py',
      'def make_case(seed):\n    a = [seed]\n    a.sort()\n',
      /^more\.py:1: make_case returns nothing/,
    ],
    [
      'that yields',
      'more.py',
      'def make_case(seed):\n    yield seed\n',
      /^more\.py:1: make_case is a generator/,
    ],
  ])('a maker of inputs %s is refused', async (_, cases, source, message) => {
    await write({ 'more.py': source });
    const { mistakes } = await look('def f(x):\n    return x\n', { cases });
    expect(mistakes).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    ['that is not there', 'def fits(x, answer):\n    return True\n', /has no function accepts.*it has: fits/],
    [
      'that takes nothing',
      'def accepts():\n    return True\n',
      /:1: accepts takes nothing: expected a function/,
    ],
    ['that returns nothing', 'def accepts(x, answer):\n    answer.sort()\n', /accepts returns nothing/],
    ['that misses a module', 'import torch\ndef accepts(x, answer):\n    return True\n', /has no torch/],
  ])('a check of answers %s is refused', async (_, source, message) => {
    await write({ 'check.py': source });
    const { mistakes } = await look('def f(x):\n    return x\n', { accepts: 'check.py' });
    expect(mistakes).toEqual([expect.stringMatching(message)]);
  });
});

describe('an import', () => {
  it('that the sandbox does not have is refused with what it has; where the program may do without, it is a warning', async () => {
    const { mistakes, warnings } = await look(
      'import os, numpy as np\nimport requests\nfrom scipy import fft\ntry:\n    import cupy\nexcept ImportError:\n    cupy = None\ndef f(x):\n    import torch\n    return x\n',
    );
    expect(mistakes).toEqual([
      expect.stringMatching(
        /^f\.py:2: imports requests: the sandbox has no requests.* it has numpy \d[\d.]*, .*scipy \d/,
      ),
    ]);
    expect(warnings.map((each) => each.slice(0, 20))).toEqual([
      'f.py:5: imports cupy',
      'f.py:9: imports torc',
    ]);
  });

  it('of a package that an import may bring in puts it into the environment, unless the job names its own', async () => {
    const source = 'import pandas as pd\nimport sklearn.svm, yaml\ndef f(x):\n    return x\n';
    expect(await look(source)).toEqual({ mistakes: [], warnings: [] });
    const requirements = ['pandas', 'pyyaml', 'scikit-learn'];
    expect((await fileOf(source)).job).toMatchObject({ environment: { requirements } });
    const own = { environment: { requirements: ['polars'] } };
    expect((await fileOf(source, own)).job).toMatchObject(own);
    expect((await look(source, own)).warnings).toEqual([
      expect.stringMatching(/^f\.py:1: imports pandas: the sandbox has no pandas/),
      expect.stringMatching(/^f\.py:2: imports sklearn/),
      expect.stringMatching(/^f\.py:2: imports yaml/),
    ]);
  });

  it('of a file beside it that is not among the inputs is refused with how to add it', async () => {
    await write({ 'helper.py': 'def g(x): return x\n', 'pack/__init__.py': '' });
    const source = 'from helper import g\nimport pack.part\ndef f(x):\n    return g(x)\n';
    expect((await look(source)).mistakes).toEqual([
      'f.py:1: imports helper: helper.py stands in the folder of the job and is not among its inputs: add --inputs helper.py',
      'f.py:2: imports pack: pack stands in the folder of the job and is not among its inputs: add --inputs pack',
    ]);
    expect(await look(source, { inputs: ['helper.py', 'pack'] })).toEqual({ mistakes: [], warnings: [] });
  });

  it('and the file that makes it right are told as they would be typed, from any folder', async () => {
    await write({ 'helper.py': 'def g(x): return x\n', 'deep/x.txt': '' });
    process.chdir(join(folder, 'deep'));
    expect((await look('from helper import g\nf = g\n')).mistakes).toEqual([
      '../f.py:1: imports helper: ../helper.py stands in the folder of the job and is not among its inputs: add --inputs ../helper.py',
    ]);
  });

  it('is refused in a later stage, too: what earlier ones wrote stands below their names', async () => {
    await write({ 'draw.py': 'import first.made\nimport unknown\nopen("out.txt", "w").write("1")\n' });
    const stages = [
      { kind: 'solve', name: 'first', script: 'cases.py' },
      { kind: 'solve', name: 'second', needs: ['first'], script: 'draw.py' },
    ];
    expect(await firstLook(await checkedJob({ kind: 'pipeline', name: 'a', stages }, folder), null)).toEqual({
      mistakes: [expect.stringMatching(/^draw\.py:2: imports unknown: the sandbox has no unknown;/)],
      warnings: [],
    });
  });

  it('is left alone where the program looks in places of its own', async () => {
    expect(
      await look('import sys\nsys.path.append("x")\nimport unknown\ndef f(x): return x\n'),
    ).toMatchObject({ mistakes: [] });
  });
});

it('a file that a program names and is not given is a warning, not where the program writes it', async () => {
  await write({ 'data/w.csv': '1', 'out.npy': '2' });
  const source = 'import numpy as np\nnp.save("out.npy", np.loadtxt("data/w.csv"))\n';
  const fields = { function: undefined, cases: undefined, outputs: ['*.npy'] };
  expect(await look(source, fields)).toEqual({
    mistakes: [],
    warnings: [
      'f.py:2: names data/w.csv: data/w.csv stands in the folder of the job and is not among its inputs; if it is read, add --inputs data/w.csv',
    ],
  });
  expect(await look(source, { ...fields, inputs: ['data'] })).toEqual({ mistakes: [], warnings: [] });
});

describe('what the machine does not have', () => {
  const machine = { memoryMb: 4096, cores: 4 };
  const job = (limits: object, cores: number) => ({
    kind: 'solve',
    name: 'a',
    script: 'cases.py',
    limits,
    cores,
  });

  it('is refused in the words of the command line, with what was asked for and what there is', async () => {
    const file = await jobFromOptions('cases.py', { memory: 4097, cores: 5 });
    expect((await firstLook(file, machine)).mistakes).toEqual([
      '--memory: expected at most 4096, which is what this machine has, got 4097',
      '--cores: expected at most 4, which is what this machine has, got 5',
    ]);
  });

  it('is refused with the line of the job file, in a stage too', async () => {
    const stage = '  - { name: s, kind: solve, script: cases.py,\n      limits: { memoryMb: 8192 } }\n';
    await write({ 'job.yaml': `kind: pipeline\nname: a\nstages:\n${stage}` });
    expect((await firstLook(await readJobFile('job.yaml'), machine)).mistakes).toEqual([
      'job.yaml:5: stages[0].limits.memoryMb: expected at most 4096, which is what this machine has, got 8192',
    ]);
  });

  it('is all that is refused: what it has may be asked for, and where sandboxes may be elsewhere nothing is known', async () => {
    const most = await checkedJob(job({ memoryMb: 4096 }, 4), folder);
    expect((await firstLook(most, machine)).mistakes).toEqual([]);
    const usual = await checkedJob(job({}, defaults.cores), folder);
    expect((await firstLook(usual, { ...machine, cores: 1 })).mistakes).toEqual([]);
    const more = await checkedJob(job({ memoryMb: 1 << 30 }, 256), folder);
    expect((await firstLook(more, null)).mistakes).toEqual([]);
  });
});

describe('a task in words', () => {
  const task = { kind: 'solve', name: 'a', task: 'say hello' };
  const keyed = modelConfig({ OPENAI_API_KEY: 'sk-test' });

  it('without a model is refused in one line that names the variables to set, in a stage too', async () => {
    await write({ 'job.yaml': 'kind: solve\nname: a\ntask: say hello\n' });
    const said = lacksModels(await readJobFile('job.yaml'), modelConfig());
    expect(said).toEqual([
      expect.stringMatching(/^job.yaml:3: task: no model configured: set \w+_API_KEY, .*OPENAI_API_KEY, /),
    ]);
    const pipeline = { kind: 'pipeline', name: 'p', stages: [task] };
    expect(lacksModels(await checkedJob(pipeline, folder), modelConfig())).toEqual([
      expect.stringMatching(/^stages\[0\].task: no model configured/),
    ]);
    const named = { ...task, models: { draft: ['anthropic/claude-opus-5'] } };
    expect(lacksModels(await checkedJob(named, folder), keyed)).toEqual([
      expect.stringContaining('needs ANTHROPIC_API_KEY'),
    ]);
  });

  it('in batches is refused where none of its routes takes them', async () => {
    const batched = (draft: string[]) => ({ ...task, models: { draft, batch: true } });
    const config = modelConfig({ OPENAI_API_KEY: 'a-key', GROQ_API_KEY: 'a-key' });
    expect(lacksModels(await checkedJob(batched(['groq/some-model']), folder), config)).toEqual([
      'models.batch: expected a route of a provider that takes batches (openai, anthropic or gemini), got groq/some-model: name one, or leave `batch` out',
    ]);
    const pipeline = { kind: 'pipeline', name: 'p', stages: [batched(['groq/some-model'])] };
    expect(lacksModels(await checkedJob(pipeline, folder), config)).toEqual([
      expect.stringMatching(/^stages\[0\]\.models\.batch: expected a route/),
    ]);
    expect(
      lacksModels(await checkedJob(batched(['groq/some-model', 'openai/gpt-4o']), folder), config),
    ).toEqual([]);
  });

  it('with a model, or with a program to begin with, is taken', async () => {
    await write({ 'f.py': 'print(1)\n' });
    expect(lacksModels(await checkedJob(task, folder), keyed)).toEqual([]);
    for (const first of [{ script: 'f.py' }, { recipe: 'shape' }])
      expect(lacksModels(await checkedJob({ ...task, ...first }, folder), modelConfig())).toEqual([]);
  });
});

it.each([
  ['image', 'out.txt', 'a picture, as in out.png'],
  ['video', 'out.xyz', 'a video, as in out.mp4 or out.gif'],
  ['mesh', 'part.step', 'a mesh, as in out.stl, .obj, .ply or .off'],
  ['table', 'out.csv', 'a table in Parquet, as in out.parquet'],
  ['npz', 'out.npy', 'arrays, as in out.npz'],
  ['npy', 'grid.csv', 'an array, as in out.npy'],
  ['json', 'counts.png', 'a document, as in out.json'],
  ['csv', 'table.json', 'a table, as in out.csv'],
])('an output of kind %s named %s is a mistake', async (kind, path, expected) => {
  await write({ 'a.py': 'print(1)\n' });
  const job = { kind: 'solve', name: 'a', script: 'a.py', outputs: [{ kind, path }] };
  const { mistakes } = await firstLook(await checkedJob(job, folder), null);
  expect(mistakes).toEqual([
    `outputs[0].path: expected the name of ${expected}, for kind ${kind}; got ${path}`,
  ]);
});

it('an output whose name says nothing against its kind is none', async () => {
  await write({ 'a.py': 'print(1)\n' });
  const outputs = [
    { kind: 'image', path: 'out.ppm' },
    { kind: 'json', path: 'counts.txt' },
    { kind: 'csv', path: 'table' },
  ];
  const job = { kind: 'solve', name: 'a', script: 'a.py', outputs };
  expect((await firstLook(await checkedJob(job, folder), null)).mistakes).toEqual([]);
});

it('a syntax error in the file that judges answers is a mistake', async () => {
  await write({ 'check.py': 'def accepts(x, answer)\n    return True\n' });
  const { mistakes } = await look('def f(x):\n    return x\n', { accepts: 'check.py' });
  expect(mistakes).toEqual(['check.py:1: this is no Python: def accepts(x, answer)']);
});

it('a file of tests may import what is to be written, also where there is one of that name, and nothing else', async () => {
  await write({
    'make.py': "open('kit.py', 'w')\n",
    'kit.py': 'x = 1\n',
    'test_kit.py': 'import kit, bit\n',
  });
  const job = { kind: 'solve', name: 'kit', script: 'make.py', outputs: ['kit.py'], check: 'test_kit.py' };
  const found = await firstLook(await checkedJob(job, folder), null);
  expect(found.mistakes).toEqual([
    expect.stringMatching(/^test_kit\.py:1: imports bit: the sandbox has no bit;/),
  ]);
});
