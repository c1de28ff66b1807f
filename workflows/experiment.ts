import { type Cell, cellsOf, jobOfCell, routesKey } from '../domain/cells.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { partWords } from '../domain/kinds/kinds.ts';
import { runChild } from './job/child.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { cellsLeft, tableOfCells } from './job/proxies.ts';
import { together } from './job/together.ts';

/** Runs every cell as a child, so many at once as its window says. One that fails is a row with its reason; the others go on. */
export async function experiment(input: JobInput<ExperimentJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job, steering, placeOf } = running;
    steering.refuse(({ kind }) =>
      kind === 'tryProgram' || kind === 'choose'
        ? `it has no candidates of its own: name ${partWords(job)}`
        : null,
    );
    const left = cellsToRun(running);
    const lanes: Promise<void>[] = [];
    await together(
      () => lanes,
      async () => {
        for (let lane = 0; lane < job.window; lane += 1) lanes.push(runLane(running, left));
        await Promise.all(lanes);
      },
    );
    if (left.goesOn()) await running.goOn();
    const { summary, product } = await tableOfCells({ ...placeOf('table'), stopped: left.stopped() });
    return { summary, best: null, refused: 0, product };
  });
}

/** Runs one cell after the other, as long as there are any. */
async function runLane(running: RunningJob<ExperimentJob>, left: CellsToRun): Promise<void> {
  const { input, job } = running;
  for (let cell = await left.next(); cell !== null; cell = await left.next()) {
    const of = { name: cell.name, job: jobOfCell(job, cell), files: input.files };
    const routes = input.stageRoutes[routesKey(of.job)] ?? input.routes;
    const ended = await runChild(running, { as: 'cell', ...of, routes });
    left.ended(ended.kind === 'failed');
  }
}

interface CellsToRun {
  /** The next cell that is not done; null where none is to begin. */
  next(): Promise<Cell | null>;
  ended(failed: boolean): void;
  /** Whether there are more, for a history of its own. */
  goesOn(): boolean;
  /** Why no more begin though there are; null where all were begun. */
  stopped(): string | null;
}

function cellsToRun(running: RunningJob<ExperimentJob>): CellsToRun {
  const { job, placeOf } = running;
  const cells = new Map(cellsOf(job).map((cell) => [cell.name, cell]));
  let [seen, done, failed] = [0, 0, 0];
  let [isLong, looking]: [boolean, Promise<void> | null] = [false, null];
  const ready: string[] = [];
  const stopped = (): string | null =>
    failed >= (job.stop.failures ?? Number.POSITIVE_INFINITY) ? `${failed} cells failed` : null;
  const look = async (): Promise<void> => {
    const found = await cellsLeft({ ...placeOf('cells'), from: seen });
    if (seen === 0) [done, failed] = [found.done, found.failed];
    else done += found.takenOver;
    ready.push(...found.left);
    seen = found.next;
    looking = null;
  };
  const next = async (): Promise<Cell | null> => {
    isLong ||= running.isLong();
    while (ready.length === 0 && seen < cells.size && !isLong && stopped() === null) {
      looking ??= look();
      await looking;
    }
    running.tell(`${done + failed} of ${cells.size} cells${failed === 0 ? '' : `, ${failed} failed`}`);
    return isLong || stopped() !== null ? null : (cells.get(ready.shift() ?? '') ?? null);
  };
  return {
    ...{ next, stopped },
    ended(isFailed) {
      if (isFailed) failed += 1;
      else done += 1;
    },
    goesOn: () => isLong && stopped() === null && (ready.length > 0 || seen < cells.size),
  };
}
