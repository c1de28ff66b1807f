import { type Cell, cellsOf } from '../domain/cells.ts';
import { stageId } from '../domain/job-id.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { headline } from '../domain/trial.ts';
import type { JobRecord, JobStatus } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { halved } from './halving.ts';

/** What came of one cell of an experiment. */
export interface CellRow extends Cell {
  jobId: string;
  /** `waiting`: it has not begun. `behind`: it never will, since others of its arm were behind. */
  status: JobStatus | 'waiting' | 'behind';
  /** The metric of its best: a speed-up, or a score; null where nothing was measured. */
  metric: number | null;
  /** From its beginning to its end; null where it has not ended. */
  seconds: number | null;
  /** US dollars for models. */
  usd: number;
  /** What it came to, or why it failed, in one line; empty where it has not ended. */
  summary: string;
}

/** How the cells of an experiment stand. */
export interface CellCounts extends Record<JobStatus, number> {
  total: number;
}

/** Counts cells by how they stand; there may be thousands, so nothing else is read of them. */
export function countCells(job: ExperimentJob, ends: readonly Pick<JobRecord, 'status'>[]): CellCounts {
  const counts: CellCounts = { total: cellsOf(job).length, running: 0, finished: 0, failed: 0, cancelled: 0 };
  for (const { status } of ends) counts[status] += 1;
  return counts;
}

/** Reads what came of every cell, in the order of the grid. */
export async function readCells(store: Store, { id }: JobRecord, job: ExperimentJob): Promise<CellRow[]> {
  const [children, spent] = await Promise.all([
    store.ledger.children(id, { role: 'cell' }),
    store.ledger.spentBelow(id),
  ]);
  const ran = new Map(children.map((record) => [record.stage ?? '', record] as const));
  const rows = cellsOf(job).map((cell): CellRow => {
    const jobId = stageId(id, cell.name);
    const record = ran.get(cell.name);
    const { startedAt = 0, endedAt = null } = record ?? {};
    return {
      ...cell,
      jobId,
      status: record?.status ?? 'waiting',
      metric: record?.best ?? null,
      seconds: endedAt === null ? null : (endedAt - startedAt) / 1000,
      usd: (spent.get(jobId) ?? 0) / 1e6,
      summary: headline(record?.result?.summary ?? ''),
    };
  });
  const { behind } = halved(job, rows);
  return rows.map((row) =>
    row.status === 'waiting' && behind.has(row.name) ? { ...row, status: 'behind' } : row,
  );
}

/** Returns how many cells ended how, in words. */
export function summaryOfCells(rows: readonly Pick<CellRow, 'status' | 'summary'>[]): string {
  const count = (status: CellRow['status']): number => rows.filter((row) => row.status === status).length;
  const failed = rows.filter(({ status }) => status === 'failed');
  const [reason] = reasonsOf(failed);
  const words = {
    running: 'running',
    cancelled: 'cancelled',
    waiting: 'not begun',
    behind: 'left out, their arms behind',
  };
  const rest = (['running', 'cancelled', 'waiting', 'behind'] as const)
    .map((status) => [status, count(status)] as const)
    .filter(([, many]) => many > 0)
    .map(([status, many]) => `${many} ${words[status]}`);
  return [
    `${count('finished')} of ${rows.length} cells done`,
    ...(failed.length === 0
      ? []
      : [
          `${failed.length} failed${reason === undefined ? '' : `, ${reason.count} of them: ${reason.text}`}`,
        ]),
    ...rest,
  ].join('; ');
}

/** Returns why cells failed, the most frequent first. */
export function reasonsOf(failed: readonly Pick<CellRow, 'summary'>[]): { text: string; count: number }[] {
  const groups = Map.groupBy(failed, ({ summary }) => summary);
  return [...groups]
    .map(([text, rows]) => ({ text, count: rows.length }))
    .sort((one, other) => other.count - one.count);
}

/** Returns the rows as comma-separated values, a column for each name of the matrix: RFC 4180. */
export function csvOf({ matrix }: Pick<ExperimentJob, 'matrix'>, rows: readonly CellRow[]): string {
  const names = Object.keys(matrix);
  const head = ['cell', ...names, 'round', 'status', 'metric', 'seconds', 'usd', 'summary'];
  const lines = rows.map((row) => [
    row.name,
    ...names.map((name) => textOf(row.values[name])),
    ...[row.round, row.status, row.metric ?? '', row.seconds ?? '', row.usd, row.summary],
  ]);
  return [head, ...lines].map((line) => `${line.map(quoted).join(',')}\r\n`).join('');
}

/** Returns a value of the matrix as people read it. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

/** A text that a spreadsheet would take for a formula is quoted as text: it may come from a program. */
const quoted = (value: string | number): string => {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
