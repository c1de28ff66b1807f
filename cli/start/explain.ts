import { packOriginal } from '../../activities/job.ts';
import { createStrategies } from '../../activities/propose/by-strategy.ts';
import { makeCases } from '../../activities/try/cases.ts';
import { optimizeExam, optimizeOriginal } from '../../domain/judging.ts';
import type { StrategyList } from '../../domain/strategies.schema.ts';
import { writeJson } from '../../store/documents.ts';
import { openSandbox } from '../../workers/sandbox-of.ts';
import type { Session } from '../server/session.ts';
import { clean, paint, sayOf, UserMistake } from '../terminal.ts';
import { beginJob } from './first-look.ts';
import { type JobFile, packFiles } from './job-file.ts';

/**
 * Says which strategies apply to the program of a job, in the order they would be tried. Says why others do
 * not. The reason has the construct, its line, and what would make them apply. No candidate is run; the program
 * itself is, on one case, to see what its names hold.
 */
export async function explainJob(session: Session, file: JobFile): Promise<void> {
  const { config, context, signal } = session;
  const { store, json, out } = context;
  const { job } = file;
  if (job.kind !== 'optimize') throw new Error(`expected a job that optimises, got ${job.kind}`);
  if (job.environment !== undefined)
    throw new UserMistake(
      'environment: packages are installed by a job alone: run it without --explain, which lists the strategies first, and end it with Ctrl-C and crucible cancel',
    );
  if (!(await beginJob(session, file, {}))) return;
  const { sandbox } = await openSandbox(config, store);
  const activities = { store, sandbox };
  const place = (step: string) => ({ storeId: store.id, jobId: `explain/${process.pid}`, step });
  const files = await writeJson(store.blobs, await packFiles(file, store.blobs));
  const { candidate, seen } = await packOriginal(store.blobs, files, optimizeOriginal(job));
  const { judging, ...exam } = optimizeExam(job, files, seen);
  const sample =
    judging.kind === 'answers'
      ? await makeCases(
          activities,
          place('sample'),
          { exam: { ...exam, judging }, checks: 0, timings: 1 },
          signal,
        )
      : null;
  const list = await createStrategies(activities).list(
    {
      ...place('strategies'),
      ...{ job, program: candidate.program, sample: sample?.caseSet ?? null, models: false },
    },
    signal,
    { say: async () => undefined, fault: sayOf(context) },
  );
  if (json) out(JSON.stringify({ applicable: list.applicable, notUsed: list.notUsed }));
  else for (const line of linesOf(session, list)) out(line);
}

function linesOf({ context }: Session, { applicable, notUsed }: StrategyList): string[] {
  const apply =
    applicable.length === 0
      ? ['no strategy applies']
      : ['apply, in the order they are tried:', ...applicable.map((each) => `  ${each}`)];
  const not = notUsed.flatMap(({ strategies, reason }) => [
    `  ${paint(context, 'bold', strategies.join(', '))}`,
    `    ${clean(reason)}`,
  ]);
  return [...apply, ...(not.length === 0 ? [] : ['do not apply:', ...not])];
}
