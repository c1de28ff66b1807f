import { expect, it } from 'vitest';
import { dollars } from '../../domain/money.ts';

it('dollars are written so that small amounts say something', () => {
  expect([0, 1, 4_200, 12_345, 5_000_000, 1_234_500_000].map(dollars)).toEqual([
    ...['$0.00', '$0.0000010', '$0.0042', '$0.012', '$5.00', '$1,234.50'],
  ]);
});
