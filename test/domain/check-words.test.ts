import { describe, expect, it } from 'vitest';
import { checkWords } from '../../domain/check-words.ts';
import type { OutputCheck } from '../../domain/validator.schema.ts';

describe('what is checked, in words', () => {
  it.each<[OutputCheck, string]>([
    [{ kind: 'file', path: 'a.txt' }, 'a.txt: a file; not empty'],
    [
      { kind: 'voxels', path: 'a.bin', n: 32, minimum: 0 },
      'a.bin: 32³ voxels of float32, little-endian, raw, no NaN or infinity, not all zero, at least 0 as values; not empty',
    ],
    [
      { kind: 'npy', path: 'a.npy', shape: [3, null], dtype: 'float64' },
      'a.npy: an array as numpy.save writes it, of shape (3, any), of float64, no NaN or infinity; not empty',
    ],
    [
      { kind: 'csv', path: 'a.csv', columns: ['x', 'y'], maxRows: 9 },
      'a.csv: a table in CSV with a header, with the columns x, y, at least 1 and at most 9 rows below the header; not empty',
    ],
    [
      { kind: 'json', path: 'a.json', schema: { type: 'array' } },
      'a.json: a document in strict JSON, that fits the schema {"type":"array"}; not empty',
    ],
    [
      { kind: 'image', path: 'a.png', minWidth: 64 },
      'a.png: a picture that decodes and is not blank, at least 64 pixels wide; not empty',
    ],
    [{ kind: 'exit', status: 3 }, 'it ends with the exit status 3'],
    [
      { kind: 'stdout', contains: 'done', matches: ['^a'] },
      'what it prints: text in UTF-8, with "done" in it, something in it matches the regular expression "^a"; not empty',
    ],
    [
      {
        kind: 'table',
        path: 't',
        types: { id: 'integer' },
        ranges: { id: { minimum: 1 } },
        unique: ['id'],
        rows: 3,
      },
      't: a table in Parquet, id is integer, at least 1 in id, no value twice in id, 3 rows; not empty',
    ],
    [
      { kind: 'mesh', path: 'a.stl', watertight: true, minFaces: 4 },
      'a.stl: a mesh in STL, OBJ, PLY or OFF, by the ending of its name, at least 4 faces, watertight; not empty',
    ],
  ])('%o', (check, words) => {
    expect(checkWords(check)).toBe(words);
  });
});
