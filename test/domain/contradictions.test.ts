import { describe, expect, it } from 'vitest';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { Validator } from '../../domain/validator.schema.ts';

/** What is wrong with an output, in words. */
function mistakes(output: object): string[] {
  const parsed = Validator.safeParse(output);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

describe('a check that nothing can meet is refused', () => {
  it.each([
    [{ kind: 'npy', path: 'a', minimum: 2, maximum: 1 }, 'minimum 2 is above maximum 1'],
    [{ kind: 'csv', path: 'a', minRows: 2, maxRows: 1 }, 'minRows 2 is above maxRows 1'],
    [{ kind: 'csv', path: 'a', rows: 2, minRows: 3 }, 'rows 2 is below minRows 3'],
    [{ kind: 'image', path: 'a', width: 9, maxWidth: 8 }, 'width 9 is above maxWidth 8'],
    [{ kind: 'video', path: 'a', minSeconds: 2, maxSeconds: 1.5 }, 'minSeconds 2 is above maxSeconds 1.5'],
    [{ kind: 'mesh', path: 'a', faces: 3, minFaces: 4 }, 'faces 3 is below minFaces 4'],
    [{ kind: 'csv', path: 'a', ranges: { x: { minimum: 1, maximum: 0 } } }, 'minimum 1 is above maximum 0'],
    [{ kind: 'npz', path: 'a', arrays: { x: { minimum: 1, maximum: 0 } } }, 'minimum 1 is above maximum 0'],
    [{ kind: 'text', path: 'a', contains: 'no error', lacks: ['error'] }, 'is in `contains`'],
    [{ kind: 'csv', path: 'a', columns: ['x'], onlyColumns: true, unique: ['y'] }, 'y is none of `columns`'],
    [
      { kind: 'csv', path: 'a', types: { x: 'date' }, ranges: { x: { minimum: 1 } } },
      'a range is of numbers',
    ],
    [{ kind: 'json', path: 'a', minLines: 1 }, '`minLines` and `maxLines` need'],
    [{ kind: 'csv', path: 'a', onlyColumns: true }, '`onlyColumns` needs'],
    [{ kind: 'json', path: 'a', schema: { items: { type: 'strng' } } }, 'expected a type of JSON (object'],
    [{ kind: 'npy', path: 'a', dtype: 'flot32' }, 'expected a type of NumPy'],
  ])('%j', (output, message) => {
    expect(mistakes(output).join('; ')).toContain(message);
  });

  it('and one that a file can meet is not', () => {
    for (const output of [
      { kind: 'npy', path: 'a', minimum: 1, maximum: 1, dtype: '<f8' },
      {
        kind: 'json',
        path: 'a',
        schema: { properties: { type: { enum: [{ type: 'x' }] } }, type: ['null', 'object'] },
      },
      { kind: 'csv', path: 'a', rows: 2, minRows: 2, maxRows: 2, columns: ['x'], unique: ['y'] },
      { kind: 'text', path: 'a', contains: 'a', lacks: 'ab', matches: '(?P<year>\\d+)' },
    ])
      expect(mistakes(output)).toEqual([]);
  });
});

it('two checks of one file that say two things of it are refused, where the later one stands', () => {
  const png = (width: number) => ({ kind: 'image', path: 'a.png', width });
  const asked = (outputs: object[]) =>
    SolveJob.safeParse({ kind: 'solve', name: 'a', script: 'a.py', outputs }).error?.issues ?? [];
  expect(asked([png(64), png(32)])).toMatchObject([
    {
      path: ['outputs', 1, 'width'],
      message: expect.stringMatching(/width 32 here, and 64 in outputs\[0\]/),
    },
  ]);
  expect(
    asked([png(64), { ...png(32), path: 'b.png' }, { kind: 'image', path: 'a.png', height: 2 }]),
  ).toEqual([]);
});
