import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all, openStrategies, type Strategies } from './made-by-strategies.ts';
import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

/** What must come of the four combinations, in the order of `all`: `right`, or why it is refused. */
const expected: Record<string, (string | RegExp)[]> = {
  box_blur: ['right', 'right', 'right', 'right'],
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
  swap: ['right', /carries a value/, 'right', /carries a value/],
  clock: [/keyword-only/, /keyword-only/, 'right', /step other than 1/],
  shout: [/text is a str/, /text is a str/, /text is a str/, /text is a str/],
};

let programs: Strategies | undefined;
beforeAll(async () => {
  programs = await openStrategies();
});
afterAll(() => programs?.close());

const verdicts = async (name: string, combinations: readonly string[]) => {
  if (programs === undefined) throw new Error('expected an open sandbox');
  return programs.verdicts(name, combinations);
};

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

test('Cython compiles a module of Python’s own objects as it stands, alone, and no arrays', async () => {
  expect(await verdicts('shout', ['use_cython'])).toEqual([{ strategies: 'use_cython', kind: 'right' }]);
  const refused = await verdicts('box_blur', ['use_cython', 'use_cython,fastmath']);
  expect(refused.map(({ kind, detail }) => [kind, detail])).toEqual([
    ['refused', expect.stringContaining('takes arrays')],
    ['refused', expect.stringContaining('goes with no other strategy')],
  ]);
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
  ['array expressions are rewritten only where they mean the same', 'check_rewrites'],
  ['what is refused is refused with its line and the edit that would help', 'check_refusals'],
])('%s', async (_, check) => {
  test.each(await checked(check))('$title', ({ problem }) => {
    expect(problem).toBe('');
  });
});
