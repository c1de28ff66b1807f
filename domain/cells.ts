import type { StageJob } from './job.schema.ts';
import type { ExperimentJob } from './kinds/experiment.schema.ts';
import { markOf } from './mark.ts';
import { combinations, filledText, isFields, placeholdersIn, withTexts } from './placeholders.ts';

type Value = ExperimentJob['include'][number][string];
export type Values = Record<string, Value>;

/** One job of an experiment. */
export interface Cell {
  /** Tells it from its siblings; the same for the same values wherever they stand in the matrix. */
  name: string;
  values: Values;
  /** Which time its values are run, from 1 up. */
  round: number;
}

/** What says which cells there are. */
export type Grid = Pick<ExperimentJob, 'matrix' | 'include' | 'exclude' | 'repeats' | 'replicates'>;

/** Returns the names whose values repeat an arm and make none. */
export const replicatesOf = ({ matrix, replicates }: Pick<Grid, 'matrix' | 'replicates'>): string[] =>
  replicates ?? ('seed' in matrix ? ['seed'] : []);

/** Returns how many cells a grid has at most: without what is excluded. Nothing is made for it. */
export const mostCells = ({ matrix, include, repeats }: Grid): number =>
  (Object.values(matrix).reduce((product, values) => product * values.length, 1) + include.length) * repeats;

/**
 * Returns all cells, every arm once before any is repeated. What is there at any time then compares them all.
 */
export function cellsOf(grid: Grid): Cell[] {
  const { matrix, include, exclude, repeats } = grid;
  const repeating = replicatesOf(grid);
  const names = Object.keys(matrix);
  // The first name varies slowest.
  const order = [
    ...names.filter((name) => repeating.includes(name)),
    ...names.filter((name) => !repeating.includes(name)),
  ];
  const combined = combinations(order.map((name) => [name, matrix[name] ?? []]));
  const wanted = combined.filter((values) => !exclude.some((left) => agrees(values, left)));
  const all = [...wanted, ...include].map((values) => inOrder(values, names));
  return Array.from({ length: repeats }, (_, index) => index + 1).flatMap((round) =>
    all.map((values) => ({ name: nameOf(values, round), values, round })),
  );
}

/** Returns whether a cell has all of some values. */
export const agrees = (values: Readonly<Values>, some: Readonly<Values>): boolean =>
  Object.entries(some).every(([name, value]) => JSON.stringify(values[name]) === JSON.stringify(value));

const inOrder = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.flatMap((name) => (name in values ? [[name, values[name] ?? null]] : [])));

/** Characters of a cell's name that people can read. */
const longestName = 48;

/** `gzip-9-r2-1x9f3k`: what can be read of the values, and what tells apart those that read the same. */
function nameOf(values: Values, round: number): string {
  const words = Object.values(values).map((value) =>
    (typeof value === 'object' ? '' : String(value)).toLowerCase().replace(/[^a-z0-9.]+/g, '-'),
  );
  const read = [...words, ...(round > 1 ? [`r${round}`] : [])]
    .join('-')
    .replace(/-+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, longestName)
    .replace(/[-.]+$/, '');
  const mark = markOf(JSON.stringify([values, round]));
  return read === '' ? mark : `${read}-${mark}`;
}

/** Returns the job of a cell. What the matrix puts into fields was parsed when the experiment was read. */
export function jobOfCell({ cell }: Pick<ExperimentJob, 'cell'>, { values, round }: Cell): StageJob {
  const filled = fillCell(cell, values);
  // Every cell was parsed when the job was read: a workflow has no schemas.
  const job = filled as ExperimentJob['cell'];
  return { ...job, name: cell.name, seed: job.seed + round - 1 };
}

/**
 * Puts values into a cell as it was written or as it was parsed. They go into fields by their paths, and in
 * place of `${name}`.
 */
export function fillCell(cell: object, values: Readonly<Values>): unknown {
  const used = placeholdersIn(cell);
  let filled = fillTexts(cell, values);
  for (const [name, value] of Object.entries(values))
    if (!used.has(name)) filled = setAt(filled, name.split('.'), value);
  return filled;
}

const fillTexts = (cell: object, values: Readonly<Values>): unknown =>
  withTexts(cell, (text) =>
    filledText(text, (name) => {
      const value = values[name];
      return typeof value === 'object' ? JSON.stringify(value) : value?.toString();
    }),
  );

/** The same fields with a value at a path. */
function setAt(field: unknown, path: readonly string[], value: Value): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const fields = isFields(field) ? field : {};
  return { ...fields, [key]: setAt(fields[key], rest, value) };
}

/** Returns which routes of a job a cell takes, where cells differ in their models. */
export const routesKey = (job: StageJob): string =>
  JSON.stringify(['models' in job ? job.models : null, job.budget.usd ?? null]);
