import { defaults } from '../../domain/defaults.ts';
import { largestGrid, voxelWords, worthNative } from '../../domain/estimates.ts';
import type { Extension } from '../../domain/extension.schema.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import { isPart, partsOf } from '../../domain/kinds/kinds.ts';
import { readRecipe } from '../../recipes/recipes.ts';
import type { JobFile } from './job-file.ts';
import { recipeEstimate } from './recipe-memory.ts';

/** What can be said of a job's size before it runs. */
export interface Estimates {
  /** Grids that no program can hold within the job's memory. */
  mistakes: string[];
  /** For a dry run: what grids take, and whether native code is worthwhile. */
  notes: string[];
}

/** Says that nothing of a module's size or work speaks for C++, and what then decides. */
const notWorth = ({ reference }: Extension): string =>
  `nothing it says makes native code worthwhile (a grid above ${defaults.estimates.gridAbove}, rays or a convolution, more than ${defaults.estimates.repeatsAbove} repeats)${
    reference === undefined ? '' : `: its time beside ${reference} will tell`
  }`;

/** Returns why native code is worthwhile for a recipe, whose kernels are compiled ones; null where nothing says so. */
async function whyNative(part: StageJob, grid: string): Promise<string | null> {
  if (!('recipe' in part) || part.recipe === undefined) return null;
  const recipe = await readRecipe(part.recipe);
  return worthNative({ ...part, task: `${grid}. ${recipe?.title}. ${recipe?.description}` });
}

/** Estimates what the parts of a job take, by what they say of their outputs and their tasks. */
export async function estimatesOf({
  job,
  folder,
  told,
}: Pick<JobFile, 'job' | 'folder' | 'told'>): Promise<Estimates> {
  const found: Estimates = { mistakes: [], notes: [] };
  for (const { part, path } of partsOf(job)) {
    const name = isPart(job) ? '' : `stage ${part.name}: `;
    if (!('outputs' in part)) continue;
    const made = await recipeEstimate(part, folder);
    if (made !== null) {
      found.notes.push(`${name}${made.words}`);
      if (made.tooLarge !== null) found.mistakes.push(told([...path, 'with', made.parameter], made.tooLarge));
      const why = await whyNative(part, made.words);
      if (why !== null) found.notes.push(`${name}native code is worthwhile, and used: ${why}`);
      continue;
    }
    const grid = largestGrid(part);
    const { memoryMb } = part.limits;
    if (grid !== null) found.notes.push(`${name}a voxel grid of ${voxelWords(grid)}`);
    if (grid !== null && grid.bytes / 2 ** 20 > memoryMb)
      found.mistakes.push(
        told(
          [...path, 'outputs'],
          `a grid of ${voxelWords(grid)}; a run may use ${memoryMb} MB (limits.memoryMb)`,
        ),
      );
    const module = 'module' in part ? part.module : undefined;
    const why =
      module !== undefined || ('task' in part && part.task !== undefined) ? worthNative(part) : null;
    if (why !== null) found.notes.push(`${name}native code is worthwhile: ${why}`);
    else if (module !== undefined) found.notes.push(`${name}${notWorth(module)}`);
  }
  return found;
}
