import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestSandbox } from '../support/sandbox.ts';
import { filesBelow, openSandbox, printed } from './sandboxed-python.ts';

const names = (await readdir(join(import.meta.dirname, 'outlined')))
  .filter((file) => file.endsWith('.py'))
  .map((file) => file.slice(0, -'.py'.length));

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
    expect(found).toMatchObject({ name, problem: '' });
    expect(found.used).toBeGreaterThan(0);
  },
  150_000,
);
