import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job, StageJob } from '../../domain/job.schema.ts';
import { partsOf, withParts } from '../../domain/kinds/kinds.ts';
import type { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { nearest } from '../../domain/nearest.ts';
import { filesReadBy, type Recipe, type RecipeValues, valuesSchema } from '../../domain/recipe.schema.ts';
import type { OutputCheck } from '../../domain/validator.schema.ts';
import { readRecipe, recipeNames, renderRecipe } from '../../recipes/recipes.ts';
import { type Mistake, mistakesIn, namingFields } from './job-mistakes.ts';
import { fittingValues } from './recipe-memory.ts';

/**
 * Returns the job with every value of its recipes and the checks that these bring. With it comes what is wrong
 * with the values given. So the job says itself what is made and what is asked of it.
 */
export async function withRecipeValues(
  job: Job,
  folder: string,
  { fitMemory = false }: { fitMemory?: boolean } = {},
): Promise<{ job: Job; mistakes: Mistake[]; fitted: string[] }> {
  const mistakes: Mistake[] = [];
  const fitted: string[] = [];
  const made = new Map<StageJob, Pick<SolveJob, 'with' | 'outputs' | 'inputs' | 'environment'>>();
  for (const { part, path } of partsOf(job)) {
    if (!('recipe' in part) || part.recipe === undefined) continue;
    const checked = await checkedValues(part.recipe, part.with ?? {});
    if (checked.kind === 'wrong') {
      mistakes.push(...checked.mistakes.map((each) => ({ ...each, path: [...path, ...each.path] })));
      continue;
    }
    const { recipe } = checked;
    const fitting = fitMemory ? fittingValues(recipe, checked.values, part.limits) : null;
    if (fitting !== null) fitted.push(`${part.name}: ${fitting.told}`);
    const values = fitting?.values ?? checked.values;
    const { outputs } = await renderRecipe(recipe, values);
    made.set(part, {
      ...{ with: values, outputs: distinct([...outputs, ...part.outputs]) },
      inputs: await withRead(part, filesReadBy(recipe, values), folder),
      ...environmentOf(part, recipe),
    });
  }
  return { job: withParts(job, (part) => ({ ...part, ...made.get(part) })), mistakes, fitted };
}

/** What a recipe imports beside the packages of every sandbox; a job that names its environment has that. */
const environmentOf = ({ environment }: StageJob, { layer }: Recipe): Pick<SolveJob, 'environment'> =>
  environment !== undefined || layer === undefined ? {} : { environment: { layer } };

/** A job that was checked before has its recipe's outputs already. */
const distinct = (outputs: readonly OutputCheck[]): OutputCheck[] => [
  ...new Map(outputs.map((output) => [JSON.stringify(output), output])).values(),
];

/**
 * Returns the inputs of a part with what its recipe reads, and what stands beside that. What needed stages give
 * is there already.
 */
async function withRead(
  { inputs, needs = [] }: { inputs: string[]; needs?: string[] | undefined },
  reads: readonly { path: string }[],
  folder: string,
): Promise<string[]> {
  const own = reads.map(({ path }) => path).filter((path) => !needs.includes(path.split('/')[0] ?? ''));
  const beside = await Promise.all(
    own.map(async (path) =>
      (await stat(join(folder, `${path}.json`)).catch(() => null))?.isFile() ? [`${path}.json`] : [],
    ),
  );
  return [...new Set([...inputs, ...own, ...beside.flat()])];
}

type Checked =
  | { kind: 'right'; recipe: Recipe; values: RecipeValues }
  | { kind: 'wrong'; mistakes: Mistake[] };

async function checkedValues(name: string, given: object): Promise<Checked> {
  const recipe = await readRecipe(name);
  if (recipe === null)
    return { kind: 'wrong', mistakes: [{ path: ['recipe'], message: await noRecipe(name) }] };
  const parsed = valuesSchema(recipe).safeParse(given, { reportInput: true, error: namingFields });
  if (parsed.success) return { kind: 'right', recipe, values: parsed.data };
  const mistakes = parsed.error.issues.flatMap(mistakesIn);
  return { kind: 'wrong', mistakes: mistakes.map((each) => ({ ...each, path: ['with', ...each.path] })) };
}

/** Says which recipes there are, in place of one that is not. */
export async function noRecipe(name: string): Promise<string> {
  const names = await recipeNames();
  const meant = nearest(name, names);
  return `there is no recipe ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}; there are ${names.join(', ')} (see: crucible recipe list)`;
}

/**
 * Reads values as they are typed, `n=64`, each as what its parameter is. What does not read as that stays text,
 * to be refused.
 */
export function typedValues({ parameters }: Recipe, typed: Readonly<Record<string, string>>): RecipeValues {
  const read = (name: string, text: string): RecipeValues[string] => {
    const type = parameters[name]?.type;
    if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
    const isNumber =
      (type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(Number(text));
    return isNumber ? Number(text) : text;
  };
  return Object.fromEntries(Object.entries(typed).map(([name, text]) => [name, read(name, text)]));
}
