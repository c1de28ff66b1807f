import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { filesReadBy, type Parameter, type Recipe, type RecipeValues } from '../../domain/recipe.schema.ts';
import { readRecipe, recipeNames } from '../../recipes/recipes.ts';
import { readTree } from '../../store/documents.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import { isThere } from '../keep/in-the-way.ts';
import { type CommandContext, paint, UserMistake, wrap } from '../terminal.ts';
import { checkedJob, type JobFile } from './job-file.ts';
import { noRecipe, typedValues } from './recipe-values.ts';
import { folderOf, given, nameFrom } from './typed-job.ts';

type Output = Pick<CommandContext, 'json' | 'out' | 'terminal' | 'columns'>;

/** Prints the recipes there are, one a line. */
export async function listRecipes({ json, out }: Output): Promise<void> {
  const recipes = await Promise.all((await recipeNames()).map(recipeNamed));
  if (json) return out(JSON.stringify(recipes.map(({ name, title }) => ({ name, title }))));
  const width = Math.max(...recipes.map(({ name }) => name.length));
  for (const { name, title } of recipes) out(`${name.padEnd(width)}  ${title}`);
}

/** Prints what a recipe makes, what it can be told, and how it is run. */
export async function showRecipe(context: Output, name: string): Promise<void> {
  const { json, out, columns } = context;
  const recipe = await recipeNamed(name);
  if (json) return out(JSON.stringify(recipe));
  out(paint(context, 'bold', `${recipe.name}: ${recipe.title}`));
  for (const line of wrap(recipe.description, columns)) out(line);
  const parameters = Object.entries(recipe.parameters).map(([parameter, of]) => ({
    form: `${parameter}=${of.default === undefined ? '…' : String(of.default)}`,
    text: `${of.description} ${boundsOf(of)}`,
  }));
  const width = Math.max(...parameters.map(({ form }) => form.length));
  out('');
  for (const { form, text } of parameters) out(`  ${form.padEnd(width)}  ${text}`);
  out(`\nRun it: crucible recipe run ${name} ${recipe.example}`);
}

const boundsOf = (parameter: Parameter): string => {
  const unit = 'unit' in parameter && parameter.unit !== undefined ? ` ${parameter.unit}` : '';
  switch (parameter.type) {
    case 'string':
      return `One of ${parameter.enum.join(', ')}.`;
    case 'boolean':
      return 'true or false.';
    case 'integer':
      return `A whole number${unit === '' ? '' : ` of${unit}`} from ${parameter.minimum} to ${parameter.maximum}.`;
    case 'number':
      return `A number${unit === '' ? '' : ` of${unit}`} from ${parameter.minimum} to ${parameter.maximum}.`;
    case 'numbers':
      return `${parameter.count} numbers${unit === '' ? '' : ` of${unit}`} from ${parameter.minimum} to ${parameter.maximum}.`;
    case 'text':
      return `A text of at most ${parameter.maximum} characters.`;
    case 'input':
      return parameter.default === undefined ? 'A path.' : 'A path; none where it is left out.';
    case 'output':
      return `A file that ends with ${parameter.endings.join(', ')}.`;
  }
};

/** A value as it was typed: `--size 64`, or `size=64` behind `--with`. */
interface Typed {
  parameter: string;
  value: string;
  /** How the parameter was called: `--size`, `--with size`. */
  called: string;
}

/** What `crucible recipe run` is given beside the recipe's name. */
export interface RecipeOptions {
  /** `NAME=VALUE` behind `--with`. */
  with: readonly string[];
  /** `--NAME VALUE`, `--NAME=VALUE`, and `--NAME` for yes, as they stand on the line. */
  typed?: readonly string[];
  /** A file that it writes, in place of a folder. */
  file?: string | undefined;
  /** MiB; its files may take as much. */
  memory?: number | undefined;
  /** A grid that is too large for the memory is made as large as fits. */
  fitMemory?: boolean | undefined;
}

