import { expect, it } from 'vitest';
import type { LearntFacts } from '../../web/facts.ts';
import { learntSection } from '../../web/learnt.ts';

const learnt: LearntFacts = {
  judged: {
    ...{
      metric: 'auc',
      score: 0.7504,
      interval: [0.689, 0.8065],
      rows: 300,
      learnt: false,
      says: 'auc 0.7504',
    },
    naive: { score: 0.5, what: 'the share of every class' },
    confusion: {
      labels: ['<no>', 'yes'],
      counts: [
        [120, 30],
        [20, 130],
      ],
    },
    calibration: [{ predicted: 0.2, observed: 0.25, count: 100 }],
    residuals: null,
    slices: [{ column: 'rooms', value: '2 to 3', rows: 61, score: 0.72 }],
  },
  blend: {
    ...{
      members: [{ id: 'c-3', weight: 1 }],
      score: 0.82,
      interval: [0.79, 0.84],
      perFold: [0.82],
      folds: [0],
    },
    ...{ best: 'c-3', threshold: null, notHelping: [], tooSlow: [] },
    leaderboard: [
      {
        ...{ id: 'c-3', title: 'c-3 logistic-1', score: 0.818, interval: [0.8, 0.84], folds: [0, 1] },
        ...{ fitSeconds: 0.51, predictSeconds: 0.02, bytes: 2048, weight: 1 },
      },
    ],
  },
  explain: {
    importance: [{ column: 'size', permutation: 0.08, shap: null }],
    dependence: [{ column: 'size', values: [40, 80], predicted: [[0.3], [0.7]] }],
    ...{ recommendations: ['collect more of rooms 2 to 3'], deployment: [] },
  },
  warnings: ['column id tells rows apart'],
};

it('what was learnt is told with its test beside guessing, its models, and what they go by; names are escaped', () => {
  const text = learntSection(learnt).toString();
  for (const part of [
    ...[
      'auc 0.7504',
      'Guessing the share of every class scores 0.5',
      'Nothing was learnt that is surely better',
    ],
    ...['c-3 logistic-1', '100 %', 'predicted yes', '&lt;no&gt;', 'What it goes by', '2 to 3'],
    ...['collect more of rooms 2 to 3', 'column id tells rows apart'],
  ])
    expect(text).toContain(part);
  expect(text).not.toContain('<no>');
  const better = { ...learnt, judged: { ...learnt.judged, learnt: true } };
  expect(learntSection(better).toString()).not.toContain('Nothing was learnt');
});
