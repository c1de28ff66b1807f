import { z } from 'zod';
import { contradictions } from './contradictions.ts';
import { Tolerance } from './job-fields.schema.ts';
import { SafePath } from './safe-path.schema.ts';

const count = z.number().int().nonnegative();
const size = z.number().int().positive();

/** Bounds of a value, each of them optional. */
const range = { minimum: z.number().optional(), maximum: z.number().optional() };

/** What NumPy takes for the type of numbers, or of text. */
const dtype = z
  .string()
  .regex(
    /^(?:[<>=|]?[?biufcSUVmM]\d*(?:\[\w+\])?|bool_?|u?int(?:8|16|32|64|c|p)?|u?(?:byte|short|long|longlong)|half|single|double|longdouble|float(?:16|32|64|96|128)?|complex(?:64|128|192|256)?|csingle|cdouble|str|bytes|(?:datetime|timedelta)64(?:\[\w+\])?)$/,
    'expected a type of NumPy, such as float32',
  );

/** An array as NumPy has it. */
const array = {
  /** Null along an axis: any length. */
  shape: z.array(count.nullable()).min(1).optional(),
  dtype: dtype.optional(),
  ...range,
};

/** Python's flavour differs in a few forms; what is sure to be no pattern in either is refused. */
function isPattern(text: string): boolean {
  if (/\(\?>|\(\?\(|\(\?#|[*+?}]\+|\(\?[aiLmsux]*[xLau]/.test(text)) return true;
  const plain = text
    .replace(/^\(\?[ims]+\)/, '')
    .replaceAll('(?P<', '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>');
  try {
    return new RegExp(plain) instanceof RegExp;
  } catch {
    return false;
  }
}

const pattern = z.string().min(1).refine(isPattern, 'expected a regular expression');
const someOf = <T extends z.ZodType<string>>(one: T) => z.union([one, z.array(one).min(1)]).optional();

/** What text must hold, and must not; `matches` are Python's regular expressions, found anywhere in it. */
const text = {
  contains: someOf(z.string().min(1)),
  lacks: someOf(z.string().min(1)),
  matches: someOf(pattern),
  minLines: count.optional(),
  maxLines: count.optional(),
};

const pixels = {
  width: size.optional(),
  height: size.optional(),
  minWidth: size.optional(),
  maxWidth: size.optional(),
  minHeight: size.optional(),
  maxHeight: size.optional(),
};

/** What the columns of a table must be. A cell may be empty only where its column is among `empty`. */
const table = {
  /** Columns that must be there, whatever else is; with `onlyColumns` these in this order and no others. */
  columns: z.array(z.string()).min(1).optional(),
  onlyColumns: z.boolean().optional(),
  types: z
    .record(z.string(), z.enum(['integer', 'number', 'text', 'boolean', 'date', 'datetime']))
    .optional(),
  ranges: z.record(z.string(), z.strictObject(range)).optional(),
  /** Columns no value of which stands twice. */
  unique: z.array(z.string()).min(1).optional(),
  empty: z.array(z.string()).min(1).optional(),
  rows: count.optional(),
  minRows: count.optional(),
  maxRows: count.optional(),
};

/** A check of files that a program writes; none of them may be empty. */
const fileChecks = [
  z.strictObject({
    kind: z.literal('file'),
    path: SafePath,
    minBytes: count.optional(),
    maxBytes: count.optional(),
  }),
  /** Whatever its name says it is, it can be read as that: a picture, a table, a document. */
  z.strictObject({ kind: z.literal('readable'), path: SafePath }),
  z.strictObject({ kind: z.literal('text'), path: SafePath, ...text }),
  z.strictObject({
    kind: z.literal('image'),
    path: SafePath,
    ...pixels,
    /** Whether there must be pixels that can be seen through; false: there may be none. */
    alpha: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('video'),
    path: SafePath,
    ...pixels,
    frames: size.optional(),
    minFrames: size.optional(),
    maxFrames: size.optional(),
    minSeconds: z.number().nonnegative().optional(),
    maxSeconds: z.number().nonnegative().optional(),
    /** Whether one of its pictures must differ from the first. */
    moves: z.literal(true).optional(),
  }),
  z.strictObject({
    kind: z.literal('voxels'),
    path: SafePath,
    /** Voxels along an edge; unset: any cube. */
    n: size.optional(),
    /**
     * Bytes in front of the voxels. Unset: none, or the eight of N as int32 and a size as float32 where they
     * are there.
     */
    header: count.max(2 ** 20).optional(),
    /** What a voxel is. */
    dtype: z
      .enum(['float32', 'float64', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32'])
      .optional(),
    byteOrder: z.enum(['little', 'big']).optional(),
    ...range,
  }),
  z.strictObject({ kind: z.literal('npy'), path: SafePath, ...array }),
  z.strictObject({
    kind: z.literal('npz'),
    path: SafePath,
    /** Arrays that must be there, by name, and what each must be. */
    arrays: z.record(z.string(), z.strictObject(array)).optional(),
  }),
  z.strictObject({
    kind: z.literal('mesh'),
    path: SafePath,
    vertices: size.optional(),
    minVertices: size.optional(),
    maxVertices: size.optional(),
    faces: size.optional(),
    minFaces: size.optional(),
    maxFaces: size.optional(),
    watertight: z.literal(true).optional(),
    minVolume: z.number().nonnegative().optional(),
    maxVolume: z.number().nonnegative().optional(),
  }),
  z.strictObject({
    kind: z.literal('json'),
    path: SafePath,
    /** A JSON schema of the draft 2020-12. */
    schema: z.record(z.string(), z.unknown()).optional(),
    /** Whether each line is a document of its own. */
    lines: z.literal(true).optional(),
    minLines: count.optional(),
    maxLines: count.optional(),
  }),
  z.strictObject({
    kind: z.literal('csv'),
    path: SafePath,
    ...table,
    /** What stands between two cells; unset: a comma, in a `.tsv` a tab. */
    separator: z.string().length(1).optional(),
  }),
  z.strictObject({ kind: z.literal('table'), path: SafePath, ...table }),
] as const;

/**
 * A check of one file against another that the user has. Tables, JSON and arrays go by their numbers, pictures
 * by their pixels, all else byte by byte.
 */
const comparedChecks = [
  z.strictObject({
    kind: z.literal('equals'),
    path: SafePath.refine((path) => !/[*?]/.test(path), 'expected the path of one file, got a pattern'),
    /** The file that it is to equal. No program sees it. */
    reference: SafePath,
    ...Tolerance.shape,
  }),
] as const;

/** A check of how a program ended, or of what it printed. */
const runChecks = [
  z.strictObject({ kind: z.literal('exit'), status: z.number().int().min(0).max(255) }),
  z.strictObject({ kind: z.literal('stdout'), ...text }),
] as const;

/** A check of an output that is a file, run by the grader. */
export const Validator = z.discriminatedUnion('kind', fileChecks).superRefine(expectSound);
export type Validator = z.infer<typeof Validator>;

/** A check of an output, or of a run. */
export const OutputCheck = z
  .discriminatedUnion('kind', [...fileChecks, ...comparedChecks, ...runChecks])
  .superRefine(expectSound);
export type OutputCheck = z.infer<typeof OutputCheck>;
/** A check of an output that is a file, by what it is or by another file. */
export type FileCheck = Extract<OutputCheck, { path: string }>;
export type EqualsCheck = Extract<OutputCheck, { kind: 'equals' }>;
export type RunCheck = Exclude<OutputCheck, FileCheck>;

/** An output as the command line has it, `counts.json: json`: a job file has its fields one by one. */
const typedCheck = /^[^:]+:\s+\w/;

/** An output by path alone must be there and not be empty. */
export const Output = z.union([
  SafePath.refine((path) => !typedCheck.test(path), {
    error: ({ input }) => {
      const [path, kind] = String(input).split(/:\s+/);
      return `expected a path, or a check of one by its fields, as in { kind: ${kind?.split(' ')[0]}, path: ${path} }`;
    },
  }).transform((path): OutputCheck => ({ kind: 'file', path })),
  OutputCheck,
]);

type Context = z.core.$RefinementCtx;

/** Refuses bounds that nothing can meet, wherever they stand in a check. */
function expectSound(check: object, context: Context): void {
  for (const { path, message } of contradictions(check)) context.addIssue({ code: 'custom', path, message });
}
