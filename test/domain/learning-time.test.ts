import { expect, it } from 'vitest';
import { searchLeftMs } from '../../domain/learning-time.ts';

it('a search that has a score ends early enough for the end; one that has none goes on beyond it', () => {
  const at = { endsAt: 60_000, reserveMs: 12_000, now: 50_000 };
  expect(searchLeftMs({ ...at, scored: true })).toBe(-2_000);
  expect(searchLeftMs({ ...at, scored: false })).toBe(30_000);
});
