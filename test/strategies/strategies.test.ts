import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestSandbox } from '../support/sandbox.ts';
import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

const compiled = 'vectorize_loops';
const compiledParallel = 'vectorize_loops,parallelize';
const translated = 'use_cpp_extension';
const translatedParallel = 'use_cpp_extension,parallelize';
const all = [compiled, compiledParallel, translated, translatedParallel];

/** What must come of the four combinations, in the order of `all`: `right`, or why it is refused. */
const expected: Record<string, (string | RegExp)[]> = {
  box_blur: ['right', 'right', 'right', 'right'],
  pairwise_distance: ['right', 'right', 'right', 'right'],
  n_body: ['right', 'right', 'right', 'right'],
  mandelbrot: ['right', 'right', 'right', 'right'],
  histogram: ['right', 'right', 'right', 'right'],
  small_numbers: ['right', 'right', 'right', 'right'],
  in_place: ['right', 'right', 'right', 'right'],
  binomial: ['right', /no loop over a range/, 'right', /no loop over a range/],
  prefix_sum: ['right', /total carries a value/, 'right', /total carries a value/],
  neighbour_sum: [
    'right',
    /^\d+: reads values where other turns/,
    'right',
    /^\d+: reads values where other turns/,
  ],
  relax: ['right', /best carries a value/, 'right', /best carries a value/],
  cooling: ['right', /field carries a value/, 'right', /field carries a value/],
  tabbed: ['right', 'right', 'right', 'right'],
  swap: ['right', /carries a value/, 'right', /carries a value/],
  clock: [/keyword-only/, /keyword-only/, 'right', /step other than 1/],
  shout: [/text is a str/, /text is a str/, /text is a str/, /text is a str/],
};

type Verdict = { strategies: string; kind: string; detail?: string };

let sandbox: TestSandbox | undefined;
let files: Record<string, string>;

beforeAll(async () => {
  sandbox = await openSandbox();
  files = {
    ...(await filesBelow('strategies', 'strategy')),
    ...(await filesBelow('test/strategies', 'test')),
    ...(await filesBelow('cli/keep/exported/function/check', 'test')),
  };
});
afterAll(() => sandbox?.close());

/** Three threads, more than this machine may have: chunks are uneven, and one may be empty. */
async function verdicts(name: string, combinations: string[]): Promise<Verdict[]> {
  const runner = ['/in/test/run_strategies.py', '/in/strategy', '/opt/crucible/nanobind', '/work'];
  const text = await printed(sandbox, files, [...runner, `/in/test/functions/${name}.py`, ...combinations], {
    CRUCIBLE_CORES: '3',
    NUMBA_NUM_THREADS: '3',
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('a program made by a strategy gives what the original gives, or the strategy says why it cannot be used', () => {
  test.each(Object.entries(expected))('%s', async (name, wanted) => {
    const got = await verdicts(name, all);
    expect(got).toHaveLength(all.length);
    for (const [index, want] of wanted.entries()) {
      if (want === 'right') expect(got[index]).toEqual({ strategies: all[index], kind: 'right' });
      else {
        expect(got[index]).toMatchObject({ strategies: all[index], kind: 'refused' });
        expect(got[index]?.detail).toMatch(want);
      }
    }
  });

  test('Pythran compiles a function of whole numbers with a helper, with flags that change nothing for the process', async () => {
    const right = { strategies: 'use_pythran,fastmath', kind: 'right' };
    expect(await verdicts('run_lengths', ['use_pythran,fastmath'])).toEqual([right]);
  });
});

test('single precision is near the original but not equal to it', async () => {
  const got = await verdicts('in_place', [
    'reduce_precision',
    'use_cpp_extension,parallelize,reduce_precision',
  ]);
  expect(got.map(({ kind }) => kind)).toEqual(['wrong', 'wrong']);
  for (const { detail } of got) {
    const [want, have] = (detail ?? '').split(', got ').map((part) => Number(/-?\d+\.\d+/.exec(part)?.[0]));
    expect(have).toBeCloseTo(want ?? Number.NaN, 5);
  }
});

test('strategies that do not go together, or do not exist, are refused in words', async () => {
  const got = await verdicts('small_numbers', [
    'reduce_precision',
    'parallelize',
    'fastmath',
    'vectorize_loops,use_cpp_extension',
    'use_pythran,parallelize',
    'guess',
  ]);
  expect(got.map(({ kind }) => kind)).toEqual(Array(6).fill('refused'));
  expect(got.map(({ detail }) => detail)).toEqual([
    expect.stringContaining('computes in float32 already'),
    expect.stringContaining('needs compiled code'),
    expect.stringContaining('needs compiled code'),
    expect.stringContaining('take one of them'),
    expect.stringContaining('not with use_pythran'),
    expect.stringContaining('no strategy is called guess'),
  ]);
});

/** What a Python check of many small cases found: each a title and a problem, empty where there is none. */
async function checked(check: string): Promise<{ title: string; problem: string }[]> {
  const probe = await openSandbox();
  try {
    const given = {
      ...(await filesBelow('strategies', 'strategy')),
      ...(await filesBelow('test/strategies', 'test')),
    };
    return JSON.parse(await printed(probe, given, [`/in/test/${check}.py`, '/in/strategy', '/work']));
  } finally {
    await probe.close();
  }
}

describe.each([
  ['a loop is shared out among threads only where no turn needs another', 'check_parallel_loops'],
  ['an argument that a function leaves alone keeps all its digits in single precision', 'check_arguments'],
  ['strategies make a program of any source, or say why not', 'check_sources'],
  ['what is refused is refused with its line and the edit that would help', 'check_refusals'],
])('%s', async (_, check) => {
  test.each(await checked(check))('$title', ({ problem }) => {
    expect(problem).toBe('');
  });
});
