/** The numbers that predictions are judged by, and which of them are better. `learn/metrics.py` computes them. */
export const metrics = {
  auc: 'maximize',
  log_loss: 'minimize',
  accuracy: 'maximize',
  balanced_accuracy: 'maximize',
  f1: 'maximize',
  f1_macro: 'maximize',
  mcc: 'maximize',
  brier: 'minimize',
  rmse: 'minimize',
  mae: 'minimize',
  r2: 'maximize',
  mape: 'minimize',
  rmsle: 'minimize',
} as const satisfies Record<string, 'maximize' | 'minimize'>;
export type Metric = keyof typeof metrics;

/** What a column can hold. */
export const columnKinds = [
  ...(['number', 'category', 'ordered', 'date', 'text', 'identifier', 'constant', 'flag'] as const),
] as const;

/** What is to be predicted: one of two classes, one of several, or a number. */
export const learningTasks = ['binary', 'multiclass', 'regression'] as const;
