import { z } from 'zod';
import { defaults } from '../defaults.ts';
import { Budget, common, Models, slug, stage } from '../job-fields.schema.ts';
import { columnKinds, learningTasks, type Metric, metrics } from '../learning.ts';
import { Limits } from '../limits.schema.ts';
import { SafePath } from '../safe-path.schema.ts';

const column = z.string().min(1);
const metricNames = Object.keys(metrics) as [Metric, ...Metric[]];

/** Its time is what it is held to; the trials within are short. */
const FitBudget = Budget.extend({
  trials: Budget.shape.trials.unwrap().default(defaults.fit.trials),
  wallMs: Budget.shape.wallMs.unwrap().default(defaults.fit.wallMs),
});

const fields = {
  ...common,
  /** The table: CSV, TSV, Parquet, Arrow, JSON Lines or Excel. */
  table: SafePath,
  /** Rows that are kept for the end in place of a share of the table. */
  test: SafePath.optional(),
  /** The column to predict. */
  target: column,
  /** By what predictions are judged. */
  metric: z.enum(metricNames),
  /** Unset: by the target's values. */
  task: z.enum(learningTasks).optional(),
  /** Rows with the same value here stay together, in the test and in every fold. */
  groups: column.optional(),
  /** Rows are tested on a later time than they were learnt from. */
  time: column.optional(),
  /** How much each row counts. */
  weights: column.optional(),
  /** Columns that are not learnt from. */
  drop: z.array(column).default([]),
  /** What columns hold, where it is not what their values look like. */
  kinds: z.record(column, z.enum(columnKinds)).default({}),
  /** False: what worked in earlier jobs is not looked at. */
  experience: z.literal(false).optional(),
  /** Only models that a person can read. */
  interpretable: z.literal(true).optional(),
  /** What one row may take to be predicted, milliseconds. */
  maxLatencyMs: z.number().positive().optional(),
  /** Who plans, beside the planner that needs no model. */
  models: Models.prefault({}),
  /** Threads a program may use. */
  cores: z.number().int().positive().max(256).default(defaults.fit.cores),
  limits: Limits.prefault({ memoryMb: defaults.fit.memoryMb }),
  budget: FitBudget.prefault({}),
};

/** Options that name a column for something else than to be learnt from. */
const roles = ['groups', 'time', 'weights'] as const;

type Asked = Pick<
  z.infer<z.ZodObject<typeof fields>>,
  'environment' | 'on_failure' | 'target' | 'drop' | (typeof roles)[number]
>;

/** Says what is of no use to learning. */
function expectOwnPackages(job: Asked, context: z.core.$RefinementCtx): void {
  const rules = [
    {
      field: 'environment',
      broken: job.environment !== undefined,
      message: 'learning brings its own packages: leave `environment` out',
    },
    {
      field: 'on_failure',
      broken: job.on_failure === 'wait',
      message: 'expected `end`: the best that was learnt within the time is what it gives',
    },
    {
      field: 'drop',
      broken: job.drop.includes(job.target),
      message: `expected other columns than the target ${job.target}`,
    },
  ];
  for (const role of roles) {
    const name = job[role];
    if (name === undefined) continue;
    const other = [['target', job.target] as const, ...roles.map((each) => [each, job[each]] as const)].find(
      ([each, named]) => each !== role && named === name,
    );
    rules.push(
      {
        field: 'drop',
        broken: job.drop.includes(name),
        message: `expected other columns than ${name}, which \`${role}\` names: leave one of the two out`,
      },
      {
        field: role,
        broken: other !== undefined,
        message: `expected another column than ${name}, which \`${other?.[0]}\` names too`,
      },
    );
  }
  for (const { field, broken, message } of rules)
    if (broken) context.addIssue({ code: 'custom', path: [field], message });
}

const kind = z.literal('fit');

export const FitJob = z.strictObject({ kind, name: slug, ...fields }).superRefine(expectOwnPackages);
export type FitJob = z.infer<typeof FitJob>;

export const FitStage = z.strictObject({ kind, ...stage, ...fields }).superRefine(expectOwnPackages);
