import type { Tree } from '../domain/artifact.schema.ts';
import { type Cell, cellsOf, jobOfCell } from '../domain/cells.ts';
import { stageId } from '../domain/job-id.ts';
import { type JobInput, JobResult } from '../domain/job-input.schema.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { gridIn } from '../domain/kinds/kinds.ts';
import type { Place } from '../domain/step.ts';
import { csvOf, readCells, summaryOfCells } from '../record/cells.ts';
import { type Halved, halved } from '../record/halving.ts';
import { readInput, readTree, writeJson } from '../store/documents.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { stageContentKey } from './results.ts';

export type CellActivities = ReturnType<typeof createCellActivities>;

/** Cells that one look finds: they wait until those before them are done. */
const page = 64;

/** Which cells of an experiment are to be run, and what came of all of them. */
export const createCellActivities = ({ store }: { store: Store }) => {
  const { ledger, blobs } = store;

  async function experimentOf(jobId: string): Promise<{ record: JobRecord; input: JobInput<ExperimentJob> }> {
    const record = await ledger.job(jobId);
    if (record === undefined) throw new Error(`expected job ${jobId} in the ledger, found none`);
    const { job, ...input } = await readInput(blobs, record);
    const grid = gridIn(job);
    if (grid === null) throw new Error(`expected ${jobId} to have cells, got a ${job.kind}`);
    return { record, input: { ...input, job: grid } };
  }

  /** Puts a cell on record that an earlier job ran with the same fields and files; false where none did. */
  async function takeOver(
    above: JobRecord,
    input: JobInput<ExperimentJob>,
    cell: Cell,
    files: Tree,
  ): Promise<boolean> {
    if (input.fresh || input.anew?.includes(cell.name)) return false;
    const job = jobOfCell(input.job, cell);
    const known = JobResult.safeParse(await ledger.recall(stageContentKey(job, files))).data;
    if (known === undefined) return false;
    const earlier = await ledger.job(known.jobId);
    const id = stageId(above.id, cell.name);
    await ledger.openJob({
      ...{ id, series: id, run: 1, name: job.name, kind: job.kind, role: 'cell' },
      input: earlier?.input ?? above.input,
      ...{ parent: above.id, stage: cell.name, startedAt: earlier?.startedAt ?? Date.now() },
    });
    await ledger.closeJob(id, {
      status: 'finished',
      endedAt: earlier?.endedAt ?? Date.now(),
      result: known,
      best: known.best?.metric?.value ?? null,
    });
    return true;
  }

  /** Returns which cells may begin by now. What is to be run again counts as not run. */
  async function worthRunning(
    record: JobRecord,
    job: ExperimentJob,
    isLeft: (name: string) => boolean,
  ): Promise<Halved> {
    if (job.stop.halving === undefined) {
      const cells = cellsOf(job);
      return { cells, open: cells.length, behind: new Set() };
    }
    const rows = await readCells(store, record, job);
    return halved(
      job,
      rows.map((row) => (isLeft(row.name) ? { ...row, status: 'waiting' as const, metric: null } : row)),
    );
  }

  return {
    /**
     * The names of cells that are to be run, from the place `from` in the grid on. With them comes where to
     * look next. What an earlier job gave for the same cell is taken over. Of one that was taken up again,
     * cells are run again that were cut short, or asked for.
     */
    async cellsLeft({ jobId, from }: Place & { from: number }): Promise<{
      left: string[];
      next: number;
      /** Whether those that follow wait for what comes of those before. */
      waits: boolean;
      done: number;
      failed: number;
      takenOver: number;
    }> {
      const { record, input } = await experimentOf(jobId);
      const files = await readTree(blobs, input.files);
      const ended = new Map((await ledger.endsBelow(jobId)).map((end) => [end.stage ?? '', end] as const));
      const isLeft = (name: string): boolean => {
        const end = ended.get(name);
        if (end === undefined || end.status === 'running') return true;
        const again = end.status === 'cancelled' || (input.anew ?? []).includes(name);
        return again && (end.endedAt ?? 0) < record.beganAt;
      };
      const { cells, open, behind } = await worthRunning(record, input.job, isLeft);
      const left: string[] = [];
      let [next, takenOver] = [from, 0];
      for (; next < open && left.length < page; next += 1) {
        const cell = cells[next];
        if (cell === undefined || behind.has(cell.name) || !isLeft(cell.name)) continue;
        const isKnown = !ended.has(cell.name) && (await takeOver(record, input, cell, files));
        if (isKnown) takenOver += 1;
        else left.push(cell.name);
      }
      const over = [...ended].filter(([name]) => !isLeft(name)).map(([, { status }]) => status);
      const failed = over.filter((status) => status === 'failed').length;
      const waits = next === open && open < cells.length;
      return { left, next, waits, done: over.length - failed + takenOver, failed, takenOver };
    },

    /** All cells with what came of them, as a table: a `Tree`. `stopped` is why not all of them began. */
    async tableOfCells({
      jobId,
      stopped,
    }: Place & { stopped: string | null }): Promise<{ summary: string; product: string }> {
      const { record, input } = await experimentOf(jobId);
      const rows = await readCells(store, record, input.job);
      const summary = [summaryOfCells(rows), ...(stopped === null ? [] : [`no more began: ${stopped}`])];
      return {
        summary: summary.join('; '),
        product: await writeJson(blobs, { 'cells.csv': await blobs.put(csvOf(input.job, rows)) }),
      };
    },
  };
};
