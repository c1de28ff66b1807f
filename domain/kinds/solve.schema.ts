import { z } from 'zod';
import { contradictionsBetween } from '../contradictions.ts';
import { Extension } from '../extension.schema.ts';
import {
  common,
  FunctionRef,
  longestTask,
  Models,
  prompts,
  recipeName,
  ScoreObjective,
  slug,
  stage,
} from '../job-fields.schema.ts';
import { isTestFile } from '../judging.ts';
import { isEquals } from '../output-checks.ts';
import { SafePath } from '../safe-path.schema.ts';
import { Output } from '../validator.schema.ts';

const fields = {
  ...common,
  /** A Python script that is run as it is. */
  script: SafePath.optional(),
  /** A script that fails is mended: by what its diagnosis says, then by models. What only hides the failure is refused. */
  fix: z.literal(true).optional(),
  /** Its command-line arguments. */
  args: z.array(z.string()).default([]),
  /** In place of a script: the name of a parameterised program that ships with Crucible. */
  recipe: recipeName.optional(),
  /** What the recipe is told; a parameter that is left out has the recipe's default. */
  with: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).optional(),
  /** What a program is to do, in words, at most 10,000 characters: models write one until its outputs pass. A script or a recipe beside it is tried first. */
  task: z.string().trim().min(1).max(longestTask).optional(),
  /**
   * A C++ extension module for Python, in place of a program. It is built, tested on cases of its arguments,
   * run under AddressSanitizer, and measured.
   */
  module: Extension.optional(),
  /**
   * The file that `task` was read from. In a job file it stands in place of a task. A `script` beside it that
   * is not there is written for it.
   */
  template: SafePath.optional(),
  /** What it must write, and what is checked of it. */
  outputs: z.array(Output).default([]),
  /**
   * The user's own check of what it wrote: `check.py` (its `check`), `check.py:name`, or `test_name.py` for
   * pytest. It is called in the grader's sandbox with the folders of the inputs and of the outputs. It refuses
   * in words, by False, or by raising. No program sees this file.
   */
  check: FunctionRef.optional(),
  /** Files and folders that the check reads, such as what is expected. No program sees them. */
  hidden: z.array(SafePath).optional(),
  /**
   * A small input that every program must pass on before it sees the full one. It is a file or folder in the
   * place of `inputs`. Or it is so many rows of each CSV and JSON Lines, and so many files of each folder.
   */
  sample: z.union([SafePath, z.strictObject({ rows: z.number().int().positive() })]).optional(),
  /** For a task. */
  models: Models.prefault({}),
  prompts,
  /**
   * Stands in place of passing. Programs are scored by a function of the user's, and the best is improved until
   * the budget is used.
   */
  objective: ScoreObjective.optional(),
};

type Source = Pick<
  z.infer<z.ZodObject<typeof fields>>,
  | 'script'
  | 'fix'
  | 'args'
  | 'recipe'
  | 'with'
  | 'task'
  | 'module'
  | 'outputs'
  | 'prompts'
  | 'check'
  | 'hidden'
  | 'inputs'
  | 'sample'
  | 'on_failure'
  | 'objective'
>;

/**
 * Says what is wrong with where the program comes from. It is a script with `args`, a recipe with `with`, or a
 * task in words.
 */
function expectOneSource(job: Source, context: z.core.$RefinementCtx): void {
  for (const { path, message } of contradictionsBetween(job.outputs))
    context.addIssue({ code: 'custom', path: ['outputs', Number(path[0]), ...path.slice(1)], message });
  const { script, fix, args, recipe, with: values, task, prompts: own, hidden = [], inputs } = job;
  const [checkFile, scoreFile] = [job.check, job.objective?.check].map((named) => named?.split(':')[0]);
  const searches = task !== undefined || fix !== undefined || isWritten(job.module);
  const asks = searches || job.objective !== undefined;
  const rules = [
    ...beside(job),
    {
      field: 'script',
      broken: script === undefined && recipe === undefined && task === undefined && job.module === undefined,
      message:
        'expected a Python file, or in its place a `recipe`, a C++ `module` or a `task` in words; it is missing',
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
      broken: !asks && own !== undefined,
      message: '`prompts` are for a `task`, a `fix` or an `objective`: nothing else asks models',
    },
    {
      field: 'fix',
      broken: fix !== undefined && (script === undefined || task !== undefined),
      message: 'expected a `script` that is mended, and no `task` beside it',
    },
    {
      field: 'objective',
      broken: fix !== undefined && job.objective !== undefined,
      message: 'expected `objective` or `fix`, got both: a script has to pass before it is improved',
    },
    {
      field: 'on_failure',
      broken: !searches && job.on_failure === 'wait',
      message: 'expected `end`: without a `task` or a `fix` nothing is searched for, so nobody could help',
    },
    {
      field: 'check',
      broken: checkFile !== undefined && [script, ...inputs].includes(checkFile),
      message: `expected another file than ${checkFile}: a program has that one, and sees no check of what it writes`,
    },
    ...job.outputs.filter(isEquals).map(({ reference, path }) => ({
      field: 'outputs',
      broken: [script, path, ...inputs].includes(reference),
      message: `expected another file than ${reference}: a program has that one, or writes it, and sees nothing of what ${path} is to equal`,
    })),
    {
      field: 'sample',
      broken: job.sample !== undefined && inputs.length === 0,
      message: 'a sample stands in for `inputs`; there are none',
    },
    {
      field: 'hidden',
      broken: checkFile === undefined && scoreFile === undefined && hidden.length > 0,
      message: '`hidden` are files that a `check` or an `objective` reads; there is none',
    },
    {
      field: 'objective',
      broken: scoreFile !== undefined && [script, ...inputs].includes(scoreFile),
      message: `expected another file than ${scoreFile}: a program has that one, and sees nothing of what scores it`,
    },
    {
      field: 'objective',
      broken: scoreFile !== undefined && recipe !== undefined,
      message: '`objective` is for a `script` or a `task`; a recipe has checks of its own',
    },
    {
      field: 'hidden',
      broken: hidden.some((path) => path === script || inputs.includes(path)),
      message: 'expected other files than the script and `inputs`: a program has those',
    },
  ];
  for (const { field, broken, message } of rules)
    if (broken) context.addIssue({ code: 'custom', path: [field], message });
}

const isWritten = (module: Extension | undefined): boolean =>
  module !== undefined && module.source === undefined;

/** What says nothing of a module, which is called and writes no file. */
function beside({ module, ...job }: Source): { field: string; broken: boolean; message: string }[] {
  if (module === undefined) return [];
  const given = [
    ...(['script', 'recipe', 'with', 'fix', 'check', 'sample', 'objective'] as const).filter(
      (field) => job[field] !== undefined && !(field === 'check' && isTestFile(job.check ?? '')),
    ),
    ...(['outputs', 'args'] as const).filter((field) => job[field].length > 0),
  ];
  return given.map((field) => ({
    ...{ field, broken: true },
    message: `a \`module\` is tested on calls: expected its \`reference\`, \`accepts\` or examples in place of \`${field}\``,
  }));
}

const kind = z.literal('solve');

export const SolveJob = z.strictObject({ kind, name: slug, ...fields }).superRefine(expectOneSource);
export type SolveJob = z.infer<typeof SolveJob>;

export const SolveStage = z.strictObject({ kind, ...stage, ...fields }).superRefine(expectOneSource);
