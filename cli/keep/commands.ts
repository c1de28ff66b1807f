import { createOption } from 'commander';
import { defaults } from '../../domain/defaults.ts';
import { amount, type CommandLine, wholeNumber } from '../program.ts';
import type { PredictOptions } from './predict.ts';

/** Adds the commands that take results out and judge them again. */
export function addKeepingCommands({ command, session, manner }: CommandLine): void {
  command(
    'export <job>',
    'the best program as a folder that works without Crucible',
    'crucible export start --out faster',
  )
    .option('--out <folder>', 'where to')
    .addOption(
      createOption(
        '--git <folder>',
        'instead, every candidate as a commit of a git repository there',
      ).conflicts('out'),
    )
    .option('--force', 'overwrite what is there', false)
    .action((job: string, { git, ...options }: { out?: string; git?: string; force: boolean }) =>
      session(async ({ context }) =>
        git === undefined
          ? (await import('./export.ts')).exportJob(context, { ...options, job })
          : (await import('./export-git.ts')).exportGit(context, { ...options, job, git }),
      ),
    );

  command(
    'predict <job> <table>',
    'predict the rows of a new table with what a fit learnt',
    'crucible predict fit-data new.csv -o predicted.csv',
  )
    .option('-o, --out <file>', 'where to (default: to the screen)')
    .option('--interval <share>', 'beside each row the bounds that hold with this probability: 0.9', amount)
    .option('--explain', 'beside each row what each column adds')
    .action((job: string, table: string, options: PredictOptions) =>
      session(async (given) =>
        (await import('./predict.ts')).predictTable(given, { job, table, ...options }),
      ),
    );

  command(
    'verify <job> [candidate]',
    "judge and measure a finished job's best again, or a candidate, in new sandboxes and, a function, with new secret inputs",
    'crucible verify start',
  ).action((job: string, candidate: string | undefined) =>
    session(async (given) => (await import('./verify.ts')).verifyJob(given, job, candidate)),
  );

  command(
    'gc',
    'how much room old jobs take, and what nothing needs; with --yes it is given back',
    'crucible gc --days 90 --yes',
  )
    .option(
      '--days <count>',
      'jobs that ended more than so many days ago are forgotten',
      wholeNumber,
      defaults.keepDays,
    )
    .option('--yes', 'remove it', false)
    .action((options: { days: number; yes: boolean }) =>
      session(async ({ context }) => (await import('./gc.ts')).gc(context, options)),
    );

  const storeCommand = command(
    'store',
    'where all that is remembered is kept',
    'crucible store copy .crucible servers',
  );
  command(
    'copy <from> <to>',
    'copy a store to where there is none: each a folder, or servers for what CRUCIBLE_STORE and CRUCIBLE_BLOBS say',
    'crucible store copy .crucible servers',
    storeCommand,
  ).action(async (from: string, to: string) => {
    const { outputTo } = await import('../server/session.ts');
    await (await import('./store.ts')).copyBetween(
      outputTo(process.stdout, manner()),
      { from, to },
      process.env,
    );
  });
}
