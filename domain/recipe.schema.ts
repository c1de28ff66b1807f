import { z } from 'zod';
import { NamedLayer, recipeName } from './job-fields.schema.ts';
import { SafePath } from './safe-path.schema.ts';
import { Validator } from './validator.schema.ts';

const described = { description: z.string() };
const bounds = {
  minimum: z.number(),
  maximum: z.number(),
  /** What it is measured in, where that is something: `voxels`, `degrees`. */
  unit: z.string().optional(),
};

/** What a recipe can be told. */
export const Parameter = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['integer', 'number']), ...bounds, default: z.number(), ...described }),
  /** So many numbers in a row, as text with commas: `0,0,1`. */
  z.strictObject({
    type: z.literal('numbers'),
    count: z.number().int().min(2),
    ...bounds,
    default: z.string(),
    ...described,
  }),
  /** One of some words. */
  z.strictObject({
    type: z.literal('string'),
    enum: z.array(z.string()).min(1),
    default: z.string(),
    ...described,
  }),
  /** Any text. */
  z.strictObject({ type: z.literal('text'), maximum: z.number().int(), default: z.string(), ...described }),
  /** A file or folder that it reads. Without a default it has to be named, and an empty one is none. */
  z.strictObject({ type: z.literal('input'), default: z.literal('').optional(), ...described }),
  /** The file that it writes, whose ending says in which format. */
  z.strictObject({
    type: z.literal('output'),
    endings: z.array(z.string()).min(1),
    default: SafePath,
    ...described,
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean(), ...described }),
]);
export type Parameter = z.infer<typeof Parameter>;

/** A parameter's name can be a word in a sentence and a field of a job. */
const parameterName = z.string().regex(/^[a-z][a-zA-Z0-9]*$/);

/** A parameterised program that ships with Crucible: `recipe.json`, its files beside it, in `recipes/NAME`, or in `recipes/GROUP/NAME`. */
export const Recipe = z.strictObject({
  name: recipeName,
  title: z.string(),
  description: z.string(),
  /** What is typed behind `crucible recipe run NAME`, as an example. */
  example: z.string(),
  parameters: z.record(parameterName, Parameter),
  /** The layer whose packages it imports, where those of every sandbox do not do. */
  layer: NamedLayer.optional(),
  /** What a run takes at its peak, with its files, as it was measured: a linear function of the voxels. */
  memory: z
    .strictObject({
      /**
       * The parameter that says how many there are. It is the edge of a cube, the file of a volume, or a folder
       * of images.
       */
      voxels: z.string(),
      /** The parameter whose numbers say how many times as many are made of them. */
      times: z.string().optional(),
      bytesPerVoxel: z.number().positive(),
      mb: z.number().positive(),
    })
    .optional(),
  /** The script that is run; `{{n}}` in it stands for the value of the parameter `n`, as Python writes it. */
  entry: SafePath,
  /** What stands beside it, in its folder and beside the script alike. */
  files: z.array(SafePath).default([]),
  /** What it writes, each with its check; a text that is `{{n}}` stands for that value. A `volume` and a `picture` are checked by their endings. */
  outputs: z.array(z.looseObject({ kind: z.string(), path: z.string() })).min(1),
});
export type Recipe = z.infer<typeof Recipe>;

/** What is checked of a recipe's outputs, once its values are filled in. */
export const RecipeOutputs = z.array(Validator);

/** Returns the schema of a recipe's values, each with its default: what `with` of a job is checked against. */
export const valuesSchema = ({ parameters }: Recipe): z.ZodType<RecipeValues> =>
  z.strictObject(
    Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, valueSchema(parameter)])),
  );

/** The value of every parameter. */
export type RecipeValues = Record<string, string | number | boolean>;

function valueSchema(parameter: Parameter): z.ZodType<string | number | boolean> {
  switch (parameter.type) {
    case 'string':
      return z.enum(parameter.enum).default(parameter.default);
    case 'boolean':
      return z.boolean().default(parameter.default);
    case 'integer':
      return z.number().int().min(parameter.minimum).max(parameter.maximum).default(parameter.default);
    case 'number':
      return z.number().min(parameter.minimum).max(parameter.maximum).default(parameter.default);
    case 'numbers':
      return z
        .string()
        .refine((text) => isRow(text, parameter), { error: rowWords(parameter) })
        .default(parameter.default);
    case 'text':
      return z
        .string()
        .max(parameter.maximum)
        .refine((text) => text.isWellFormed(), { error: 'expected text, got half of a character' })
        .default(parameter.default);
    case 'input':
      return parameter.default === undefined
        ? SafePath
        : z.union([z.literal(''), SafePath]).default(parameter.default);
    case 'output':
      return SafePath.refine(
        (path) => parameter.endings.some((ending) => path.toLowerCase().endsWith(ending)),
        {
          error: `expected a file whose name ends with ${parameter.endings.join(', ')}`,
        },
      ).default(parameter.default);
  }
}

type Row = Extract<Parameter, { type: 'numbers' }>;

/** `0,0,1` as numbers. */
export const rowOf = (text: string): number[] =>
  text.split(',').map((each) => (each.trim() === '' ? Number.NaN : Number(each)));

function isRow(text: string, { count, minimum, maximum }: Row): boolean {
  const row = rowOf(text);
  return row.length === count && row.every((each) => each >= minimum && each <= maximum);
}

/** `expected 3 numbers from -360 to 360 with commas between them, as in 0,0,1`. */
const rowWords = ({ count, minimum, maximum, ...of }: Row): string =>
  `expected ${count} numbers from ${minimum} to ${maximum} with commas between them, as in ${of.default}`;

/** Returns the files and folders that a recipe reads, by its values: the parameter that names each, and its path. */
export const filesReadBy = (
  { parameters }: Recipe,
  values: RecipeValues,
): { parameter: string; path: string }[] =>
  Object.entries(parameters).flatMap(([parameter, { type }]) => {
    const path = values[parameter];
    return type === 'input' && typeof path === 'string' && path !== '' ? [{ parameter, path }] : [];
  });
