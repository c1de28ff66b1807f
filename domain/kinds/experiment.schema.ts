import { z } from 'zod';
import { replicatesOf } from '../cells.ts';
import { defaults } from '../defaults.ts';
import { Budget, slug } from '../job-fields.schema.ts';
import { FitJob } from './fit.schema.ts';
import { OptimizeJob } from './optimize.schema.ts';
import { SolveJob } from './solve.schema.ts';

/** Values by name: of one cell, or of those that are meant. */
const Values = z.record(z.string(), z.json());

/** A grid of jobs: one, of any kind that is tried by itself, for every combination of values. */
export const ExperimentJob = z
  .strictObject({
    kind: z.literal('experiment'),
    name: slug,
    /** What all cells together may spend on models; each cell has its own budget within. */
    budget: Budget.pick({ usd: true, tokens: true }).prefault({}),
    /** The job that every cell is, but for what the matrix changes. */
    cell: z.discriminatedUnion('kind', [OptimizeJob, SolveJob, FitJob]),
    /**
     * The values of each name. A name is a field of the cell, as `seed`, `limits.memoryMb` or `models.draft`.
     * Or it is put in place of `${name}` in the texts of its fields.
     */
    matrix: z
      .record(
        z
          .string()
          .regex(
            /^[A-Za-z]\w*(\.[A-Za-z]\w*)*$/,
            'expected a name of letters and digits, or a field as in limits.memoryMb',
          ),
        z.array(z.json()).min(1),
      )
      .refine((matrix) => Object.keys(matrix).length > 0, 'expected at least one name with its values'),
    /** Cells beside those of the matrix: a value for each of its names. */
    include: z.array(Values).default([]),
    /** Cells that are left out: those that have all values of one of these. */
    exclude: z.array(Values).default([]),
    /** How often each combination is run, every time with another `seed`. */
    repeats: z.number().int().positive().max(1_000).default(1),
    /** Names whose values are no arms of their own, but repeat each arm; unset: `seed`, where the matrix has it. */
    replicates: z.array(z.string()).optional(),
    /** Values that others are compared with, in pairs of cells that differ in nothing else. */
    baseline: Values.optional(),
    /** Cells that run at once. */
    window: z.number().int().positive().max(256).default(defaults.window),
    stop: z
      .strictObject({
        /** No more cells begin once so many have failed. */
        failures: z.number().int().positive().optional(),
        /**
         * Of so many arms one goes on, after 1 cell of each, after so many, after their square …. Unset: all go
         * on.
         */
        halving: z.number().int().min(2).max(100).optional(),
      })
      .prefault({}),
  })
  .superRefine((job, context) => {
    if (job.cell.on_failure === 'wait')
      context.addIssue({
        code: 'custom',
        path: ['cell', 'on_failure'],
        message:
          'a cell that waits for a person holds up those behind it: leave this out, and run failed cells again',
      });
    if (job.stop.halving !== undefined && job.repeats === 1 && replicatesOf(job).length === 0)
      context.addIssue({
        code: 'custom',
        path: ['stop', 'halving'],
        message:
          'expected arms of several cells to compare: give `repeats`, or a `seed` with several values in the matrix',
      });
    for (const { path, message } of wrongNames(job)) context.addIssue({ code: 'custom', path, message });
  });
export type ExperimentJob = z.infer<typeof ExperimentJob>;

type Named = Pick<ExperimentJob, 'matrix' | 'include' | 'exclude' | 'replicates' | 'baseline'>;

/** Returns which names are none of the matrix, and which are missing. */
function wrongNames({ matrix, include, exclude, replicates = [], baseline = {} }: Named) {
  const names = Object.keys(matrix);
  const unknown = (path: (string | number)[], name: string) =>
    names.includes(name)
      ? []
      : [{ path: [...path, name], message: `the matrix has no ${name}; it has ${names.join(', ')}` }];
  const among = (path: (string | number)[], values: object) =>
    Object.keys(values).flatMap((name) => unknown(path, name));
  return [
    ...include.flatMap((values, index) => [
      ...among(['include', index], values),
      ...names
        .filter((name) => !(name in values))
        .map((name) => ({ path: ['include', index], message: `expected a value for ${name}, too` })),
    ]),
    ...exclude.flatMap((values, index) => among(['exclude', index], values)),
    ...among(['baseline'], baseline),
    ...replicates.flatMap((name, index) => unknown(['replicates', index], name)),
    ...replicates
      .filter((name) => name in baseline)
      .map((name) => ({
        path: ['baseline', name],
        message: `${name} is among the \`replicates\`, which make no arms`,
      })),
  ];
}
