import { describe, expect, it } from 'vitest';
import { withoutCounts } from '../../domain/sample.ts';
import { firstFiles, firstRows, isCut, standIn } from '../../domain/sampling.ts';
import type { OutputCheck } from '../../domain/validator.schema.ts';

const tree = (...paths: string[]) => Object.fromEntries(paths.map((path) => [path, path]));

describe('a sample stands in the place of the inputs', () => {
  it('a file for a file, a folder for a folder', () => {
    expect(standIn(tree('big.csv', 'small.csv'), ['big.csv'], 'small.csv')).toEqual({
      ...{ 'big.csv': 'small.csv', 'small.csv': 'small.csv' },
    });
    expect(standIn(tree('data/a', 'data/b/c', 'few/a'), ['data'], 'few')).toEqual({
      ...{ 'data/a': 'few/a', 'few/a': 'few/a' },
    });
    expect(standIn(tree('data/a', 'data/few/b'), ['data'], 'data/few')).toEqual({ 'data/b': 'data/few/b' });
  });

  it('or, of several, each under its path; the others stay as they are', () => {
    const files = tree('a.csv', 'b.json', 'd/1', 'd/2', 's/a.csv', 's/d/1');
    expect(standIn(files, ['a.csv', 'b.json', 'd'], 's')).toMatchObject({
      ...{ 'a.csv': 's/a.csv', 'b.json': 'b.json', 'd/1': 's/d/1' },
    });
    expect(standIn(files, ['a.csv', 'b.json', 'd'], 's')).not.toHaveProperty('d/2');
  });

  it.each([
    [['data'], 'small.csv', 'expected a folder, as the input data is, got the file small.csv'],
    [['big.csv'], 'few', 'expected a file, as the input big.csv is, got the folder few'],
    [
      ['big.csv', 'data'],
      'small.csv',
      /^expected a folder that holds samples of the inputs under their paths/,
    ],
    [['big.csv', 'data'], 'few', 'few/a stands in for none of the inputs, which are big.csv, data'],
    [[], 'few', 'a sample stands in for `inputs`; there are none'],
  ])('of %j by %s is refused with why', (inputs, sample, why) => {
    const found = standIn(tree('big.csv', 'small.csv', 'data/a', 'few/a'), inputs, sample);
    expect(found).toEqual(typeof why === 'string' ? why : expect.stringMatching(why));
  });
});

describe('cut to a sample', () => {
  it('a folder keeps its first files of each ending, and what an input names stays', () => {
    const files = tree(
      'f/1.png',
      'f/2.png',
      'f/3.png',
      'f/set.yaml',
      'f/in/1.png',
      'x.csv',
      'y.csv',
      'z.csv',
    );
    const { tree: kept, words } = firstFiles(files, ['f', 'x.csv', 'y.csv', 'z.csv'], 2);
    expect(Object.keys(kept)).toEqual(
      expect.arrayContaining(['f/1.png', 'f/2.png', 'f/set.yaml', 'f/in/1.png', 'x.csv', 'y.csv', 'z.csv']),
    );
    expect(kept).not.toHaveProperty('f/3.png');
    expect(words).toEqual(['the first 2 of 3 files f/*.png']);
  });

  it('a table keeps its header and so many rows, with line breaks in their cells; lines have no header', () => {
    expect(firstRows('a.csv', 'x,y\n1,"a\nb"\n2,c\n3,d\n', 2)).toBe('x,y\n1,"a\nb"\n2,c\n');
    expect(firstRows('a.csv', 'x,y\r\n1,2\r\n3,4\r\n', 1)).toBe('x,y\r\n1,2\r\n');
    expect(firstRows('a.jsonl', '{"a": "\\""}\n{}\n{}\n', 2)).toBe('{"a": "\\""}\n{}\n');
    expect(firstRows('a.csv', 'x,y\n1,2\n', 1)).toBeNull();
    expect(firstRows('a.csv', 'x,y\n1,2', 5)).toBeNull();
    expect(['a.CSV', 'a.tsv', 'a.ndjson', 'a.json', 'a.txt'].map(isCut)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

it('of a check what says how much there is holds of the full input alone', () => {
  const check: OutputCheck = {
    ...{ kind: 'csv', path: 'a.csv', columns: ['x'], rows: 5, minRows: 2 },
    ...{ types: { x: 'integer' }, unique: ['x'], ranges: { x: { minimum: 0 } } },
  };
  const { rows: _, minRows: __, ...kept } = check;
  expect(withoutCounts(check)).toEqual(kept);
  expect(withoutCounts({ kind: 'npy', path: 'a', shape: [3], dtype: 'int8', maximum: 2 })).toEqual({
    ...{ kind: 'npy', path: 'a', dtype: 'int8', maximum: 2 },
  });
  // What equals another file on the full input need not on the sample.
  expect(withoutCounts({ kind: 'equals', path: 'a.csv', reference: 'b.csv', relative: 1e-6 })).toEqual({
    kind: 'readable',
    path: 'a.csv',
  });
  const schema = {
    ...{ type: 'object', minProperties: 9, required: ['total'] },
    properties: { total: { const: 5, type: 'integer' }, contains: { type: 'array', minItems: 3 } },
  };
  expect(withoutCounts({ kind: 'json', path: 'a', schema })).toEqual({
    ...{ kind: 'json', path: 'a' },
    schema: {
      ...{ type: 'object', required: ['total'] },
      properties: { total: { type: 'integer' }, contains: { type: 'array' } },
    },
  });
});
