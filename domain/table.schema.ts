import { z } from 'zod';
import type { Artifact } from './artifact.schema.ts';
import { learningTasks, type Metric, metrics } from './learning.ts';

/**
 * What scripts of `learn/` say of a table and of what was learnt from it. It has as much as anything but those
 * scripts reads.
 */
const metric = z.enum(Object.keys(metrics) as [Metric, ...Metric[]]);
const bounds = z.tuple([z.number(), z.number()]);

export const Warning = z.object({
  kind: z.string(),
  column: z.string().nullish(),
  number: z.number().nullish(),
  message: z.string(),
});

/** What a look at a table found. */
export const Look = z.object({
  rows: z.number(),
  columns: z.array(
    z.object({
      name: z.string(),
      /** `target`, or one of `columnKinds`. */
      kind: z.string(),
      why: z.string(),
      missing: z.number(),
      distinct: z.number(),
    }),
  ),
  target: z.object({ name: z.string(), why: z.string(), confirmed: z.boolean() }),
  task: z.enum(learningTasks),
  classes: z.array(z.string()).nullish(),
  metric,
  balance: z.array(z.tuple([z.string(), z.number()])).nullish(),
  warnings: z.array(Warning),
  leftOut: z.array(z.object({ what: z.string(), count: z.number() })),
});
export type Look = z.infer<typeof Look>;

/** Returns what was left out of a table, in words: nothing is without being counted. */
export const leftOutLines = ({ leftOut }: Pick<Look, 'leftOut'>): string[] =>
  leftOut.map(({ what, count }) => `left out: ${count.toLocaleString('en')} ${what}`);

/** What the split found: the columns that are learnt from, folds, and what predicting without learning would score. */
export const Meta = z.object({
  rows: z.number(),
  testRows: z.number(),
  naive: z.object({ score: z.number().nullable(), what: z.string() }),
  warnings: z.array(Warning).default([]),
  split: z.string(),
});

export const LearningPlan = z.object({
  models: z.array(z.object({ name: z.string(), why: z.string(), share: z.number() })),
  others: z.array(z.object({ name: z.string(), whyNot: z.string() })).default([]),
  folds: z.number(),
  reserveSeconds: z.number(),
  /** Earlier jobs whose experience it begins with. */
  from: z.array(z.object({ job: z.string(), what: z.string() })).default([]),
});

/** What is to be fitted next. */
export const Next = z.object({
  decisions: z.array(
    z.object({
      id: z.string().max(60),
      folds: z.array(z.number().int().nonnegative()).min(1),
      fold: z.record(z.string(), z.number()),
      limitSeconds: z.number().positive(),
      why: z.string().default(''),
    }),
  ),
  done: z.boolean(),
  why: z.string().default(''),
});

/** What a fold took to be learnt from and predicted, and what its model holds. Training adds what it found. */
export const Timing = z.looseObject({
  fitSeconds: z.number(),
  predictSeconds: z.number(),
  bytes: z.number(),
  /** What one row by itself took, milliseconds; where that was asked. */
  rowMs: z.number().nonnegative().optional(),
});
export type Timing = z.infer<typeof Timing>;

/** How one fold of a candidate ended. */
export const FoldEnd = z.object({
  fold: z.number().int(),
  state: z.enum(['scored', 'refused', 'crashed', 'timed_out']),
  score: z.number().nullable(),
  seconds: z.number(),
  memoryMb: z.number(),
  problem: z.string().nullable(),
  timing: Timing.nullable(),
});
export type FoldEnd = z.infer<typeof FoldEnd>;

/** What came of the folds that one decision asked for. */
export const FoldsEnded = z.object({ config: z.looseObject({ id: z.string() }), folds: z.array(FoldEnd) });
export type FoldsEnded = z.infer<typeof FoldsEnded>;

export const FoldGrades = z.object({
  folds: z.array(
    z.object({ fold: z.number(), score: z.number().nullable(), refused: z.string().nullable() }),
  ),
  score: z.number().nullable(),
  interval: bounds.nullable(),
  refused: z.string().nullable(),
});
export type FoldGrades = z.infer<typeof FoldGrades>;

export const Blend = z.object({
  members: z.array(z.object({ id: z.string(), weight: z.number() })),
  score: z.number().nullable(),
  interval: bounds.nullable(),
  perFold: z.array(z.number().nullable()),
  folds: z.array(z.number()),
  best: z.string().nullable(),
  leaderboard: z.array(
    z.looseObject({
      id: z.string(),
      score: z.number().nullable(),
      interval: bounds.nullish(),
      folds: z.array(z.number()),
      fitSeconds: z.number(),
      predictSeconds: z.number(),
      bytes: z.number(),
      weight: z.number(),
    }),
  ),
  threshold: z.number().nullable(),
  notHelping: z.array(z.string()),
  /** What takes longer to predict a row than may be. */
  tooSlow: z.array(z.string()).default([]),
  /** With how many of the models of its folds a member predicts; unset: all. */
  models: z.number().int().nonnegative().optional(),
});
export type Blend = z.infer<typeof Blend>;

export const Judged = z.object({
  metric,
  score: z.number(),
  interval: bounds.nullable(),
  rows: z.number(),
  naive: z.object({ score: z.number().nullable(), what: z.string() }),
  learnt: z.boolean(),
  says: z.string(),
  confusion: z.object({ labels: z.array(z.string()), counts: z.array(z.array(z.number())) }).nullish(),
  calibration: z
    .array(z.object({ predicted: z.number(), observed: z.number(), count: z.number() }))
    .nullish(),
  residuals: z.object({ predicted: z.array(z.number()), actual: z.array(z.number()) }).nullish(),
  slices: z
    .array(
      z.object({
        column: z.string(),
        value: z.string(),
        rows: z.number(),
        /** By what the part is judged: a ranking says little of a part. */
        metric: z.string().optional(),
        score: z.number().nullable(),
      }),
    )
    .default([]),
});
export type Judged = z.infer<typeof Judged>;

/** What the blend goes by, and what would help. */
export const Explained = z.object({
  importance: z.array(z.object({ column: z.string(), permutation: z.number(), shap: z.number().nullable() })),
  dependence: z.array(
    z.object({
      column: z.string(),
      values: z.array(z.union([z.string(), z.number()])),
      predicted: z.array(z.array(z.number())),
    }),
  ),
  /** What more rows gave: the score of one model that learnt from so many. */
  curve: z.array(z.object({ rows: z.number(), score: z.number() })).default([]),
  recommendations: z.array(z.string()),
  deployment: z.array(z.string()),
});
export type Explained = z.infer<typeof Explained>;

/** A table as it was split: which files go where is said in `activities/fit/table-files.ts`. */
export interface SplitTable {
  /** A `Tree` of everything that was made of it. */
  files: Artifact;
  folds: number;
  /** What the end needs of the time. */
  reserveMs: number;
}
