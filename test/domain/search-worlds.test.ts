import { expect, it } from 'vitest';
import { compared, defaultPolicy, winnerOf } from '../bench/search.ts';

it('the policy that a job has by default gains most in the recorded worlds, and the same each time', () => {
  const found = compared();
  expect(winnerOf(found)).toBe(defaultPolicy);
  expect(compared()).toEqual(found);
  for (const gains of Object.values(found)) expect(gains[32]).toBeGreaterThan(gains[2] ?? 0);
});
