import { expect, it } from 'vitest';
import { errorAnalysis } from '../../../llm/prompts/replies/error-analysis.ts';
import { learningPlan, modelChoice, tuningStrategy } from '../../../llm/prompts/replies/learning.ts';
import { type ReplySchema, readValue } from '../../../llm/reply-schema.ts';

const read = <Value>(schema: ReplySchema<Value>, value: object): Value =>
  readValue(JSON.stringify(value), schema);

const evaluation = { metric: 'roc-auc', split: 'stratified', splitColumn: null, folds: 5, reason: 'r' };
const plan = {
  summary: 's',
  evaluation,
  preprocessing: [],
  models: [
    { model: 'lightgbm', share: 0.7, reason: 'r' },
    { model: 'ridge', share: 0.3, reason: 'r' },
  ],
  exploration: 0.5,
  ensemble: false,
  risks: [],
};

it('a plan shares its time out among different models, and names the column it splits by', () => {
  expect(read(learningPlan, plan)).toEqual(plan);
  const [first] = plan.models;
  expect(() => read(learningPlan, { ...plan, models: [first] })).toThrow('add up to 1, got 0.70');
  expect(() => read(learningPlan, { ...plan, models: [first, first] })).toThrow('lightgbm is there twice');
  expect(() => read(learningPlan, { ...plan, models: [] })).toThrow('at least one model');
  expect(() => read(learningPlan, { ...plan, evaluation: { ...evaluation, split: 'time' } })).toThrow(
    'expected a column for a grouped or time split',
  );
});

it('a choice of models is one of known families, each once', () => {
  const choice = { models: [{ model: 'svm', reason: 'r', concern: 'c' }], leftOut: 'l' };
  expect(read(modelChoice, choice)).toEqual(choice);
  expect(() => read(modelChoice, { ...choice, models: [...choice.models, ...choice.models] })).toThrow(
    'twice',
  );
  expect(() =>
    read(modelChoice, { ...choice, models: [{ ...choice.models[0], model: 'oracle' }] }),
  ).toThrow();
});

it('ranges to search can be searched, and starts set what is searched', () => {
  const rate = { name: 'rate', kind: 'real', low: 0.01, high: 0.3, log: true, choices: [], reason: 'r' };
  const strategy = {
    parameters: [rate],
    starts: [{ values: [{ name: 'rate', value: '0.1' }], reason: 'r' }],
    exploration: 0.5,
    patience: 20,
    reason: 'r',
  };
  expect(read(tuningStrategy, strategy)).toEqual(strategy);
  const withRange = (change: object) =>
    read(tuningStrategy, { ...strategy, parameters: [{ ...rate, ...change }] });
  expect(() => withRange({ low: 0.5 })).toThrow('low below high, got 0.5 and 0.3');
  expect(() => withRange({ low: null })).toThrow('low below high, got null');
  expect(() => withRange({ low: 0 })).toThrow('above 0 for a logarithmic scale');
  expect(() => withRange({ kind: 'choice' })).toThrow('expected what can be chosen');
  expect(() => withRange({ name: 'depth' })).toThrow('expected values of depth, got one of rate');
});

it('an analysis of an error proposes at least one fix', () => {
  const analysis = { kind: 'syntax', evidence: 'SyntaxError', cause: 'a colon is missing', fixes: [] };
  expect(() => read(errorAnalysis, analysis)).toThrow('at least one fix');
});
