import { z } from 'zod';
import type { ReplySchema } from '../../reply-schema.ts';

/** The families of models that can be chosen from, by the kind of target. */
export const modelFamilies = {
  classification: [
    'logistic-regression',
    'random-forest',
    'xgboost',
    'lightgbm',
    'catboost',
    'nearest-neighbours',
    'mlp',
    'svm',
    'naive-bayes',
    'lda',
  ],
  regression: [
    'linear-regression',
    'random-forest',
    'xgboost',
    'lightgbm',
    'catboost',
    'nearest-neighbours',
    'mlp',
    'ridge',
    'lasso',
  ],
} as const;

const ModelFamily = z.enum([...new Set([...modelFamilies.classification, ...modelFamilies.regression])]);
export type ModelFamily = z.infer<typeof ModelFamily>;

const Metric = z.enum([
  'roc-auc',
  'average-precision',
  'log-loss',
  'f1-macro',
  'balanced-accuracy',
  'accuracy',
  'rmse',
  'mae',
  'r2',
]);

const share = z.number().min(0).max(1);

/** Reports every value of `values` that is there a second time. */
const distinct = (values: readonly string[], context: z.RefinementCtx, path: string): void => {
  for (const [index, value] of values.entries())
    if (values.indexOf(value) < index)
      context.addIssue({ code: 'custom', path: [path, index], message: `${value} is there twice` });
};

const DataAnalysis = z.strictObject({
  problem: z.enum(['binary-classification', 'multiclass-classification', 'regression']),
  summary: z.string().describe('What the table holds and what matters about it, in three to five sentences.'),
  columns: z
    .array(
      z.strictObject({
        name: z.string(),
        use: z.enum(['feature', 'target', 'identifier', 'group', 'time', 'leak', 'useless']),
        type: z.enum(['numeric', 'categorical', 'ordinal', 'boolean', 'date', 'text']),
        reason: z.string().describe('The measured fact that says so.'),
      }),
    )
    .describe('Columns that are not plainly features of the type the profile states.'),
  findings: z
    .array(
      z.strictObject({
        kind: z.enum([
          'leakage',
          'missing',
          'outliers',
          'imbalance',
          'skew',
          'high-cardinality',
          'constant',
          'duplicates',
          'correlation',
          'shift',
          'too-few-rows',
          'other',
        ]),
        columns: z.array(z.string()),
        severity: z.enum(['note', 'warning', 'serious']),
        evidence: z.string().describe('The figures from the profile that show it.'),
        advice: z.string(),
      }),
    )
    .describe('What is wrong or peculiar, the most serious first.'),
  metric: Metric,
  metricReason: z.string(),
});
export type DataAnalysis = z.infer<typeof DataAnalysis>;

/** What a table is, from its measured profile. */
export const dataAnalysis: ReplySchema<DataAnalysis> = { name: 'data-analysis', schema: DataAnalysis };

const LearningPlan = z
  .strictObject({
    summary: z.string().describe('The plan in three sentences.'),
    evaluation: z.strictObject({
      metric: Metric,
      split: z.enum(['stratified', 'random', 'grouped', 'time']),
      splitColumn: z.string().nullable().describe('The group or time column; null for the other splits.'),
      folds: z.number().int().min(2).max(20),
      reason: z.string(),
    }),
    preprocessing: z
      .array(
        z.strictObject({
          step: z.enum(['drop', 'impute', 'encode', 'scale', 'transform', 'outliers', 'derive', 'select']),
          columns: z.array(z.string()).describe('Empty for all columns it can apply to.'),
          method: z.string(),
          reason: z.string(),
        }),
      )
      .describe('In the order in which they are done.'),
    models: z
      .array(
        z.strictObject({
          model: ModelFamily,
          share: share.describe('Of the time for tuning.'),
          reason: z.string(),
        }),
      )
      .describe('The most promising first.'),
    exploration: share.describe('Of all trials: how many look where nothing is known yet.'),
    ensemble: z.boolean(),
    risks: z.array(z.string()).describe('What could make the result worse than it looks.'),
  })
  .superRefine(({ models, evaluation }, context) => {
    const issue = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    distinct(
      models.map(({ model }) => model),
      context,
      'models',
    );
    if (models.length === 0) issue(['models'], 'expected at least one model');
    const total = models.reduce((sum, each) => sum + each.share, 0);
    if (models.length > 0 && Math.abs(total - 1) > 0.01)
      issue(['models'], `expected shares that add up to 1, got ${total.toFixed(2)}`);
    const needsColumn = evaluation.split === 'grouped' || evaluation.split === 'time';
    if (needsColumn !== (evaluation.splitColumn !== null))
      issue(['evaluation', 'splitColumn'], 'expected a column for a grouped or time split, null for others');
  });
