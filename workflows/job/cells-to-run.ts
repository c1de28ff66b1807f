import { condition } from '@temporalio/workflow';
import { type Cell, cellsOf } from '../../domain/cells.ts';
import type { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import type { RunningJob } from './frame.ts';
import { cellsLeft } from './proxies.ts';

/** The cells of an experiment that are not done, one after the other. */
export interface CellsToRun {
  /** The next cell that is not done; null where none is to begin. */
  next(): Promise<Cell | null>;
  ended(failed: boolean): void;
  /** Whether there are more, for a history of its own. */
  goesOn(): boolean;
  /** Why no more begin though there are; null where all were begun. */
  stopped(): string | null;
}

/** Finds them page by page in the ledger. A history of its own thus begins where the one before ended. */
export function cellsToRun(running: RunningJob<ExperimentJob>): CellsToRun {
  const { job, placeOf } = running;
  const cells = new Map(cellsOf(job).map((cell) => [cell.name, cell]));
  let [seen, done, failed] = [0, 0, 0];
  let [isLong, looking]: [boolean, Promise<void> | null] = [false, null];
  /** Cells under way, and whether what is next is for them to say. */
  let [underWay, waits] = [0, false];
  const ready: string[] = [];
  const stopped = (): string | null =>
    failed >= (job.stop.failures ?? Number.POSITIVE_INFINITY) ? `${failed} cells failed` : null;
  const look = async (): Promise<void> => {
    if (waits) await condition(() => underWay === 0);
    const found = await cellsLeft({ ...placeOf('cells'), from: seen });
    if (seen === 0) [done, failed] = [found.done, found.failed];
    else done += found.takenOver;
    ready.push(...found.left);
    seen = found.next;
    waits = found.waits;
    looking = null;
  };
  const next = async (): Promise<Cell | null> => {
    isLong ||= running.isLong();
    while (ready.length === 0 && seen < cells.size && !isLong && stopped() === null) {
      looking ??= look();
      await looking;
    }
    running.tell(`${done + failed} of ${cells.size} cells${failed === 0 ? '' : `, ${failed} failed`}`);
    const cell = isLong || stopped() !== null ? null : (cells.get(ready.shift() ?? '') ?? null);
    if (cell !== null) underWay += 1;
    return cell;
  };
  return {
    ...{ next, stopped },
    ended(isFailed) {
      underWay -= 1;
      if (isFailed) failed += 1;
      else done += 1;
    },
    goesOn: () => isLong && stopped() === null && (ready.length > 0 || seen < cells.size),
  };
}
