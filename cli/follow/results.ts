import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExperimentJob } from '../../domain/kinds/experiment.schema.ts';
import { gridIn } from '../../domain/kinds/kinds.ts';
import { differenceText, meanText, probabilityText } from '../../domain/mean-text.ts';
import { type Arm, armNames, armsOf } from '../../record/arms.ts';
import { type CellRow, csvOf, readCells, reasonsOf, summaryOfCells, textOf } from '../../record/cells.ts';
import { readInput } from '../../store/documents.ts';
import {
  type Cell,
  type Column,
  type CommandContext,
  clean,
  durationText,
  table,
  UserMistake,
  wrap,
} from '../terminal.ts';
import { findJob } from './find-job.ts';

interface ResultsOptions {
  job: string;
  /** Where to write a row a cell. */
  csv?: string;
  parquet?: string;
}

/** `crucible results EXPERIMENT`: what its arms came to, and how they differ from the baseline; its cells as files. */
export async function results(
  context: CommandContext,
  { job: text, csv, parquet }: ResultsOptions,
): Promise<void> {
  const { store, out } = context;
  const record = await findJob(store, text);
  const job = gridIn((await readInput(store.blobs, record)).job);
  if (job === null)
    throw new UserMistake(`${record.id} has no cells: what came of it is in crucible show ${record.id}`);
  const rows = await readCells(store, record, job);
  const arms = armsOf(job, rows);
  if (csv !== undefined) await writeFile(resolve(csv), csvOf(job, rows));
  if (parquet !== undefined) await writeFile(resolve(parquet), await parquetOf(job, rows));
  if (context.json)
    return out(JSON.stringify({ job: record.id, summary: summaryOfCells(rows), arms, cells: rows }));
  for (const line of wrap(clean(`${record.id}: ${summaryOfCells(rows)}`), context.columns)) out(line);
  out('');
  for (const line of armTable(context, job, arms)) out(line);
  for (const line of notes(job, arms)) for (const part of wrap(line, context.columns)) out(part);
  const failed = rows.filter(({ status }) => status === 'failed');
  for (const { text: reason, count } of reasonsOf(failed).slice(0, mostReasons))
    for (const line of wrap(clean(`${count} failed: ${reason}`), context.columns)) out(line);
  for (const file of [csv, parquet]) if (file !== undefined) out(`written: ${resolve(file)}`);
}

const mostReasons = 5;

/** The arms as a table, a column for each name that makes them. */
export function armTable(
  context: Pick<CommandContext, 'terminal' | 'columns'>,
  job: ExperimentJob,
  arms: readonly Arm[],
): string[] {
  const names = armNames(job);
  const compared = arms.some(({ difference }) => difference !== null);
  const columns: Column[] = [
    ...names.map((title): Column => ({ title, stretch: true })),
    { title: 'done', align: 'right' },
    { title: 'failed', align: 'right' },
    { title: 'mean', align: 'right' },
    ...(compared
      ? ([
          { title: 'against the baseline', align: 'right' },
          { title: 'p', align: 'right' },
        ] as const)
      : []),
    { title: 'took', align: 'right' },
    { title: 'usd', align: 'right' },
  ];
  const lines = arms.map(({ values, cells, done, failed, mean, seconds, usd, difference }): Cell[] => [
    ...names.map((name) => textOf(values[name])),
    `${done}/${cells}`,
    failed === 0 ? '' : { text: String(failed), format: 'red' },
    mean === null ? '' : meanText(mean),
    ...(compared
      ? [
          difference === null ? '' : differenceText(difference.mean),
          difference === null ? '' : probabilityText(difference.p),
        ]
      : []),
    seconds === null ? '' : durationText(seconds * 1000),
    usd === 0 ? '' : usd.toFixed(4),
  ]);
  return table(context, columns, lines);
}

/** What a reader has to know of the figures. */
function notes(job: ExperimentJob, arms: readonly Arm[]): string[] {
  const compared = arms.filter(({ difference }) => difference !== null).length;
  const said = [
    'means with the 95 % interval of Student; of cells that measure nothing the share that passed',
  ];
  if (job.baseline !== undefined && compared > 0)
    said.push(
      `differences are of pairs of cells that differ in nothing but ${armNames(job).join(', ')}; p is corrected for ${compared} ${compared === 1 ? 'comparison' : 'comparisons'} by Holm's method`,
    );
  return said;
}

/** A row a cell; values of the matrix as text. */
async function parquetOf(job: ExperimentJob, rows: readonly CellRow[]): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const text = (name: string, data: (string | null)[]) => ({ name, data, type: 'STRING' as const });
  const real = (name: string, data: (number | null)[]) => ({ name, data, type: 'DOUBLE' as const });
  const columnData = [
    text(
      'cell',
      rows.map(({ name }) => name),
    ),
    ...Object.keys(job.matrix).map((name) =>
      text(
        name,
        rows.map(({ values }) => textOf(values[name])),
      ),
    ),
    { name: 'round', data: rows.map(({ round }) => round), type: 'INT32' as const },
    text(
      'status',
      rows.map(({ status }) => status),
    ),
    real(
      'metric',
      rows.map(({ metric }) => metric),
    ),
    real(
      'seconds',
      rows.map(({ seconds }) => seconds),
    ),
    real(
      'usd',
      rows.map(({ usd }) => usd),
    ),
    text(
      'summary',
      rows.map(({ summary }) => summary),
    ),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
