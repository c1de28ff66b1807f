import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Parameter, Recipe, RecipeOutputs, type RecipeValues, rowOf } from '../domain/recipe.schema.ts';
import type { Validator } from '../domain/validator.schema.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const about = 'recipe.json';
/** What the recipes of a group import stands below this folder of the group. */
const shared = 'python';

/** A recipe made into a program. */
export interface RenderedRecipe {
  /** The text of its script. */
  program: string;
  /** What is checked of what it writes. */
  outputs: Validator[];
}

/** Returns the recipes there are, by name: `shape`, and `voxel.text` of one in the folder voxel/text. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  return files
    .filter((file) => file.endsWith(`/${about}`))
    .map((file) => dirname(file).replaceAll('/', '.'))
    .sort();
}

const folderOf = (name: string): string => join(folder, ...name.split('.'));

/** Returns the recipe of this name; null where there is none. */
export async function readRecipe(name: string): Promise<Recipe | null> {
  if (!(await recipeNames()).includes(name)) return null;
  return Recipe.parse(JSON.parse(await readFile(join(folderOf(name), about), 'utf8')));
}

/** Returns the texts of what a recipe imports beside Python's own library and the packages of the sandbox, by their paths beside its script. */
export async function libraryOf({ name }: Recipe): Promise<Record<string, string>> {
  const root = join(folderOf(name), '..', shared);
  if (!name.includes('.') || (await stat(root).catch(() => null)) === null) return {};
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.py')).sort();
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), 'utf8')] as const)),
  );
}

/** Returns the files that stand beside a recipe's script, by their paths. */
export const filesBeside = async ({ name, files }: Recipe): Promise<Record<string, Buffer>> =>
  Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(folderOf(name), file))] as const)),
  );

/** Returns the program that a recipe makes of `values`, and the checks of what that writes. */
export async function renderRecipe(
  { name, entry, parameters, outputs }: Recipe,
  values: RecipeValues,
): Promise<RenderedRecipe> {
  const template = await readFile(join(folderOf(name), entry), 'utf8');
  const checks = outputs.map((output) => filled(output, (parameter) => valueIn(name, values, parameter)));
  return {
    program: template.replace(placeholder, (_, parameter: string) =>
      asPython(valueIn(name, values, parameter), parameters[parameter]),
    ),
    outputs: RecipeOutputs.parse(checks.flatMap(checksByEnding)),
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

/** The checks of a `volume` or a `picture`, by the ending of its file. */
function checksByEnding(check: unknown): unknown[] {
  if (typeof check !== 'object' || check === null || !('kind' in check)) return [check];
  if (check.kind === 'volume') return checksOfVolume(check);
  return check.kind === 'picture' ? [checkOfPicture(check)] : [check];
}

/** A picture of that size, or a film that moves; `{ width, height }` is of the picture. */
function checkOfPicture(check: object): unknown {
  const { width, height, ...of } = { width: 0, height: 0, path: '', ...check };
  return of.path.endsWith('.png')
    ? { ...of, kind: 'image', width, height }
    : { ...of, kind: 'video', moves: true };
}

/** The checks of a volume, and of what stands beside it; `{ n?, minimum?, maximum? }` says what is known of it. */
function checksOfVolume(check: object): unknown[] {
  const { n, ...of } = { n: undefined, path: '', ...check };
  const beside = { kind: 'json', path: `${of.path}.json`, schema: { required: ['shape', 'axes'] } };
  if (of.path.endsWith('.bin')) return [{ ...of, kind: 'voxels', ...(n === undefined ? {} : { n }) }, beside];
  if (of.path.endsWith('.npy'))
    return [{ ...of, kind: 'npy', ...(n === undefined ? {} : { shape: [n, n, n] }) }, beside];
  return [{ kind: 'file', path: of.path }];
}

/** A value as Python writes it. */
function asPython(value: RecipeValues[string], parameter: Parameter | undefined): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (parameter?.type === 'numbers' && typeof value === 'string') return `(${rowOf(value).join(', ')})`;
  return JSON.stringify(value);
}
