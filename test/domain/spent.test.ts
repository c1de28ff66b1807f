import { expect, it } from 'vitest';
import { budgetWarnings } from '../../domain/spent.ts';

const cap = { microUsd: 2_000_000, tokens: 100_000 };
const texts = (microUsd: number, tokens?: number, of = cap): string[] =>
  budgetWarnings({ microUsd, ...(tokens === undefined ? {} : { tokens }) }, of).map(({ text }) => text);

it('half of a budget and four fifths of it are warned of, money and tokens each', () => {
  expect(texts(999_999, 49_999)).toEqual([]);
  expect(texts(1_000_000, 50_000)).toEqual([
    '50 % of the budget is spent: $1.00 of $2.00',
    '50 % of the budget is spent: 50,000 tokens of 100,000 tokens',
  ]);
  expect(texts(1_700_000)).toEqual(['80 % of the budget is spent: $1.70 of $2.00']);
});

it('what has no limit is not warned of, and an extended budget is another', () => {
  expect(budgetWarnings({ microUsd: 9e9, tokens: 9e9 }, { microUsd: null, tokens: null })).toEqual([]);
  const keys = [cap.microUsd, 2.2e6].map(
    (microUsd) => budgetWarnings({ microUsd: 1_700_000 }, { microUsd, tokens: null })[0]?.key,
  );
  expect(new Set(keys).size).toBe(2);
});
