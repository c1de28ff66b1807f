import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestSandbox } from '../support/sandbox.ts';
import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

const compiled = 'vectorize_loops';
const parallel = 'vectorize_loops,parallelize';

let sandbox: TestSandbox | undefined;
let files: Record<string, string>;

beforeAll(async () => {
  sandbox = await openSandbox();
  files = {
    ...(await filesBelow('strategies', 'strategy')),
    ...(await filesBelow('test/strategies', 'test')),
    ...(await filesBelow('examples/script', 'example')),
    'test/scripts/broken.py': 'def half(\n',
  };
});
afterAll(() => sandbox?.close());

type Verdict = { strategies: string; kind: string; detail?: string; decorated?: Record<string, string> };

/** Three threads, more than this machine may have: chunks are uneven. */
async function verdicts(script: string, combinations = [compiled, parallel]): Promise<Verdict[]> {
  const runner = ['/in/test/run_scripts.py', '/in/strategy', '/work'];
  const text = await printed(sandbox, files, [...runner, `/in/${script}`, ...combinations], {
    CRUCIBLE_CORES: '3',
    NUMBA_NUM_THREADS: '3',
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a compiled script prints and writes what the original does, also with its loops shared out', async () => {
  const got = await verdicts('example/slow.py');
  expect(got.map(({ kind, detail }) => [kind, detail])).toEqual(Array(2).fill(['right', undefined]));
});

test('every function that loops is compiled with its helpers, and the rest of the script is left alone', async () => {
  const got = await verdicts('test/scripts/stages.py');
  expect(got.map(({ kind, detail }) => [kind, detail])).toEqual(Array(2).fill(['right', undefined]));
  const compiled = { weight: '@numba.njit', blurred: '@numba.njit', turned: '@numba.njit' };
  expect(got[0]?.decorated).toEqual(compiled);
  expect(got[1]?.decorated).toMatchObject({ ...compiled, blurred: '@numba.njit(parallel=True)' });
  expect(got[1]?.decorated).not.toHaveProperty('described');
});

test('of two loops inside of each other the outer one is shared out', async () => {
  const [verdict] = await verdicts('test/scripts/nested.py', [parallel]);
  expect(verdict).toMatchObject({
    kind: 'right',
    decorated: { table: '@numba.njit(parallel=True)', row_of: '@numba.njit' },
  });
});

test('a loop that writes into one argument is not shared out where another may be the same array', async () => {
  const [one, other] = await verdicts('test/scripts/same_array.py');
  expect(one).toMatchObject({ kind: 'right' });
  expect(other).toMatchObject({ kind: 'refused', detail: expect.stringContaining('part of the same array') });
});

test.each([
  ['changing_global', 'uses the global SCALE'],
  ['declared_global', '5: total uses the global calls, which changes here'],
  ['draws', '9: inside draws random numbers'],
  ['reads_the_clock', 'calls time.perf_counter, which Numba does not compile'],
  ['no_loops', 'has no loop over a range'],
  ['bare_loop', '2: this loop stands in no function'],
  ['broken', '1: Python cannot read this'],
])('%s is refused in words', async (name, reason) => {
  const got = await verdicts(`test/scripts/${name}.py`);
  for (const verdict of got)
    expect(verdict).toMatchObject({ kind: 'refused', detail: expect.stringContaining(reason) });
});

test('strategies that need to know the types of arguments are refused for a script', async () => {
  const got = await verdicts('example/slow.py', [
    'use_cpp_extension',
    'reduce_precision',
    'use_pythran',
    'parallelize',
  ]);
  expect(got.map(({ kind }) => kind)).toEqual(Array(4).fill('refused'));
  expect(got[0]?.detail).toContain('needs the types of arguments');
  expect(got[3]?.detail).toContain('needs compiled code');
});

test('the list for a script names what applies, in the order worth trying, and why the rest does not', async () => {
  const argv = ['/in/strategy/strategies.py', '--script', '/in/example/slow.py', '--out', 'out', '--list'];
  const listed = JSON.parse(await printed(sandbox, files, argv));
  expect(listed.applicable.map(({ strategies }: { strategies: string[] }) => strategies.join(' + '))).toEqual(
    ['vectorize_loops', 'vectorize_loops + parallelize', 'vectorize_loops + fastmath'],
  );
  expect(listed.refused.length).toBeGreaterThan(0);
});
