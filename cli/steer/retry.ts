import { cellsOf } from '../../domain/cells.ts';
import { gridIn } from '../../domain/kinds/kinds.ts';
import { nearest } from '../../domain/nearest.ts';
import { readInput } from '../../store/documents.ts';
import type { ExitStatus } from '../exit-status.ts';
import { findJob } from '../follow/find-job.ts';
import type { Session } from '../server/session.ts';
import { UserMistake } from '../terminal.ts';
import { resumeJob } from './resume.ts';

/** Runs cells of an experiment that has ended again: those named, or all that failed. What the others gave stands. */
export async function retryCells(
  session: Session,
  text: string,
  named: readonly string[],
  { failed = false, detached = false }: { failed?: boolean; detached?: boolean },
): Promise<ExitStatus> {
  const { store } = session.context;
  const record = await findJob(store, text);
  const grid = gridIn((await readInput(store.blobs, record)).job);
  if (grid === null)
    throw new UserMistake(`${record.id} has no cells: to run it again, crucible run with --fresh`);
  if (record.status === 'running')
    throw new UserMistake(`${record.id} is running: cells can be run again once it has ended`);
  const ends = await store.ledger.endsBelow(record.id);
  const names = cellsOf(grid).map(({ name }) => name);
  for (const name of named)
    if (!names.includes(name)) {
      const meant = nearest(name, names);
      throw new UserMistake(
        `${record.id} has no cell ${name}${meant === null ? '' : `: did you mean ${meant}?`}`,
      );
    }
  const anew = failed
    ? ends.filter(({ status }) => status === 'failed').map(({ stage }) => stage ?? '')
    : named;
  if (anew.length === 0)
    throw new UserMistake(
      failed ? `no cell of ${record.id} failed` : 'expected names of cells, or --failed for all that failed',
    );
  return resumeJob(session, text, { detached, anew });
}
