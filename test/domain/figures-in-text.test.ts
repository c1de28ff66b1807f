import { expect, it } from 'vitest';
import { unfounded } from '../../domain/figures-in-text.ts';

const record =
  'auc 0.8203 on 1,201 rows (95 %: 0.7912 to 0.8488); size 0.0831; 5 folds; c-3 12.4 s; -0.25; share 40 %';

it('numbers of a text are those of the record, with fewer digits, per cent for shares, and thousands as people write them', () => {
  const told =
    'An auc of 0.82 (0.79 to 0.849, 95 %) on 1201 rows, 1,201 in all: 82 % of pairs, 82.0 %. In 5 folds c-7 and x2 took 12 s; -0.25, 0.4 of it.';
  expect(unfounded(told, record)).toEqual([]);
});

it('a number that is rounded wrongly, computed, or of nowhere is told', () => {
  expect(unfounded('0.83, a gain of 0.32 over 0.5; 1,200 rows, 6 folds, 90 %, 1', record)).toEqual([
    ...['0.83', '0.32', '0.5', '1,200', '6', '90 %', '1'],
  ]);
});
