import { describe, expect, it } from 'vitest';
import { lookingFirst, rejection } from '../../activities/try/look.ts';
import type { Entry } from '../../domain/program.schema.ts';

const rejected = { kind: 'exited', code: 97 } as const;
const found = (module: string | null) =>
  JSON.stringify({ rejected: [{ path: 'main.py', line: 3, said: 'there is no module x', module }] });

describe('what a look found', () => {
  it('is an outcome, which says what the sandbox has where a module is missing', async () => {
    expect((await rejection(rejected, `${found(null)}\n`))?.outcome).toEqual({
      kind: 'rejected',
      reason: 'main.py:3: there is no module x (it was not run)',
    });
    expect((await rejection(rejected, found('x')))?.outcome).toMatchObject({
      reason: expect.stringMatching(/not run\)\nthe sandbox has numpy \d/),
    });
  });

  it('is nothing where a program ended by itself, whatever its status', async () => {
    expect(await rejection(rejected, 'of its own')).toBeNull();
    expect(await rejection(rejected, '{"rejected": []}')).toBeNull();
    expect(await rejection({ kind: 'exited', code: 1 }, found(null))).toBeNull();
  });
});

it('a program is looked at by its entry, and then run as it would be without', () => {
  const entry: Entry = { kind: 'script', path: 'src/main.py', args: ['--', 'x'] };
  const argv = lookingFirst(
    ['python3', 'src/main.py', '--', 'x'],
    { entry },
    { root: '/work', imports: true },
  );
  expect(argv.slice(argv.indexOf('--') + 1)).toEqual(['python3', 'src/main.py', '--', 'x']);
  expect(argv.join(' ')).toMatch(/look\.py --root \/work --entry src\/main\.py --modules .*pandas/);
  const built = lookingFirst(
    ['c'],
    { entry: { kind: 'function', module: 'a.py', name: 'f' } },
    { root: '/work', imports: false },
  );
  expect(built.join(' ')).toMatch(/--entry a\.py --function f -- c$/);
});
