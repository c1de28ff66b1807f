import { z } from 'zod';
import { NamedLayer, slug } from './job-fields.schema.ts';
import { SafePath } from './safe-path.schema.ts';
import { Validator } from './validator.schema.ts';

/** What a recipe can be told: a number within bounds, one of some words, or yes or no. */
export const Parameter = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.enum(['integer', 'number']),
    minimum: z.number(),
    maximum: z.number(),
    default: z.number(),
    description: z.string(),
  }),
  z.strictObject({
    type: z.literal('string'),
    enum: z.array(z.string()).min(1),
    default: z.string(),
    description: z.string(),
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean(), description: z.string() }),
]);
export type Parameter = z.infer<typeof Parameter>;

/** A parameter's name can be a word in a sentence and a field of a job. */
const parameterName = z.string().regex(/^[a-z][a-zA-Z0-9]*$/);

/** A parameterised program that ships with Crucible: `recipes/NAME/recipe.json`, its files beside it. */
export const Recipe = z.strictObject({
  name: slug,
  title: z.string(),
  description: z.string(),
  parameters: z.record(parameterName, Parameter),
  /** The layer whose packages it imports, where those of every sandbox do not do. */
  layer: NamedLayer.optional(),
  /** The script that is run; `{{n}}` in it stands for the value of the parameter `n`, as Python writes it. */
  entry: SafePath,
  /** What it writes, each with its check; a text that is `{{n}}` stands for that value. */
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
  }
}
