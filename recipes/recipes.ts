import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Recipe, RecipeOutputs, type RecipeValues } from '../domain/recipe.schema.ts';
import type { Validator } from '../domain/validator.schema.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** A recipe made into a program. */
export interface RenderedRecipe {
  /** The text of its script. */
  program: string;
  /** What is checked of what it writes. */
  outputs: Validator[];
}

/** Returns the recipes there are, by name. */
export async function recipeNames(): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

/** Returns the recipe of this name; null where there is none. */
export async function readRecipe(name: string): Promise<Recipe | null> {
  if (!(await recipeNames()).includes(name)) return null;
  return Recipe.parse(JSON.parse(await readFile(`${folder}/${name}/recipe.json`, 'utf8')));
}

/** Returns the program that a recipe makes of `values`, and the checks of what that writes. */
export async function renderRecipe(
  { name, entry, outputs }: Recipe,
  values: RecipeValues,
): Promise<RenderedRecipe> {
  const template = await readFile(`${folder}/${name}/${entry}`, 'utf8');
  return {
    program: template.replace(placeholder, (_, parameter: string) =>
      asPython(valueIn(name, values, parameter)),
    ),
    outputs: RecipeOutputs.parse(filled(outputs, (parameter) => valueIn(name, values, parameter))),
  };
}

const placeholder = /\{\{(\w+)\}\}/g;

function valueIn(recipe: string, values: RecipeValues, parameter: string): RecipeValues[string] {
  const value = values[parameter];
  if (value === undefined)
    throw new Error(`recipe ${recipe}: {{${parameter}}} is none of ${Object.keys(values).join(', ')}`);
  return value;
}

/** The same JSON with each text that is a parameter alone replaced by its value. */
function filled(json: unknown, of: (parameter: string) => unknown): unknown {
  if (typeof json === 'string') {
    const [, parameter] = /^\{\{(\w+)\}\}$/.exec(json) ?? [];
    return parameter === undefined ? json : of(parameter);
  }
  if (Array.isArray(json)) return json.map((each) => filled(each, of));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, filled(value, of)]));
}

/** A value as Python writes it; a text is one of the recipe's own words. */
const asPython = (value: RecipeValues[string]): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
