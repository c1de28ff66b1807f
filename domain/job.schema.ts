import { z } from 'zod';
import { defaults } from './defaults.ts';
import { Limits } from './limits.schema.ts';
import { strategyNames } from './strategy-names.ts';

export const slug = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and dashes, at most 63, a letter or digit first',
  );

/** Of a name in a folder, as file systems have it. */
const longestNameBytes = 255;
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** A path inside the job's folder: relative, no `..`, no control characters, no name longer than a file system takes. */
export const SafePath = z
  .string()
  .min(1)
  .max(400)
  .refine(
    (path) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
      !/[\u0000-\u001f\u007f-\u009f\\]/.test(path) &&
      path.isWellFormed() &&
      !path.startsWith('/') &&
      !path.startsWith('-') &&
      path.split('/').every((part) => part !== '..' && part !== '' && bytesOf(part) <= longestNameBytes),
    'expected a path inside the workspace: relative, without `..`, backslashes, control characters or names of more than 255 bytes',
  );

const expectedFunction = 'expected the name of a function of the module; methods are not supported';

/** Without Unicode's classes, which not every reader of the JSON schema knows; `isIdentifier` has the last word. */
const identifier = String.raw`[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*`;
const isIdentifier = (name: string): boolean => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name);

/** Python reads every name in one form, so a name is looked for in that. */
const functionName = z
  .string()
  .normalize('NFKC')
  .regex(new RegExp(`^${identifier}$`), expectedFunction)
  .refine(isIdentifier, expectedFunction);

/** `path.py`, or `path.py:function`. */
const FunctionRef = z
  .string()
  .overwrite((ref) => ref.replace(/:[^:]*$/, (name) => name.normalize('NFKC')))
  .regex(new RegExp(`^[^:]+\\.py(:${identifier})?$`), 'expected `file.py` or `file.py:function`')
  .refine((ref) => isIdentifier(ref.split(':')[1] ?? 'make_case'), 'expected `file.py` or `file.py:function`')
  .refine((ref) => SafePath.safeParse(ref.split(':')[0]).success, 'expected a path inside the job folder');

export const Budget = z.strictObject({
  /** Candidates tried, without the baseline. */
  trials: z.number().int().positive().max(10_000).default(defaults.trials),
  /** Wall-clock time of the whole job, milliseconds. */
  wallMs: z.number().int().positive().default(defaults.wallMs),
  /** US dollars for models; unset: no limit. */
  usd: z.number().positive().optional(),
  /** Tokens for models; unset: no limit. */
  tokens: z.number().int().positive().optional(),
  /** Under a limit in dollars: whether a model whose price is not known may be asked all the same. */
  unknownPrices: z.enum(['refuse', 'allow']).default('refuse'),
});
export type Budget = z.infer<typeof Budget>;

export const Tolerance = z.strictObject({
  relative: z.number().nonnegative().default(defaults.tolerance.relative),
  /** Unset: a thousandth of `relative` at the scale of what is expected, which is the root of its mean square. */
  absolute: z.number().nonnegative().optional(),
});
export type Tolerance = z.infer<typeof Tolerance>;

/** `provider/model`, or a well-known name out of the catalogue: `claude-3-opus`. */
const Route = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:-]*(\/[\w.:@/~-]+)?$/, 'expected `provider/model`, or the name of a model');
/** Routes by role, tried in order. A role without any takes another role's; where none has any, they are chosen from what is configured. */
export const Models = z.strictObject({
  plan: z.array(Route).optional(),
  draft: z.array(Route).optional(),
  debug: z.array(Route).optional(),
  improve: z.array(Route).optional(),
  explain: z.array(Route).optional(),
  /** How models are chosen where none is named: the cheapest, or the strongest; unset: by the task and the budget. */
  profile: z.enum(['dev', 'best']).optional(),
  /** How hard the task is, where models are chosen by it. */
  complexity: z.enum(['low', 'medium', 'high']).default('medium'),
  /** Whether a reply to the very same request is taken from the cache. */
  cache: z.boolean().default(true),
  /** Sent to models that take one. */
  temperature: z.number().min(0).max(2).default(defaults.model.temperature),
  /** Tokens that a reply with a program may have, reasoning included; a model's own limit holds too. */
  programTokens: z.number().int().positive().default(defaults.model.programTokens),
  /** Requests of one call on one route that may fail before the next route is asked. */
  tries: z.number().int().positive().max(20).default(defaults.model.tries),
});
export type Models = z.infer<typeof Models>;

