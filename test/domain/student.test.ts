import { expect, it } from 'vitest';
import { quantile, twoSided } from '../../domain/student.ts';

// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: both sides together 5 % and 1 %.
it.each([
  [1, 12.706, 63.657],
  [2, 4.303, 9.925],
  [5, 2.571, 4.032],
  [30, 2.042, 2.75],
  [100, 1.984, 2.626],
])('the t of %i degrees of freedom is that of the tables', (freedom, five, one) => {
  expect(quantile(0.05, freedom)).toBeCloseTo(five, 3);
  expect(quantile(0.01, freedom)).toBeCloseTo(one, 3);
  expect(twoSided(quantile(0.2, freedom), freedom)).toBeCloseTo(0.2, 10);
  expect(twoSided(0, freedom)).toBe(1);
  expect(twoSided(-3, freedom)).toBe(twoSided(3, freedom));
});
