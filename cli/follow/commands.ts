import { type CommandLine, wholeNumber } from '../program.ts';
import type { Session } from '../server/session.ts';

/** Adds the commands that show what jobs do and did. */
export function addFollowCommands({ command, session }: CommandLine): void {
  command('list', 'jobs, newest first', 'crucible list --status running')
    .option('--status <status>', 'running, finished, failed or cancelled')
    .option('--kind <kind>', 'jobs of one kind, as fit')
    .option('--limit <count>', 'how many', wholeNumber, 20)
    .option('--after <job>', 'those older than this one: the next page')
    .action((options: { status?: string; kind?: string; after?: string; limit: number }) =>
      session(async ({ config, context }) => {
        await closeEnded(config, context);
        return (await import('./list.ts')).list(context, options);
      }),
    );

  command('watch <job>', 'follow a job live', 'crucible watch start').action((job: string) =>
    session(async ({ config, context, signal }) => {
      await closeEnded(config, context);
      return (await import('./watch.ts')).watch(context, { job, signal });
    }),
  );

  command(
    'show <job> [candidate]',
    'a job, or one of its candidates',
    'crucible show start/faster c-1 --diff',
  )
    .option('--diff', 'what a candidate changed', false)
    .option('--program', "a candidate's source", false)
    .option('--log', "a candidate's build log or standard error", false)
    .option('--prompt', 'what models were asked for a candidate, and what they replied', false)
    .action(
      (
        job: string,
        candidate: string | undefined,
        options: { diff: boolean; program: boolean; log: boolean; prompt: boolean },
      ) =>
        session(async ({ config, context }) => {
          await closeEnded(config, context);
          return (await import('./show.ts')).show(context, {
            ...options,
            job,
            ...(candidate === undefined ? {} : { candidate }),
          });
        }),
    );

  command(
    'diff <job> <from> <to>',
    'what differs between the programs of two candidates',
    'crucible diff start/faster c-1 c-2',
  ).action((job: string, from: string, to: string) =>
    session(async ({ context }) => (await import('./diff.ts')).diff(context, { job, from, to })),
  );

  command(
    'results <experiment>',
    'what the arms of an experiment came to, with intervals, and its cells as a file',
    'crucible results grid --csv cells.csv',
  )
    .option('--csv <file>', 'write a row for every cell')
    .option('--parquet <file>', 'the same as Parquet')
    .action((job: string, options: { csv?: string; parquet?: string }) =>
      session(async ({ config, context }) => {
        await closeEnded(config, context);
        return (await import('./results.ts')).results(context, { job, ...options });
      }),
    );

  command('spend [job]', 'what models were asked and paid', 'crucible spend --by model --since 2026-11-01')
    .option('--by <group>', 'job, model, day or experiment', 'job')
    .option('--since <date>', 'requests from then on')
    .action((job: string | undefined, options: { by: string; since?: string }) =>
      session(async ({ context }) =>
        (await import('./spend.ts')).spend(context, {
          ...options,
          ...(job === undefined ? {} : { job }),
        }),
      ),
    );

  command('logs <job>', 'what was done and why', 'crucible logs start --follow')
    .option('--follow', 'until the job is done', false)
    .action((job: string, { follow }: { follow: boolean }) =>
      session(async ({ context, signal }) =>
        (await import('./logs.ts')).logs(context, { job, follow, signal }),
      ),
    );

  command('report <job>', 'write the HTML report', 'crucible report start --out report.html')
    .option('--out <file>', 'where to')
    .option('--force', 'overwrite what is there', false)
    .action((job: string, options: { out?: string; force: boolean }) =>
      session(async ({ context }) => (await import('./report.ts')).report(context, { ...options, job })),
    );
}

/** What has ended at the server is not shown as running. The client is loaded only where a job is open. */
async function closeEnded(config: Session['config'], { store }: Session['context']): Promise<void> {
  if ((await store.ledger.openJobs({ limit: 1 })).length === 0) return;
  await (await import('../server/with-server.ts')).closeEndedJobs(config, store);
}