/** A check of one expected output, run by the grader; none may be empty. */
export const Validator = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), path: SafePath }),
  z.strictObject({
    kind: z.literal('image'),
    path: SafePath,
    minWidth: z.number().int().positive().optional(),
    minHeight: z.number().int().positive().optional(),
  }),
  z.strictObject({
    kind: z.literal('voxels'),
    path: SafePath,
    /** Voxels along an edge; unset: any cube. */
    n: z.number().int().positive().optional(),
    /** Bytes in front of the voxels; unset: none, or the eight of N as int32 and a size as float32 where they are there. */
    header: z
      .number()
      .int()
      .nonnegative()
      .max(2 ** 20)
      .optional(),
    /** What a voxel is. */
    dtype: z
      .enum(['float32', 'float64', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32'])
      .optional(),
    byteOrder: z.enum(['little', 'big']).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  }),
  z.strictObject({
    kind: z.literal('npy'),
    path: SafePath,
    /** Null along an axis: any length. */
    shape: z.array(z.number().int().nonnegative().nullable()).optional(),
    dtype: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  }),
  z.strictObject({
    kind: z.literal('json'),
    path: SafePath,
    schema: z.record(z.string(), z.unknown()).optional(),
  }),
  z.strictObject({
    kind: z.literal('csv'),
    path: SafePath,
    columns: z.array(z.string()).optional(),
    minRows: z.number().int().nonnegative().optional(),
    maxRows: z.number().int().nonnegative().optional(),
  }),
]);
export type Validator = z.infer<typeof Validator>;

/** An output by path alone must be there and not be empty. */
const Output = z.union([SafePath.transform((path): Validator => ({ kind: 'file', path })), Validator]);

export const Strategy = z.enum(strategyNames);
export type Strategy = z.infer<typeof Strategy>;

const common = {
  /** Files and folders, relative to the job file, that the program may read; below /work when it runs. */
  inputs: z.array(SafePath).default([]),
  limits: Limits.prefault({}),
  /** Threads a program may use. */
  cores: z.number().int().positive().max(256).default(defaults.cores),
  seed: z.number().int().nonnegative().default(defaults.seed),
  budget: Budget.prefault({}),
};

/** A folder of prompts of the job's own: `NAME.md` there is used in place of Crucible's prompt of that name. */
const prompts = SafePath.optional();

const optimizeFields = {
  ...common,
  /** The slow program. */
  program: SafePath,
  /** The slow function in it; unset: the whole script is optimised. */
  function: functionName.optional(),
  /** Makes inputs for the function: `cases.py` (its `make_case`) or `cases.py:name`. */
  cases: FunctionRef.optional(),
  /**
   * For a function with several right answers: judges them in place of a comparison. `check.py` (its `accepts`) or `check.py:name`, called with
   * the arguments and the answer. It returns True, or False, or in words why the answer is not right. No candidate sees this file.
   */
  accepts: FunctionRef.optional(),
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
   * What an answer must have in common with the original's beside its values: `exact`: the types, classes and layout; `equal`: the
   * kind of its numbers and the shape.
   */
  answers: z.enum(['exact', 'equal']).default(defaults.answers),
  strategies: z.array(Strategy).default([...Strategy.options]),
  policy: z.enum(['refine', 'tree']).default('tree'),
  models: Models.prefault({}),
  prompts,
  /** Stop as soon as a verified speed-up has this lower bound. */
  goal: z.number().positive().optional(),
};

const solveFields = {
  ...common,
  /** A Python script that is run as it is. */
  script: SafePath.optional(),
  /** Its command-line arguments. */
  args: z.array(z.string()).default([]),
  /** In place of a script: the name of a parameterised program that ships with Crucible. */
  recipe: slug.optional(),
  /** What the recipe is told; a parameter that is left out has the recipe's default. */
  with: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).optional(),
  /** What a program is to do, in words: models write one until its outputs pass. A script or a recipe beside it is tried first. */
  task: z.string().trim().min(1).max(20_000).optional(),
  /** What it must write, and what is checked of it. */
  outputs: z.array(Output).default([]),
  /** For a task. */
  models: Models.prefault({}),
  prompts,
};

export const OptimizeJob = z.strictObject({ kind: z.literal('optimize'), name: slug, ...optimizeFields });
export type OptimizeJob = z.infer<typeof OptimizeJob>;

