import { amount, type CommandLine, wholeNumber } from '../program.ts';
import type { StartOptions } from '../start/start-job.ts';
import type { ForkOptions } from './fork.ts';

/** Adds the commands that change the course of jobs. */
export function addSteeringCommands({ command, session }: CommandLine): void {
  command(
    'cancel <job>',
    'end a job; its best so far and its report are kept',
    'crucible cancel start',
  ).action((job: string) =>
    session(async ({ config, context }) => (await import('./cancel.ts')).cancelJob(config, context, job)),
  );

  command(
    'pause <job>',
    'begin nothing new in a running job; its time stands still and it costs nothing',
    'crucible pause start',
  ).action((job: string) =>
    session(async (given) => (await import('./tell.ts')).tellJob(given, job, { kind: 'pause' })),
  );

  command(
    'try <job> <file>',
    'have a Python file of your own, or a patch of a candidate, tried and judged like any other candidate',
    'crucible try start/faster mine.py',
  )
    .option('--of <candidate>', 'what a patch changes (default: the best, or else the last)')
    .action((job: string, file: string, { of }: { of?: string }) =>
      session(async (given) => {
        const { tryOf } = await import('./try.ts');
        const message = await tryOf(given.context.store, job, file, of);
        return (await import('./tell.ts')).tellJob(given, job, message);
      }),
    );

  command(
    'hint <job> <text>',
    'tell a job something that models read with every question from then on',
    "crucible hint start 'the table fits into the cache'",
  ).action((job: string, text: string) =>
    session(async (given) => {
      const { hintOf } = await import('./hint.ts');
      return (await import('./tell.ts')).tellJob(given, job, hintOf(text));
    }),
  );

  command(
    'debug <job>',
    'one screen for a job that needs a person: the code, the error, the diagnosis, and what may be done',
    'crucible debug start/faster',
  ).action((job: string) => session(async (given) => (await import('../debug/debug.ts')).debug(given, job)));

  command(
    'extend <job> <amounts...>',
    'raise the budget of a job to usd=, tokens=, trials=, minutes=; one that has ended is taken up again',
    'crucible extend start usd=5 trials=20 minutes=30',
  ).action((job: string, amounts: string[]) =>
    session(async (given) => (await import('./resume.ts')).extendJob(given, job, amounts)),
  );

  command(
    'choose <job> <candidate>',
    'have a job give the program of a candidate in place of its best; best takes that back',
    'crucible choose start/faster c-3',
  ).action((job: string, candidate: string) =>
    session(async (given) => (await import('./choose.ts')).chooseIn(given, job, candidate)),
  );

  command(
    'fork <job>',
    'go on from a candidate of a job in another job, with all that was tried there; the job itself is left as it is',
    "crucible fork start/faster --from c-3 --hint 'use tables' --trials 5",
  )
    .requiredOption('--from <candidate>', 'the candidate to go on from: c-3')
    .option('--hint <text>', 'what models read with every question')
    .option('--model <routes...>', "models to be asked in place of the job's, in this order")
    .option(
      '--trials <count>',
      'how many candidates to try on top (default: as many as the job had)',
      wholeNumber,
    )
    .option('--minutes <count>', 'how long to try (default: as long as the job had)', amount)
    .option('--usd <amount>', 'what models may cost at most (default: what the job had)', amount)
    .option('--tokens <count>', 'what models may read and write at most (default: as the job)', wholeNumber)
    .option('--out <folder>', 'write the program found there, as crucible export does')
    .option('--fresh', 'a new run, even where the same fork is done or under way')
    .option('--detached', 'return at once')
    .action((job: string, options: ForkOptions & StartOptions) =>
      session(async (given) => (await import('./fork.ts')).forkJob(given, job, options)),
    );

  command(
    'resume <job>',
    'take up a job that is paused, or has ended, out of budget or cut short; what it did is not done again',
    'crucible resume start --budget usd=5 trials=20',
  )
    .option(
      '--budget <amounts...>',
      'the new budget: usd=, tokens=, trials=, minutes=; a bare number is dollars',
    )
    .option('--detached', 'return at once')
    .action((job: string, options: { budget?: string[]; detached?: boolean }) =>
      session(async (given) => (await import('./resume.ts')).resumeJob(given, job, options)),
    );

  command(
    'retry <experiment> [cells...]',
    'run cells of an experiment that has ended again; what the others gave stands',
    'crucible retry grid --failed',
  )
    .option('--failed', 'all cells that failed')
    .option('--detached', 'return at once')
    .action((job: string, cells: string[], options: { failed?: boolean; detached?: boolean }) =>
      session(async (given) => (await import('./retry.ts')).retryCells(given, job, cells, options)),
    );
}
