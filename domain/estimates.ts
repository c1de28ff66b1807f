import { defaults } from './defaults.ts';
import type { SolveJob } from './kinds/solve.schema.ts';
import type { Limits } from './limits.schema.ts';
import type { Recipe } from './recipe.schema.ts';

/** What a voxel grid takes. */
export interface VoxelEstimate {
  /** Voxels along an edge. */
  n: number;
  voxels: number;
  bytes: number;
  /** With what a program needs beside the grid itself, MiB. */
  mb: number;
}

const { gridAbove, repeatsAbove, overhead } = defaults.estimates;

const bytesOf = (dtype: string): number => Number(/\d+$/.exec(dtype)?.[0] ?? 32) / 8;

/**
 * Returns what a grid of n³ voxels takes. That is their bytes, and half as much again for what a program makes
 * of them.
 */
export function voxelEstimate(n: number, dtype = 'float32'): VoxelEstimate {
  const voxels = n ** 3;
  const bytes = voxels * bytesOf(dtype);
  return { n, voxels, bytes, mb: (bytes * overhead) / 2 ** 20 };
}

/** What a job says of its grids: checks of its outputs, and what its recipe is told. */
interface Grids {
  outputs: readonly (string | SolveJob['outputs'][number])[];
  with?: SolveJob['with'];
}

type Asked = Grids & Pick<SolveJob, 'task' | 'module'>;

/**
 * Returns the largest voxel grid that a job asks for by its checks or its recipe. Null where it asks for none.
 */
export function largestGrid({ outputs, with: values = {} }: Grids): VoxelEstimate | null {
  const checked = outputs.flatMap((output) =>
    typeof output !== 'string' && output.kind === 'voxels' && output.n !== undefined
      ? [voxelEstimate(output.n, output.dtype)]
      : [],
  );
  const told = typeof values.n === 'number' && checked.length > 0 ? [voxelEstimate(values.n)] : [];
  return [...checked, ...told].sort((one, other) => other.bytes - one.bytes)[0] ?? null;
}

/** `128³`, `128^3`, `128x128x128`, `a 128 grid`. */
const gridWords =
  /\b(\d{2,4})\s*(?:³|\^\s*3\b|\*\*\s*3\b)|\b(\d{2,4})(?:\s*[x×]\s*\2){2}\b|\b(?:grid|volume) of (\d{2,4})\b|\b(\d{2,4})[- ]voxels? (?:grid|cube)\b/gi;
const heavyWords = /\b(?:ray[- ]?(?:cast|trac|march)\w*|casting rays|convol(?:ve|ution)\w*)/i;
const repeatWords =
  /\b(\d{1,3}(?:,\d{3})+|\d+)\s+(?:times|repeats?|repetitions|iterations|frames|time steps|steps|runs)\b/gi;

const largestIn = (text: string, pattern: RegExp): number =>
  Math.max(
    0,
    ...[...text.matchAll(pattern)].flatMap((match) =>
      match.slice(1).flatMap((each) => (each === undefined ? [] : [Number(each.replaceAll(',', ''))])),
    ),
  );

/** The longest axis of an array with three, where a module is measured; 0 where there is none. */
const largestAxis = (module: SolveJob['module']): number =>
  Math.max(
    0,
    ...(module?.functions ?? [])
      .flatMap((each) => each.arguments)
      .filter(({ shape = [] }) => shape.length === 3)
      .flatMap(({ shape = [] }) => shape)
      .map((axis) => (typeof axis === 'number' ? axis : (module?.sizes[axis]?.measured ?? 0))),
  );

/**
 * Returns why native code is worthwhile for a job, in a few words. Null where nothing of what it asks for says
 * so. One of three is enough: a large grid, casting rays or convolving, and many repeats.
 */
export function worthNative(job: Asked): string | null {
  const text = [job.task, ...(job.module?.functions ?? []).map(({ meaning }) => meaning)].join('\n');
  const grid = Math.max(largestGrid(job)?.n ?? 0, largestIn(text, gridWords), largestAxis(job.module));
  const heavy = heavyWords.exec(text)?.[0];
  const repeats = largestIn(text, repeatWords);
  const reasons = [
    ...(grid > gridAbove ? [`a grid of ${grid} is larger than ${gridAbove}`] : []),
    ...(heavy === undefined ? [] : [`it asks for ${heavy.toLowerCase()}`]),
    ...(repeats > repeatsAbove ? [`${repeats} repeats are more than ${repeatsAbove}`] : []),
  ];
  return reasons.length === 0 ? null : reasons.join(', ');
}

type RecipeMemory = NonNullable<Recipe['memory']>;

/** Returns what a recipe's run on so many voxels takes with its files, MiB, by what was measured of it. */
export const recipeMb = ({ bytesPerVoxel, mb }: RecipeMemory, voxels: number): number =>
  Math.ceil(mb + (bytesPerVoxel * voxels) / 2 ** 20);

/** Returns the files of so many float32 voxels, MiB. */
export const filesMb = (voxels: number): number => Math.ceil((4 * voxels) / 2 ** 20);

/** Returns the largest N whose cube a recipe's run can make within its limits; 0 where there is none. */
export function largestEdge(memory: RecipeMemory, limits: Pick<Limits, 'memoryMb' | 'diskMb'>): number {
  const voxels = Math.min(
    ((limits.memoryMb - memory.mb) * 2 ** 20) / memory.bytesPerVoxel,
    ((limits.diskMb - 1) * 2 ** 20) / 4,
  );
  let edge = Math.floor(Math.cbrt(Math.max(0, voxels)));
  if ((edge + 1) ** 3 <= voxels) edge += 1;
  return edge;
}

const count = (value: number): string => Math.round(value).toLocaleString('en');

/** A few megabytes have two digits that say something, and less than one is not none. */
const megabytes = (mb: number): string => (mb < 10 ? String(Number(mb.toPrecision(2))) : count(mb));

/** Returns a size in MB, and in GB where it is one or more. */
export const mbWords = (mb: number): string =>
  `${megabytes(mb)} MB${mb >= 1024 ? ` (${(mb / 1024).toFixed(1)} GB)` : ''}`;

/** `128³: 2,097,152 voxels, 8 MB, about 12 MB while a program works on them`. */
export const voxelWords = ({ n, voxels, bytes, mb }: VoxelEstimate): string =>
  `${n}³: ${count(voxels)} voxels, ${megabytes(bytes / 2 ** 20)} MB, about ${mbWords(mb)} while a program works on them`;
