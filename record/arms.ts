import { agrees, replicatesOf, type Values } from '../domain/cells.ts';
import { defaults } from '../domain/defaults.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { median } from '../domain/speedup.ts';
import { quantile, twoSided } from '../domain/student.ts';
import type { CellRow } from './cells.ts';

/** What the cells of one arm came to: those that differ in nothing but what repeats it. */
export interface Arm {
  values: Values;
  cells: number;
  done: number;
  failed: number;
  /** The mean of its cells' metrics, or of how many passed where none has one; null where none has ended. */
  mean: Interval | null;
  /** The median, of the cells that are done; null where none is. */
  seconds: number | null;
  usd: number;
  /** How it differs from the baseline; null where nothing is the baseline, or it is itself. */
  difference: Difference | null;
}

/** What cells of an arm have more than their partners, which differ from them in nothing but the arm. */
export interface Difference {
  pairs: number;
  mean: Interval;
  /** How probable so large a mean is, on both sides, without a difference. Holm's method corrects it for the number of arms. */
  p: number;
}

type Asked = Pick<ExperimentJob, 'matrix' | 'replicates' | 'baseline'>;

/** Returns the names whose values make an arm: those of the baseline, or all that do not repeat one. */
export function armNames(job: Asked): string[] {
  if (job.baseline !== undefined) return Object.keys(job.baseline);
  const repeating = replicatesOf(job);
  const names = Object.keys(job.matrix).filter((name) => !repeating.includes(name));
  return names.length === 0 ? Object.keys(job.matrix) : names;
}

/** Returns the arms in the order of the grid, compared in pairs with the baseline where the experiment has one. */
export function armsOf(job: Asked, rows: readonly CellRow[]): Arm[] {
  const names = armNames(job);
  const measured = rows.some(({ metric }) => metric !== null);
  const groups = Map.groupBy(rows, (row) => armKeyOf(job, row));
  const arms = [...groups.values()].map((cells) => {
    const [first] = cells;
    return { values: picked(first?.values ?? {}, names), cells };
  });
  const { baseline } = job;
  const base = baseline && arms.find(({ values }) => agrees(values, baseline));
  const compared = arms.map((arm) =>
    base === undefined || arm === base ? null : difference(arm.cells, base.cells, { names, measured }),
  );
  const corrected = holm(compared.map((each) => each?.p ?? null));
  return arms.map(({ values, cells }, index) => {
    const [found, p] = [compared[index] ?? null, corrected[index] ?? null];
    return {
      ...{ values, ...summaryOf(cells, measured) },
      difference: found === null || p === null ? null : { ...found, p },
    };
  });
}

/** Returns what cells of one arm have alike, and no others have. */
export const armKeyOf = (job: Asked, { values }: Pick<CellRow, 'values'>): string =>
  JSON.stringify(picked(values, armNames(job)));

const picked = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.flatMap((name) => (name in values ? [[name, values[name] ?? null]] : [])));

function summaryOf(cells: readonly CellRow[], measured: boolean): Omit<Arm, 'values' | 'difference'> {
  const done = cells.filter(({ status }) => status === 'finished');
  const took = done.flatMap(({ seconds }) => seconds ?? []);
  return {
    ...{ cells: cells.length, done: done.length },
    failed: cells.filter(({ status }) => status === 'failed').length,
    mean: meanOfCells(cells, measured),
    seconds: took.length === 0 ? null : median(took),
    usd: cells.reduce((sum, { usd }) => sum + usd, 0),
  };
}

/** Returns the mean of what counts of cells; null where nothing does. `measured`: some cell of the experiment has a metric. */
export const meanOfCells = (
  cells: readonly Pick<CellRow, 'status' | 'metric'>[],
  measured: boolean,
): Interval | null => meanOf(cells.flatMap((cell) => countedOf(cell, measured) ?? []));

/** Returns a cell's metric, or whether it passed where no cell has a metric; null where neither is known. */
function countedOf({ status, metric }: Pick<CellRow, 'status' | 'metric'>, measured: boolean): number | null {
  if (measured) return metric;
  return status === 'finished' ? 1 : status === 'failed' ? 0 : null;
}

function difference(
  cells: readonly CellRow[],
  base: readonly CellRow[],
  { names, measured }: { names: readonly string[]; measured: boolean },
): Difference | null {
  const besides = ({ values, round }: CellRow): string =>
    JSON.stringify([Object.entries(values).filter(([name]) => !names.includes(name)), round]);
  const partners = new Map(base.map((cell) => [besides(cell), cell] as const));
  const differences = cells.flatMap((cell) => {
    const partner = partners.get(besides(cell));
    const [one, other] = [
      countedOf(cell, measured),
      partner === undefined ? null : countedOf(partner, measured),
    ];
    return one === null || other === null ? [] : [one - other];
  });
  const mean = meanOf(differences);
  if (mean === null || differences.length < 2) return null;
  const error = standardError(differences);
  const p = error === 0 ? (mean.value === 0 ? 1 : 0) : twoSided(mean.value / error, differences.length - 1);
  return { pairs: differences.length, mean, p };
}

/** The mean with Student's interval; of one value the interval is everything. */
function meanOf(values: readonly number[]): Interval | null {
  if (values.length === 0) return null;
  const value = average(values);
  const half =
    values.length === 1
      ? Number.POSITIVE_INFINITY
      : quantile(1 - defaults.confidence, values.length - 1) * standardError(values);
  return { value, low: value - half, high: value + half };
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length;

function standardError(values: readonly number[]): number {
  const mean = average(values);
  const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Corrects probabilities for how many there are: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979. */
export function holm(probabilities: readonly (number | null)[]): (number | null)[] {
  const known = probabilities.flatMap((p, index) => (p === null ? [] : [{ p, index }]));
  const corrected = [...probabilities];
  let most = 0;
  for (const [rank, { p, index }] of known.sort((a, b) => a.p - b.p).entries()) {
    most = Math.max(most, Math.min(1, p * (known.length - rank)));
    corrected[index] = most;
  }
  return corrected;
}
