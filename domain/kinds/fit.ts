import { metrics } from '../learning.ts';
import type { FitJob } from './fit.schema.ts';
import { type Kind, read } from './kind.ts';

/** A table is learnt from, and its target predicted. */
export const fit: Kind<FitJob> = {
  objective: ({ metric }) => ({ kind: 'score', metric, direction: metrics[metric], byFolds: true }),
  product: 'model',
  files: ({ table, test, inputs }) => [
    ...read('table', [table]),
    ...read('test', [test]),
    ...read('inputs', inputs),
  ],
  writes: () => [],
  stages: () => [],
  subject: ({ target, table }) => `${target} of ${table}`,
  sentence: ({ target, table, metric, test }) =>
    `Learn to predict ${target} from ${table}, by ${metric}, and score it once on ${test ?? 'rows that were kept apart'}.`,
  asking: ({ models }) => ({
    models,
    roles: ['plan', 'explain'],
    otherwise: 'a planner that needs none chooses',
  }),
  check: () => null,
};
