import { z } from 'zod';
import { defaults } from '../defaults.ts';
import {
  common,
  FunctionRef,
  functionName,
  Models,
  prompts,
  Strategy,
  slug,
  stage,
  Tolerance,
} from '../job-fields.schema.ts';
import { SafePath } from '../safe-path.schema.ts';
import { Validator } from '../validator.schema.ts';

const fields = {
  ...common,
  /** The slow program. */
  program: SafePath,
  /** The slow function in it; unset: the whole script is optimised. */
  function: functionName.optional(),
  /** Makes inputs for the function: `cases.py` (its `make_case`) or `cases.py:name`. */
  cases: FunctionRef.optional(),
  /** Set where Crucible wrote `cases` itself: what it made them from. The verdict is said to rest on that. */
  casesFrom: z.string().min(1).max(300).optional(),
  /**
   * For a function with several right answers: judges them in place of a comparison. `check.py` (its `accepts`) or `check.py:name`, called with
   * the arguments and the answer. It returns True, or False, or in words why the answer is not right. No candidate sees this file.
   */
  accepts: FunctionRef.optional(),
  /**
   * What answers are compared with in place of the function's own: `exact.py:f`, which may be slower and more exact. The function's own answers must
   * agree with its answers within the tolerance as well.
   */
  oracle: FunctionRef.optional(),
  /** Whole script only: its command-line arguments. */
  args: z.array(z.string()).default([]),
  /**
   * Whole script only: the files it writes, as glob patterns; they and standard output must stay the same. One with a check must pass
   * it as well, and voxels are compared as numbers.
   */
  outputs: z.array(z.union([SafePath, Validator])).default([]),
  /** Whole script only: lines of standard output matching one of these regular expressions are not compared. */
  ignoreLines: z.array(z.string()).default([]),
  tolerance: Tolerance.prefault({}),
  /**
   * What an answer must have in common with the original's beside its values: `exact`: the types, classes and
   * layout. `equal`: the kind of its numbers and the shape.
   */
  answers: z.enum(['exact', 'equal']).default(defaults.answers),
  strategies: z.array(Strategy).default([...Strategy.options]),
  policy: z.enum(['refine', 'tree']).default('tree'),
  models: Models.prefault({}),
  prompts,
  /** Stop as soon as a verified speed-up has this lower bound. */
  goal: z.number().positive().optional(),
};

type Asked = Pick<
  z.infer<z.ZodObject<typeof fields>>,
  'program' | 'function' | 'cases' | 'casesFrom' | 'accepts' | 'oracle'
>;

/** Says what a function needs to be judged, and what is of no use without one. */
function expectWhole(job: Asked, context: z.core.$RefinementCtx): void {
  const rules = [
    {
      field: 'function',
      broken: job.function !== undefined && job.cases === undefined,
      message: 'a function needs `cases`: a file whose `make_case(seed)` returns its arguments',
    },
    {
      field: 'cases',
      broken: job.function === undefined && job.cases !== undefined,
      message: '`cases` needs `function`: the function to call',
    },
    {
      field: 'casesFrom',
      broken: job.cases === undefined && job.casesFrom !== undefined,
      message: '`casesFrom` tells of `cases`, and there are none',
    },
    {
      field: 'accepts',
      broken: job.function === undefined && job.accepts !== undefined,
      message: '`accepts` needs `function`: the function whose answers it judges',
    },
    {
      field: 'oracle',
      broken: job.function === undefined && job.oracle !== undefined,
      message: '`oracle` needs `function`: the function whose answers are compared with its own',
    },
    {
      field: 'oracle',
      broken: job.accepts !== undefined && job.oracle !== undefined,
      message: '`accepts` judges answers in place of a comparison: leave out `oracle`, or `accepts`',
    },
    {
      field: 'accepts',
      broken: job.accepts?.split(':')[0] === job.program,
      message: `expected another file than ${job.program}: a candidate has that one, and sees no check of its answers`,
    },
  ];
  for (const { field, broken, message } of rules)
    if (broken) context.addIssue({ code: 'custom', path: [field], message });
}

const kind = z.literal('optimize');

export const OptimizeJob = z.strictObject({ kind, name: slug, ...fields }).superRefine(expectWhole);
export type OptimizeJob = z.infer<typeof OptimizeJob>;

export const OptimizeStage = z.strictObject({ kind, ...stage, ...fields }).superRefine(expectWhole);
