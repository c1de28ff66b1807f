import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { defaults } from '../../domain/defaults.ts';
import { filesMb, largestEdge, mbWords, recipeMb } from '../../domain/estimates.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import { type Recipe, type RecipeValues, rowOf } from '../../domain/recipe.schema.ts';
import { readRecipe } from '../../recipes/recipes.ts';

/** What a part of a job that is a recipe takes. */
export interface RecipeEstimate {
  /** The parameter that says how many voxels there are. */
  parameter: string;
  /** `512³: 134,217,728 voxels, 536,870,912 bytes, …`. */
  words: string;
  /** Why it cannot run within its limits; null where it can. */
  tooLarge: string | null;
}

const raise = 'raise limits.memoryMb and limits.diskMb (--memory of crucible recipe run)';

type Memory = NonNullable<Recipe['memory']>;

/**
 * Returns what a part takes by what was measured of its recipe. Returns null where it is none, or its voxels
 * are not known yet.
 */
export async function recipeEstimate(part: StageJob, folder: string): Promise<RecipeEstimate | null> {
  const { memory, values } = await recipeOf(part);
  const voxels = memory === undefined ? null : await voxelsOf(memory, values, folder);
  if (memory === undefined || voxels === null) return null;
  const takes = recipeMb(memory, voxels.count);
  const bytes = 4 * voxels.count;
  const { overhead } = defaults.estimates;
  const words = `${voxels.words}: ${voxels.count.toLocaleString('en')} voxels, ${bytes.toLocaleString('en')} bytes, ${mbWords(bytes / 2 ** 20)}; about ${mbWords((bytes * overhead) / 2 ** 20)} with the overhead of ${overhead}; this recipe takes about ${mbWords(takes)}, as measured, of which its files are ${mbWords(filesMb(voxels.count))}`;
  const { memoryMb, diskMb } = part.limits;
  if (takes <= memoryMb && filesMb(voxels.count) <= diskMb)
    return { parameter: memory.voxels, words, tooLarge: null };
  const fits = largestEdge(memory, part.limits);
  const help =
    voxels.edge === null
      ? `at most ${fits}³ voxels fit: ${voxels.smaller}, or ${raise}`
      : `at most ${memory.voxels}=${fits} fits: take that (--fit-memory does), or ${raise}`;
  const may = `a run may use ${mbWords(memoryMb)} (limits.memoryMb), its files ${mbWords(diskMb)} of it (limits.diskMb)`;
  return { parameter: memory.voxels, words, tooLarge: `${words}; ${may}; ${help}` };
}

/**
 * Returns a recipe's values with the largest grid that fits within `limits`, and what was changed. Returns null
 * where it fits as it is.
 */
export function fittingValues(
  { memory }: Recipe,
  values: RecipeValues,
  limits: Limits,
): { values: RecipeValues; told: string } | null {
  const edge = memory === undefined ? undefined : values[memory.voxels];
  if (memory === undefined || typeof edge !== 'number') return null;
  const fits = largestEdge(memory, limits);
  if (edge <= fits) return null;
  return {
    values: { ...values, [memory.voxels]: fits },
    told: `${memory.voxels}=${edge} takes ${mbWords(recipeMb(memory, edge ** 3))}, more than a run may use: it is ${memory.voxels}=${fits}`,
  };
}

async function recipeOf(part: StageJob): Promise<{ memory: Memory | undefined; values: RecipeValues }> {
  if (!('recipe' in part) || part.recipe === undefined) return { memory: undefined, values: {} };
  const recipe = await readRecipe(part.recipe);
  return { memory: recipe?.memory, values: part.with ?? {} };
}

/**
 * How many voxels a recipe works on. `edge` is null where they are those of a file or a folder, which `smaller`
 * says how to lessen.
 */
async function voxelsOf(
  { voxels: parameter, times }: Memory,
  values: RecipeValues,
  folder: string,
): Promise<{ count: number; edge: number | null; words: string; smaller: string } | null> {
  const given = values[parameter];
  if (typeof given === 'number') return { count: given ** 3, edge: given, words: `${given}³`, smaller: '' };
  const path = join(folder, String(given));
  const images = await voxelsOfImages(path);
  const count = images ?? (await voxelsIn(path));
  if (count === null) return null;
  const smaller =
    images === null
      ? 'make it smaller with voxel.transform (crop, or scale)'
      : 'take fewer images, or smaller ones';
  const row = times === undefined ? [] : rowOf(String(values[times]));
  const factor = Math.max(
    1,
    row.reduce((product, each) => product * each, 1),
  );
  return { count: Math.round(count * factor), edge: null, words: String(given), smaller };
}

const imageName = /\.(?:png|jpe?g|tiff?|bmp|gif|webp|p[gp]m)$/i;

/**
 * Returns how many pixels the images of a folder have, which are of one size as they must be. Returns null
 * where it is no folder, or has no PNG that would tell.
 */
async function voxelsOfImages(path: string): Promise<number | null> {
  const images = (await readdir(path).catch(() => [])).filter((name) => imageName.test(name));
  const png = images.find((name) => name.toLowerCase().endsWith('.png'));
  if (png === undefined) return null;
  const header = Buffer.from(await startOf(join(path, png)), 'latin1');
  if (header.toString('latin1', 12, 16) !== 'IHDR') return null;
  return images.length * header.readUInt32BE(16) * header.readUInt32BE(20);
}

/** How many voxels a file holds; null where it is not there, or only reading all of it would tell. */
async function voxelsIn(path: string): Promise<number | null> {
  const size = (await stat(path).catch(() => null))?.size;
  if (size === undefined) return null;
  if (path.endsWith('.npy')) return product(/'shape': \(([\d, ]+)\)/.exec(await startOf(path))?.[1]);
  if (!path.endsWith('.bin')) return null;
  const beside = await readFile(`${path}.json`, 'utf8').catch(() => '');
  return product(/"shape":\s*\[([\d,\s]+)\]/.exec(beside)?.[1]) ?? Math.floor(size / 4);
}

const product = (numbers: string | undefined): number | null =>
  numbers === undefined
    ? null
    : numbers
        .split(',')
        .filter((each) => each.trim() !== '')
        .reduce((all, each) => all * Number(each), 1);

async function startOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(512) });
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
