import type { Program } from '../../domain/program.schema.ts';
import { readJob } from '../../record/kept-job.ts';
import { readProgram } from '../../store/documents.ts';
import type { CommandContext } from '../terminal.ts';
import { diffOf, showDiff } from './diff-text.ts';
import { findJob } from './find-job.ts';
import { candidateIn } from './show-candidate.ts';

/**
 * `crucible diff JOB FROM TO`: writes what differs between the programs of two candidates. Throws `UserMistake` where the job has no
 * finished trial of one of them.
 */
export async function diff(
  context: CommandContext,
  { job, from, to }: { job: string; from: string; to: string },
): Promise<void> {
  const { store } = context;
  const kept = await readJob(store, await findJob(store, job));
  const programOf = (id: string): Promise<Program> =>
    readProgram(store.blobs, candidateIn(kept, id).candidate.program);
  const text = await diffOf(store.blobs, await programOf(from), await programOf(to));
  if (context.json) return context.out(JSON.stringify({ job: kept.record.id, from, to, diff: text }));
  if (text === null) return context.out(`${from} and ${to} are the same program.`);
  showDiff(context, text);
}
