import { describe, expect, it } from 'vitest';
import { checkWords } from '../../domain/check-words.ts';
import type { Validator } from '../../domain/job.schema.ts';

describe('what is checked, in words', () => {
  it.each<[Validator, string]>([
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
  ])('%o', (check, words) => {
    expect(checkWords(check)).toBe(words);
  });
});
