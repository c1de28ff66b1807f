import { expect, it } from 'vitest';
import { measureHonesty } from '../bench/honesty.ts';

it('a measurement claims no gain that is not there, and its interval holds the truth, quiet and loaded', async () => {
  const found = await measureHonesty(30);
  expect(found.claimed_quiet).toBeLessThanOrEqual(0.1);
  expect(found.claimed_loaded).toBeLessThanOrEqual(0.1);
  expect(found.verified).toBeLessThanOrEqual(0.02);
  expect(found.coverage_quiet).toBeGreaterThanOrEqual(0.9);
  expect(found.coverage_loaded).toBeGreaterThanOrEqual(0.9);
  expect(found.asking_ms).toBeGreaterThan(0);
});
