import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { crucible } from '../support/command.ts';

let folder: string;
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-bad-'));
  home = join(folder, 'home');
  await cp(fileURLToPath(new URL('../fixtures/bad', import.meta.url)), folder, { recursive: true });
});
afterAll(async () => {
  await crucible(['down'], { home });
  await rm(folder, { recursive: true, force: true });
});

it.each([
  [
    'raises-later',
    { program: 'raises_later.py', cases: 'counted_cases.py' },
    /raises_later\.py does not run: crashed: ValueError: too far from the first$/,
  ],
  [
    'never-ends',
    { program: 'endless.py', limits: { wallMs: 2_000 } },
    /make_case in cases\.py, or total in endless\.py .*\(timedOut\): not done after 2 s of wall time\. The field `limits`/,
  ],
  [
    'takes-all-memory',
    { program: 'hungry.py', limits: { memoryMb: 300 } },
    /total in hungry\.py .*\(outOfMemory\): needed more than 300 MiB/,
  ],
  [
    'answers-differently',
    { program: 'fickle.py' },
    /fickle\.py gives different answers to the same input: case 0, answer: expected .*, got /,
  ],
  [
    'has-a-fickle-generator',
    { cases: 'cases_fickle.py' },
    /cases_fickle\.py:4 in make_case: .* is not deterministic: the seed \d+ gave two different cases/,
  ],
] as const)(
  'a program that is wrong fails its job with one message: it %s',
  async (name, fields, message) => {
    const job = {
      kind: 'optimize',
      name,
      program: 'total.py',
      function: 'total',
      cases: 'cases.py',
      ...fields,
    };
    await writeFile(join(folder, `${name}.json`), JSON.stringify(job));
    const said = await crucible(['run', `${name}.json`], { home, folder });
    expect(said).toMatchObject({ status: 1, error: '' });
    const last = said.out.split('\n').find((line) => line.startsWith('✗ ')) ?? '';
    expect(last).toMatch(new RegExp(`^✗ ${name} failed: `));
    expect(last).toMatch(message);
    expect(said.out).not.toMatch(/\.ts:\d|node:internal|sandbox\/guest|prepare\.py|serve\.py/);
  },
);

it('a function that takes less time than it costs to ask it fails its job, with what to do', async () => {
  const job = {
    kind: 'optimize',
    name: 'quick',
    program: 'too_quick.py',
    function: 'total',
    cases: 'cases.py',
  };
  await writeFile(join(folder, 'quick.json'), JSON.stringify(job));
  const said = await crucible(['run', 'quick.json'], { home, folder });
  // A busy machine may take longer for a call than asking costs: then there is nothing faster, which ends the job as well.
  if (said.status === 3) return;
  expect(said.status).toBe(1);
  expect(said.out).toMatch(
    /✗ quick failed: .*total takes [\d.]+ ms, (less than it costs to ask it,|and to ask it costs) [\d.]+ ms.*: give it more work per call/,
  );
});
