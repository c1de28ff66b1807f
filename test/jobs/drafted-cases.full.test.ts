import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { strategyNames } from '../../domain/strategy-names.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, type Said } from '../support/command.ts';

const slow = `def gaps(values, step):
    return [abs(a - b) for a in values for b in values[::step]]
`;
const main = `import sys
from slow import gaps
for n in (30, 40):
    gaps([n / (i + 1) for i in range(n)], int(sys.argv[1]))
`;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, 'slow.py'), slow);
  await writeFile(join(folder, 'main.py'), main);
});

const optimize = (...args: string[]): Promise<Said> =>
  crucible(['optimize', 'slow.py:gaps', '--dry-run', ...args], { home: join(folder, 'home'), folder });

it('a function without cases has them made from a run that calls it: written beside it, shown, used again', async () => {
  const said = await optimize('--record', 'python3 main.py 3');
  expect(said.error).toBe('');
  expect(said.out).toContain(
    'inputs: written to slow_gaps_cases.py, made from 2 calls that `python main.py 3` made; sizes and values vary',
  );
  expect(said.out).toMatch(/^ {2}def make_case\(seed\):$/m);
  const text = await readFile(join(folder, 'slow_gaps_cases.py'), 'utf8');
  expect(text).toContain('n = int(rng.integers(30, 41))  # a size; seen: 30, 40');
  expect(text).toContain('step = 3  # seen: 3');

  await writeFile(join(folder, 'slow_gaps_cases.py'), text.replace('step = 3', 'step = 2'));
  const again = await optimize('--json');
  expect(JSON.parse(again.out)).toMatchObject({
    cases: 'slow_gaps_cases.py',
    casesFrom: '2 calls that `python main.py 3` made',
  });
  expect(await readFile(join(folder, 'slow_gaps_cases.py'), 'utf8')).toContain('step = 2');
  const other = await optimize('--record', 'main.py 5');
  expect(other.error).toMatch(/^slow_gaps_cases\.py was made from 2 calls .*: delete it to have it made/);
});

it('what cannot be made is told with the reason and the two ways on, and nothing of the users is written over', async () => {
  await writeFile(join(folder, 'main.py'), 'import slow\nopen("none.csv")\n');
  const never = await optimize('--record', 'main.py');
  expect(never.status).toBe(2);
  expect(never.error).toMatch(
    /^slow\.py: gaps was never called: it raised FileNotFoundError: .*none\.csv'\. Name a run .* --record .* --cases$/m,
  );
  await writeFile(join(folder, 'slow_gaps_cases.py'), 'mine = 1\n');
  expect((await optimize()).error).toMatch(/^slow_gaps_cases\.py: .*it is not Crucible's/);
  expect((await optimize('--record', 'make all')).error).toMatch(
    /^--record make all: expected a run of a script/,
  );
});

it('--explain lists what applies and, with line, construct and edit, what does not; no candidate is made', async () => {
  await writeFile(
    join(folder, 'sums.py'),
    'def total(values):\n    s = 0.0\n    for i in range(len(values)):\n        print(i)\n        s += values[i]\n    return s\n',
  );
  await writeFile(
    join(folder, 'cases.py'),
    'import numpy as np\ndef make_case(seed):\n    return (np.random.default_rng(seed).random(50),)\n',
  );
  const said = await crucible(['optimize', 'sums.py:total', '--cases', 'cases.py', '--explain', '--json'], {
    home: join(folder, 'home'),
    folder,
  });
  expect(said.error).toBe('');
  const { applicable, notUsed } = JSON.parse(said.out);
  const told: { strategies: string[]; reason: string }[] = notUsed;
  expect(told).toContainEqual({
    strategies: ['vectorize_loops', 'use_cpp_extension', 'use_pythran'],
    reason: expect.stringMatching(/^sums\.py:4: total calls print; without this line, they would apply$/),
  });
  const all = new Set([...applicable, ...told.flatMap(({ strategies }) => strategies)]);
  expect([...all].sort()).toEqual([...strategyNames].sort());
});
