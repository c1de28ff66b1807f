import { expect, it } from 'vitest';
import { enoughTold } from '../../domain/steered.ts';

it('a pipeline whose history is nearly full is told nothing more, but that a pause ends', () => {
  expect(enoughTold('pause', 40_000)).toBe(null);
  expect(enoughTold('pause', 40_001)).toContain('cancel it and resume it');
  expect(enoughTold('hint', 50_000)).toContain('as much as its history holds');
  expect(enoughTold('resume', 50_000)).toBe(null);
});
