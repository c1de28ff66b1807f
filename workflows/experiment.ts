import { jobOfCell, routesKey } from '../domain/cells.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { partWords } from '../domain/kinds/kinds.ts';
import { type CellsToRun, cellsToRun } from './job/cells-to-run.ts';
import { runChild } from './job/child.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { tableOfCells } from './job/proxies.ts';
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