export type LearningPlan = z.infer<typeof LearningPlan>;

/** How to get from a table to a model: evaluation, preprocessing, models, tuning. */
export const learningPlan: ReplySchema<LearningPlan> = { name: 'learning-plan', schema: LearningPlan };

const ModelChoice = z
  .strictObject({
    models: z
      .array(
        z.strictObject({
          model: ModelFamily,
          reason: z.string().describe('Why it suits this table, with the figures that say so.'),
          concern: z.string().describe('What may speak against it here.'),
        }),
      )
      .describe('The most promising first.'),
    leftOut: z.string().describe('Why the others were left out.'),
  })
  .superRefine(({ models }, context) => {
    distinct(
      models.map(({ model }) => model),
      context,
      'models',
    );
    if (models.length === 0)
      context.addIssue({ code: 'custom', path: ['models'], message: 'expected at least one model' });
  });
export type ModelChoice = z.infer<typeof ModelChoice>;

/** Which models to try, in order, and why. */
export const modelChoice: ReplySchema<ModelChoice> = { name: 'model-choice', schema: ModelChoice };

const TuningStrategy = z
  .strictObject({
    parameters: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(['integer', 'real', 'choice']),
        low: z.number().nullable().describe('Null for a choice.'),
        high: z.number().nullable().describe('Null for a choice.'),
        log: z.boolean().describe('Whether it is searched on a logarithmic scale.'),
        choices: z.array(z.string()).describe('Empty for a number.'),
        reason: z.string(),
      }),
    ),
    starts: z
      .array(
        z.strictObject({
          values: z.array(z.strictObject({ name: z.string(), value: z.string() })),
          reason: z.string(),
        }),
      )
      .describe('Configurations to try first, the most promising first.'),
    exploration: share.describe('Of the trials that are left: how many look where nothing is known yet.'),
    patience: z.number().int().min(1).describe('Trials without a gain after which to stop.'),
    reason: z.string().describe('What the trials so far say, and what follows from it.'),
  })
  .superRefine(({ parameters, starts }, context) => {
    const issue = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const names = parameters.map(({ name }) => name);
    distinct(names, context, 'parameters');
    for (const [index, { kind, low, high, log, choices }] of parameters.entries()) {
      const path = ['parameters', index];
      if (kind === 'choice') {
        if (choices.length === 0) issue([...path, 'choices'], 'expected what can be chosen, got nothing');
      } else if (low === null || high === null || low >= high)
        issue(path, `expected low below high, got ${low} and ${high}`);
      else if (log && low <= 0)
        issue([...path, 'low'], `expected a number above 0 for a logarithmic scale, got ${low}`);
    }
    for (const [index, { values }] of starts.entries())
      for (const { name } of values)
        if (!names.includes(name))
          issue(['starts', index], `expected values of ${names.join(', ')}, got one of ${name}`);
  });
export type TuningStrategy = z.infer<typeof TuningStrategy>;

/** Where to search for a model's hyperparameters, and from where. */
export const tuningStrategy: ReplySchema<TuningStrategy> = {
  name: 'tuning-strategy',
  schema: TuningStrategy,
};

const Interpretation = z.strictObject({
  summary: z
    .string()
    .describe('What was achieved and how far it can be trusted, in three to five sentences.'),
  findings: z
    .array(z.strictObject({ claim: z.string(), evidence: z.string().describe('The figures that show it.') }))
    .describe('Patterns of performance: where it is good, where not, what made the difference.'),
  features: z
    .array(z.strictObject({ feature: z.string(), meaning: z.string() }))
    .describe('The features that matter most, and what that says.'),
  recommendations: z
    .array(z.strictObject({ action: z.string(), reason: z.string() }))
    .describe('What to do next, the most useful first.'),
  deployment: z.array(z.string()).describe('What whoever runs the model must know.'),
  cautions: z.array(z.string()).describe('What the figures do not show, or may overstate.'),
});
export type Interpretation = z.infer<typeof Interpretation>;

/** What the results of a search for a model mean. */
export const interpretation: ReplySchema<Interpretation> = { name: 'interpretation', schema: Interpretation };
