import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestSandbox } from '../support/sandbox.ts';
import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

const names = (await readdir(join(import.meta.dirname, 'outlined')))
  .filter((file) => file.endsWith('.py'))
  .map((file) => file.slice(0, -'.py'.length));

const compiled: string[] = [];

let sandbox: TestSandbox | undefined;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox?.close());

test.each(names)(
  'the loops of %s are compiled, and every case gives what Python gives: types, errors, arguments',
  async (name) => {
    const files = {
      ...(await filesBelow('strategies', 'strategy')),
      ...(await filesBelow('test/strategies', 'test')),
    };
    const runner = ['/in/test/run_outlined.py', '/in/strategy', '/work', `/in/test/outlined/${name}.py`];
    const found = JSON.parse((await printed(sandbox, files, runner)).trim().split('\n').at(-1) ?? '');
    expect(found.name).toBe(name);
    // On a busy machine what is handed over may take as long as what is saved: that is told, and is no wrong answer.
    if (/is no faster compiled/.test(found.problem)) return;
    expect(found.problem).toBe('');
    expect(found.used).toBeGreaterThan(0);
    compiled.push(name);
  },
  150_000,
);

test('most of them are faster compiled', () => {
  expect(compiled.length).toBeGreaterThan(names.length * 0.75);
});
