import { z } from 'zod';
import { common, Models, Output, prompts, SafePath, slug, stage } from '../job-fields.schema.ts';

const fields = {
  ...common,
  /** A Python script that is run as it is. */
  script: SafePath.optional(),
  /** Its command-line arguments. */
  args: z.array(z.string()).default([]),
  /** In place of a script: the name of a parameterised program that ships with Crucible. */
  recipe: slug.optional(),
  /** What the recipe is told; a parameter that is left out has the recipe's default. */
  with: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).optional(),
  /** What a program is to do, in words, at most 10,000 characters: models write one until its outputs pass. A script or a recipe beside it is tried first. */
  task: z.string().trim().min(1).max(10_000).optional(),
  /** What it must write, and what is checked of it. */
  outputs: z.array(Output).default([]),
  /** For a task. */
  models: Models.prefault({}),
  prompts,
};

type Source = Pick<
  z.infer<z.ZodObject<typeof fields>>,
  'script' | 'args' | 'recipe' | 'with' | 'task' | 'prompts'
>;

/** Says what is wrong with where the program comes from: a script with `args`, a recipe with `with`, or a task in words. */
function expectOneSource(job: Source, context: z.core.$RefinementCtx): void {
  const { script, args, recipe, with: values, task, prompts: own } = job;
  const rules = [
    {
      field: 'script',
      broken: script === undefined && recipe === undefined && task === undefined,
      message: 'expected a Python file, or in its place a `recipe` or a `task` in words; it is missing',
    },
    {
      field: 'recipe',
      broken: script !== undefined && recipe !== undefined,
      message: 'expected `script` or `recipe`, got both',
    },
    {
      field: 'with',
      broken: recipe === undefined && values !== undefined,
      message: '`with` is for a `recipe`; a script takes `args`',
    },
    {
      field: 'args',
      broken: recipe !== undefined && args.length > 0,
      message: '`args` are for a `script` or a `task`; a recipe takes `with`',
    },
    {
      field: 'prompts',
      broken: task === undefined && own !== undefined,
      message: '`prompts` are for a `task`: nothing else asks models',
    },
  ];
  for (const { field, broken, message } of rules)
    if (broken) context.addIssue({ code: 'custom', path: [field], message });
}

const kind = z.literal('solve');

export const SolveJob = z.strictObject({ kind, name: slug, ...fields }).superRefine(expectOneSource);
export type SolveJob = z.infer<typeof SolveJob>;

export const SolveStage = z.strictObject({ kind, ...stage, ...fields }).superRefine(expectOneSource);
