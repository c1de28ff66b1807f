import { expect, it } from 'vitest';
import type { LearntFacts } from '../../web/facts.ts';
import { figure } from '../../web/figures.ts';
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
    dependence: [
      { column: 'size', values: [40, 60, 80], predicted: [[0.3], [0.5], [0.7]] },
      { column: 'district', values: ['<old>', 'east'], predicted: [[0.2], [0.6]] },
    ],
    curve: [
      { rows: 240, score: 0.71 },
      { rows: 960, score: 0.74 },
    ],
    ...{ recommendations: ['collect more of rooms 2 to 3'], deployment: [] },
  },
  words: {
    summary: 'An auc of 0.7504 <b>.',
    ...{ findings: [], features: [], recommendations: [], deployment: [], cautions: ['Few rows.'] },
  },
  from: [{ job: 'fit/houses/1a.1', what: '1,200 rows, 6 columns' }],
  warnings: ['column id tells rows apart'],
};

it('partial dependence and the learning curve are drawn: numbers as a line, texts as bars, each escaped', () => {
  const text = learntSection(learnt).toString();
  expect(text.match(/<path [^>]*d="M/g)).toHaveLength(2);
  expect(text.match(/<rect [^>]*><title>/g)).toHaveLength(2);
  expect(text).toContain('What more rows gave');
  expect(text).toContain('chance of yes');
  expect(text).toContain('&lt;old&gt;');
  expect(text).not.toContain('<old>');
});

it('figures that would be rows of zeros are written with a power of ten', () => {
  expect([2.5e-7, -1e-12, 3.14159e300, 0, 0.0123456, 12_345.6].map(figure)).toEqual([
    ...['2.5e-7', '-1e-12', '3.142e+300', '0', '0.01235', '12,350'],
  ]);
});

it('what was learnt is told with its test beside guessing, its models, and what they go by; names are escaped', () => {
  const text = learntSection(learnt).toString();
  for (const part of [
    ...[
      'auc 0.7504',
      'Guessing the share of every class scores 0.5',
      'Nothing was learnt that is surely better',
    ],
    ...['c-3 logistic-1', '100 %', 'predicted yes', '&lt;no&gt;', 'What it goes by', '2 to 3'],
    ...['In words', 'An auc of 0.7504 &lt;b&gt;.', 'Few rows.'],
    ...['collect more of rooms 2 to 3', 'column id tells rows apart', 'fit/houses/1a.1 (1,200 rows'],
  ])
    expect(text).toContain(part);
  expect(text).not.toContain('<no>');
  const better = { ...learnt, judged: { ...learnt.judged, learnt: true } };
  expect(learntSection(better).toString()).not.toContain('Nothing was learnt');
});