/** Makes the job that `crucible recipe run` asks for. Throws `UserMistake` in the words of the command line. */
export async function jobFromRecipe(name: string, options: RecipeOptions): Promise<JobFile> {
  const recipe = await recipeNamed(name);
  const told = [...options.with.map(pairOf), ...flagsIn(options.typed ?? [], recipe)];
  const twice = told.find(
    ({ parameter }, index) => told.findIndex((other) => other.parameter === parameter) < index,
  );
  if (twice !== undefined) throw new UserMistake(`${twice.called}: expected one value, got two`);
  const typed = Object.fromEntries(told.map(({ parameter, value }) => [parameter, value]));
  const output = outputOf(recipe);
  if (options.file !== undefined && output !== null) typed[output] = basename(options.file);
  const { folder, values } = await seenFromFolder(recipe, typedValues(recipe, typed));
  const { memory, fitMemory = false } = options;
  const job = given({
    ...{ kind: 'solve', name: nameFrom([name]), recipe: name, with: values },
    limits: memory === undefined ? undefined : { memoryMb: memory, diskMb: memory },
  });
  const called = (path: readonly PropertyKey[]): string => {
    const parameter = String(path[path[0] === 'with' ? 1 : 0]);
    const typedAs = told.find((each) => each.parameter === parameter)?.called;
    return path[0] === 'with' ? (typedAs ?? (parameter === output ? '--out' : `--${parameter}`)) : parameter;
  };
  return checkedJob(job, folder, called, { fitMemory });
}

/** The values with the paths of what the recipe reads as seen from the lowest folder that holds it all. */
async function seenFromFolder(
  recipe: Recipe,
  values: RecipeValues,
): Promise<{ folder: string; values: RecipeValues }> {
  const read = filesReadBy(recipe, values);
  if (read.length === 0) return { folder: process.cwd(), values };
  const { folder, pathOf } = await folderOf(
    read.map(({ parameter, path }) => ({ option: `--${parameter}`, typed: path })),
  );
  const seen = read.map(({ parameter, path }) => [parameter, pathOf(path)] as const);
  return { folder, values: { ...values, ...Object.fromEntries(seen) } };
}

function pairOf(pair: string): Typed {
  const [, parameter, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
  if (parameter === undefined || value === undefined)
    throw new UserMistake(`--with ${pair}: expected NAME=VALUE, as in --with n=64`);
  return { parameter, value, called: `--with ${parameter}` };
}

/** Reads `--NAME VALUE`, `--NAME=VALUE`, and `--NAME` alone, which is yes. */
function flagsIn(typed: readonly string[], { parameters, name }: Recipe): Typed[] {
  const flags: Typed[] = [];
  for (let index = 0; index < typed.length; index += 1) {
    const [, parameter, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(typed[index] ?? '') ?? [];
    if (parameter === undefined)
      throw new UserMistake(
        `${typed[index]}: expected --NAME VALUE with one of ${Object.keys(parameters).join(', ')} (see: crucible recipe show ${name})`,
      );
    const called = `--${parameter}`;
    const next = typed[index + 1];
    if (inline !== undefined) flags.push({ parameter, value: inline, called });
    else if (parameters[parameter]?.type === 'boolean' && next !== 'true' && next !== 'false')
      flags.push({ parameter, value: 'true', called });
    else if (next === undefined) throw new UserMistake(`${called}: expected a value, got none`);
    else {
      flags.push({ parameter, value: next, called });
      index += 1;
    }
  }
  return flags;
}

/** The parameter that names the file a recipe writes; null where it has none. */
const outputOf = ({ parameters }: Recipe): string | null =>
  Object.entries(parameters).find(([, { type }]) => type === 'output')?.[0] ?? null;

/**
 * Tells whether `--out` names a file in place of a folder. The recipe lets its output be named, and the name
 * has an ending. Throws `UserMistake` where such a file is there already.
 */
export async function isFileOf(name: string, out: string | undefined): Promise<boolean> {
  if (out === undefined || !/\.[^./]+$/.test(out) || outputOf(await recipeNamed(name)) === null) return false;
  if (await isThere(out)) throw new UserMistake(`--out ${out}: it is there already: choose another name`);
  return true;
}

/** Writes what a recipe made beside `file`, its output, and prints what was written; nothing where it failed. */
export async function writeMade(
  { store, out, json }: Pick<CommandContext, 'store' | 'out' | 'json'>,
  { result }: Pick<JobRecord, 'result'>,
  file: string,
): Promise<void> {
  if (result?.product == null) return;
  const files = await readTree(store.blobs, result.product);
  for (const [path, artifact] of Object.entries(files)) {
    const target = join(dirname(file), path);
    if (target !== join(file) && (await isThere(target))) {
      if (!json) out(`${target} is there already: it is left as it is`);
      continue;
    }
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await store.blobs.get(artifact));
    if (!json) out(`Written   ${target}`);
  }
}

async function recipeNamed(name: string): Promise<Recipe> {
  const recipe = await readRecipe(name);
  if (recipe === null) throw new UserMistake(await noRecipe(name));
  return recipe;
}