export const SolveJob = z.strictObject({ kind: z.literal('solve'), name: slug, ...solveFields });
export type SolveJob = z.infer<typeof SolveJob>;

/** A stage is a job whose name is the stage's; the files of the stages it needs stand below their names. */
const stage = { name: slug, needs: z.array(slug).default([]) };
export const Stage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('optimize'), ...stage, ...optimizeFields }),
  z.strictObject({ kind: z.literal('solve'), ...stage, ...solveFields }),
]);
export type Stage = z.infer<typeof Stage>;

export const PipelineJob = z.strictObject({
  kind: z.literal('pipeline'),
  name: slug,
  /** What all stages together may spend on models; each stage has its own budget within. */
  budget: Budget.pick({ usd: true, tokens: true }).prefault({}),
  stages: z.array(Stage).min(1).max(200),
});
export type PipelineJob = z.infer<typeof PipelineJob>;

const unchecked = z.discriminatedUnion('kind', [OptimizeJob, SolveJob, PipelineJob]);

/** What a user asks for. `kind` picks the workflow. */
export const Job = unchecked.superRefine((job, context) => {
  const parts = job.kind === 'pipeline' ? job.stages : [job];
  for (const [index, part] of parts.entries()) {
    const path = job.kind === 'pipeline' ? ['stages', index] : [];
    if (part.kind === 'solve') {
      for (const { field, message } of wrongSource(part))
        context.addIssue({ code: 'custom', path: [...path, field], message });
      continue;
    }
    if (part.function !== undefined && part.cases === undefined)
      context.addIssue({
        code: 'custom',
        path: [...path, 'function'],
        message: 'a function needs `cases`: a file whose `make_case(seed)` returns its arguments',
      });
    if (part.function === undefined && part.cases !== undefined)
      context.addIssue({
        code: 'custom',
        path: [...path, 'cases'],
        message: '`cases` needs `function`: the function to call',
      });
    if (part.function === undefined && part.accepts !== undefined)
      context.addIssue({
        code: 'custom',
        path: [...path, 'accepts'],
        message: '`accepts` needs `function`: the function whose answers it judges',
      });
    if (part.accepts?.split(':')[0] === part.program)
      context.addIssue({
        code: 'custom',
        path: [...path, 'accepts'],
        message: `expected another file than ${part.program}: a candidate has that one, and sees no check of its answers`,
      });
  }
  if (job.kind !== 'pipeline') return;
  const names = job.stages.map((each) => each.name);
  for (const [index, each] of job.stages.entries()) {
    if (names.indexOf(each.name) !== index)
      context.addIssue({
        code: 'custom',
        path: ['stages', index, 'name'],
        message: `two stages are named ${each.name}`,
      });
    for (const [place, need] of each.needs.entries())
      if (!names.includes(need))
        context.addIssue({
          code: 'custom',
          path: ['stages', index, 'needs', place],
          message: `there is no stage ${need}; the stages are ${names.join(', ')}`,
        });
  }
  const circle = findCycle(job.stages);
  if (circle !== undefined)
    context.addIssue({
      code: 'custom',
      path: ['stages'],
      message: `stages wait for each other: ${circle.join(' → ')}`,
    });
});
export type Job = z.infer<typeof Job>;
export type JobKind = Job['kind'];

type Source = Pick<SolveJob, 'script' | 'args' | 'recipe' | 'with' | 'task' | 'prompts'>;

/** What is wrong with where a `solve` job's program comes from: a script with `args`, a recipe with `with`, or a task in words. */
function wrongSource(job: Source): { field: string; message: string }[] {
  const { script, args, recipe, with: values, task, prompts } = job;
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
      broken: task === undefined && prompts !== undefined,
      message: '`prompts` are for a `task`: nothing else asks models',
    },
  ];
  return rules.filter(({ broken }) => broken);
}

/** The names along a cycle of `needs`, its first one repeated at the end; undefined where there is none. */
function findCycle(stages: readonly { name: string; needs: readonly string[] }[]): string[] | undefined {
  const finished = new Set<string>();
  const visit = (name: string, trail: string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (finished.has(name)) return undefined;
    for (const need of stages.find((each) => each.name === name)?.needs ?? []) {
      const found = visit(need, [...trail, name]);
      if (found !== undefined) return found;
    }
    finished.add(name);
    return undefined;
  };
  for (const each of stages) {
    const found = visit(each.name, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
