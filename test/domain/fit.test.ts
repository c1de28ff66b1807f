import { describe, expect, it } from 'vitest';
import { FitJob } from '../../domain/kinds/fit.schema.ts';

const asked = { kind: 'fit', name: 'flats', table: 'flats.csv', target: 'sold', metric: 'auc' };
const problems = (fields: object): string[] =>
  FitJob.safeParse({ ...asked, ...fields }).error?.issues.map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  ) ?? [];

describe('a job that learns from a table', () => {
  it('has one role for each column that it names', () => {
    expect(problems({ groups: 'house', time: 'day', weights: 'w', drop: ['id'] })).toEqual([]);
    for (const role of ['groups', 'time', 'weights'])
      expect(problems({ [role]: 'house', drop: ['id', 'house'] })).toEqual([
        `drop: expected other columns than house, which \`${role}\` names: leave one of the two out`,
      ]);
    expect(problems({ groups: 'sold' })).toEqual([
      'groups: expected another column than sold, which `target` names too',
    ]);
    expect(problems({ groups: 'day', time: 'day' })[0]).toBe(
      'groups: expected another column than day, which `time` names too',
    );
  });
});
