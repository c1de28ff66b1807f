import { z } from 'zod';
import { defaults } from './defaults.ts';
import { Limits } from './limits.schema.ts';
import { readRequirements } from './requirements.ts';
import { SafePath } from './safe-path.schema.ts';
import { strategyNames } from './strategy-names.ts';

export const slug = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and dashes, at most 63, a letter or digit first',
  );

/** The name of a recipe: `shape`, or `voxel.text` of one that stands in a group. */
export const recipeName = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)?$/,
    'expected the name of a recipe, such as voxel.text',
  );

const expectedFunction = 'expected the name of a function of the module; methods are not supported';

/** Without Unicode's classes, which not every reader of the JSON schema knows; `isIdentifier` has the last word. */
const identifier = String.raw`[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*`;
const isIdentifier = (name: string): boolean => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name);

/** Python reads every name in one form, so a name is looked for in that. */
export const functionName = z
  .string()
  .normalize('NFKC')
  .regex(new RegExp(`^${identifier}$`), expectedFunction)
  .refine(isIdentifier, expectedFunction);

/** `path.py`, or `path.py:function`. */
export const FunctionRef = z
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
  /**
   * Whether programs are asked for in batches: at half the price, and answered within a day instead of at once. The job rests meanwhile. Routes of
   * providers that take no batches are asked at once.
   */
  batch: z.boolean().optional(),
  /** Sent to models that take one. */
  temperature: z.number().min(0).max(2).default(defaults.model.temperature),
  /** Tokens that a reply with a program may have, reasoning included; a model's own limit holds too. */
  programTokens: z.number().int().positive().default(defaults.model.programTokens),
  /** Requests of one call on one route that may fail before the next route is asked. */
  tries: z.number().int().positive().max(20).default(defaults.model.tries),
});
export type Models = z.infer<typeof Models>;

export const Strategy = z.enum(strategyNames);
export type Strategy = z.infer<typeof Strategy>;

/** One package by its name, with versions where they matter: `pandas`, `pandas>=2,<3`. */
const PackageAsked = z
  .string()
  .max(500)
  .superRefine((text, context) => {
    const { requirements, mistakes } = readRequirements(text);
    const message = mistakes[0]?.message ?? 'expected one package, as in pandas or pandas==2.3.3';
    if (requirements.length !== 1) context.addIssue({ code: 'custom', message });
  });

/** A layer that ships with Crucible: its packages go together, and are locked. */
export const NamedLayer = z.enum(['voxel']);
export type NamedLayer = z.infer<typeof NamedLayer>;

/** What programs find beside what every sandbox has: one of the four. */
export const AskedEnvironment = z
  .strictObject({
    /** Packages by name, or a requirements file that names them: wheels, installed once by what they are. */
    requirements: z.union([SafePath, z.array(PackageAsked).min(1).max(200)]).optional(),
    /** A requirements file with one version and a hash of every package, as pip-compile or uv write it. */
    lock: SafePath.optional(),
    /** An image of the Docker engine, made from Crucible's own. */
    image: z
      .string()
      .regex(/^[a-z0-9][\w./:@-]*$/, 'expected the name of an image: my-image:1')
      .max(300)
      .optional(),
    /** A layer that ships with Crucible. `voxel` has PyVista and VTK, and draws without a display. */
    layer: NamedLayer.optional(),
  })
  .refine(
    (asked) => Object.values(asked).filter((each) => each !== undefined).length === 1,
    'expected one of `requirements`, `lock`, `image` and `layer`',
  );
export type AskedEnvironment = z.infer<typeof AskedEnvironment>;

/** What every job has that is tried by itself. */
export const common = {
  environment: AskedEnvironment.optional(),
  /** Files and folders, relative to the job file, that the program may read; below /work when it runs. */
  inputs: z.array(SafePath).default([]),
  limits: Limits.prefault({}),
  /** Threads a program may use. */
  cores: z.number().int().positive().max(256).default(defaults.cores),
  seed: z.number().int().nonnegative().default(defaults.seed),
  budget: Budget.prefault({}),
  /**
   * What comes of a search that ends without what it is after. `wait` keeps the job open, at no cost, until
   * somebody helps; unset, it ends.
   */
  on_failure: z.enum(['end', 'wait']).optional(),
};

/** Characters of a task in words. */
export const longestTask = 10_000;

/** A folder of prompts of the job's own: `NAME.md` there is used in place of Crucible's prompt of that name. */
export const prompts = SafePath.optional();

/**
 * Values by name. In a job file a stage with a matrix stands for one stage a combination. `${n}` in its fields
 * is the value of `n`.
 */
export const Matrix = z
  .record(
    z.string().regex(/^[A-Za-z]\w*$/, 'expected a name of letters and digits'),
    z.array(z.union([z.string().min(1), z.number(), z.boolean()])).min(1),
  )
  .refine((matrix) => Object.keys(matrix).length > 0, 'expected at least one name with its values');
export type Matrix = z.infer<typeof Matrix>;

/**
 * What makes a job a stage, whose name is the job's. The files of the stages it needs stand below their names.
 */
export const stage = {
  name: slug,
  needs: z.array(slug).default([]),
  /** Several stages at once; none in a job that was read, which has them all. */
  matrix: Matrix.optional(),
};

const metricName = z
  .string()
  .regex(
    /^[A-Za-z0-9_\u00a1-\uffff][A-Za-z0-9_\u00a1-\uffff .%/()+²-]{0,39}$/,
    'expected a name of at most 40 letters, digits and spaces',
  );

/** What a score is allowed beside the one that counts. */
const Bounds = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, 'expected `min`, `max` or both')
  .refine(
    ({ min, max }) => min === undefined || max === undefined || min <= max,
    'expected a `min` that is not above `max`',
  );

/** A score of the user's own, in place of passing. A function of theirs gives it for what a program wrote. */
export const ScoreObjective = z.strictObject({
  /** What the score is called: `RMSE`. Where the function returns a dict, its key. */
  metric: metricName,
  direction: z.enum(['minimize', 'maximize']),
  /**
   * `evaluate.py` (its `evaluate`) or `evaluate.py:name`, called in the grader's sandbox. It gets the folders
   * of the inputs and of the outputs, and a `seed` where it takes one. It returns a number, or a dict with
   * `metric` and what is constrained. No program sees this file.
   */
  check: FunctionRef,
  /**
   * Runs of each program, every one with another seed. Their mean counts, and how far they differ says how sure
   * it is.
   */
  repeats: z.number().int().positive().max(30).default(defaults.scoreRepeats),
  /** Stop as soon as a verified score is surely as good as this. */
  goal: z.number().optional(),
  /** Bounds of other numbers in the dict: `size_mb: { max: 10 }`. A program beyond one is refused. */
  constraints: z.record(metricName, Bounds).optional(),
  /** Whether models are shown the text of the function; its docstring they always are. */
  shown: z.boolean().optional(),
});
export type ScoreObjective = z.infer<typeof ScoreObjective>;
