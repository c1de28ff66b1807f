import type { Cell } from '../domain/cells.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { objectiveOf, signOf } from '../domain/objective.ts';
import { armKeyOf, meanOfCells } from './arms.ts';
import type { CellRow } from './cells.ts';

/** Which cells of an experiment are worth running by now. */
export interface Halved {
  /** Its cells, those of a rung before those of the next. */
  cells: Cell[];
  /** How many of `cells`, from the first on, may begin by now. */
  open: number;
  /** Names of those that never begin, since their arms are behind. */
  behind: ReadonlySet<string>;
}

type Row = Pick<CellRow, 'name' | 'values' | 'round' | 'status' | 'metric'>;

/**
 * Returns what is worth running where only the best arms go on. After 1, n, n² … cells of each arm, one arm in n does. The baseline always
 * does. Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", 2016.
 */
export function halved(job: ExperimentJob, rows: readonly Row[]): Halved {
  const factor = job.stop.halving;
  if (factor === undefined) return { cells: [...rows], open: rows.length, behind: new Set() };
  const rungs = rungsOf(job, rows, factor);
  const behind = new Set<string>();
  let going = new Set(rows.map((row) => armKeyOf(job, row)));
  let open = 0;
  let isOpen = true;
  for (const [index, rung] of rungs.entries()) {
    const wanted = rung.filter((row) => going.has(armKeyOf(job, row)));
    for (const { name } of rung) behind.add(name);
    for (const { name } of wanted) behind.delete(name);
    if (!isOpen) continue;
    open += rung.length;
    isOpen = wanted.every(isOver);
    if (isOpen) going = bestArms(job, rungs.slice(0, index + 1).flat(), { going, factor });
  }
  return { cells: rungs.flat(), open, behind };
}

const isOver = ({ status }: Row): boolean =>
  status === 'finished' || status === 'failed' || status === 'cancelled';

/** Returns the rows by rung, in the order of the grid. A rung has an arm's cells from the `factor ** (rung - 1)`th on. */
function rungsOf(job: ExperimentJob, rows: readonly Row[], factor: number): Row[][] {
  const seen = new Map<string, number>();
  const rungs: Row[][] = [];
  for (const row of rows) {
    const arm = armKeyOf(job, row);
    const ordinal = (seen.get(arm) ?? 0) + 1;
    seen.set(arm, ordinal);
    let rung = 0;
    for (let last = 1; last < ordinal; last *= factor) rung += 1;
    rungs[rung] ??= [];
    rungs[rung]?.push(row);
  }
  return rungs;
}

/** Returns the arms that go on, of those that are `going`, by the mean of what their cells came to. */
function bestArms(
  job: ExperimentJob,
  rows: readonly Row[],
  { going, factor }: { going: ReadonlySet<string>; factor: number },
): Set<string> {
  const sign = signOf(objectiveOf(job.cell));
  const measured = rows.some(({ metric }) => metric !== null);
  const merits = [...Map.groupBy(rows, (row) => armKeyOf(job, row))]
    .filter(([arm]) => going.has(arm))
    .map(([arm, cells]) => {
      const mean = meanOfCells(cells, measured);
      return { arm, merit: mean === null ? Number.NEGATIVE_INFINITY : sign * mean.value };
    })
    .sort((one, other) => other.merit - one.merit || 0);
  const best = merits.slice(0, Math.ceil(merits.length / factor)).map(({ arm }) => arm);
  const { baseline } = job;
  return new Set(baseline === undefined ? best : [armKeyOf(job, { values: baseline }), ...best]);
}
