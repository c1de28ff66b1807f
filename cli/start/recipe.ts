import type { Parameter, Recipe } from '../../domain/recipe.schema.ts';
import { readRecipe, recipeNames } from '../../recipes/recipes.ts';
import { type CommandContext, paint, UserMistake, wrap } from '../terminal.ts';
import { checkedJob, type JobFile } from './job-file.ts';
import { noRecipe, typedValues } from './recipe-values.ts';

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
    form: `${parameter}=${String(of.default)}`,
    text: `${of.description} ${boundsOf(of)}`,
  }));
  const width = Math.max(...parameters.map(({ form }) => form.length));
  out('');
  for (const { form, text } of parameters) out(`  ${form.padEnd(width)}  ${text}`);
  out(`\nRun it: crucible recipe run ${name} --with ${parameters[0]?.form ?? ''}`);
}

const boundsOf = (parameter: Parameter): string => {
  switch (parameter.type) {
    case 'string':
      return `One of ${parameter.enum.join(', ')}.`;
    case 'boolean':
      return 'true or false.';
    case 'integer':
      return `A whole number from ${parameter.minimum} to ${parameter.maximum}.`;
    case 'number':
      return `A number from ${parameter.minimum} to ${parameter.maximum}.`;
  }
};

/** Makes the job that `crucible recipe run` asks for. Throws `UserMistake` in the words of the command line. */
export async function jobFromRecipe(name: string, typed: readonly string[]): Promise<JobFile> {
  const recipe = await recipeNamed(name);
  const pairs = typed.map((pair) => {
    const [, parameter, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (parameter === undefined || value === undefined)
      throw new UserMistake(`--with ${pair}: expected NAME=VALUE, as in --with n=64`);
    return [parameter, value] as const;
  });
  const twice = pairs.find(([parameter], index) => pairs.findIndex(([other]) => other === parameter) < index);
  if (twice !== undefined) throw new UserMistake(`--with ${twice[0]}: expected one value, got two`);
  const values = typedValues(recipe, Object.fromEntries(pairs));
  const job = { kind: 'solve', name, recipe: name, with: values };
  return checkedJob(job, process.cwd(), (path) =>
    path[0] === 'with' ? `--with ${String(path[1])}` : String(path[0]),
  );
}

async function recipeNamed(name: string): Promise<Recipe> {
  const recipe = await readRecipe(name);
  if (recipe === null) throw new UserMistake(await noRecipe(name));
  return recipe;
}
