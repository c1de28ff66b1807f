import type { CommandLine } from '../program.ts';

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
    'resume <job>',
    'take up a job that has ended, out of budget or cut short; what it did is not done again',
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
}
