import type { CommandLine } from '../program.ts';

/** Adds the commands that take results out and judge them again. */
export function addKeepingCommands({ command, session }: CommandLine): void {
  command(
    'export <job>',
    'the best program as a folder that works without Crucible',
    'crucible export start --out faster',
  )
    .option('--out <folder>', 'where to')
    .option('--force', 'overwrite what is there', false)
    .action((job: string, options: { out?: string; force: boolean }) =>
      session(async ({ context }) => (await import('./export.ts')).exportJob(context, { ...options, job })),
    );

  command(
    'verify <job>',
    "judge and measure a finished job's best again, in new sandboxes and, a function, with new secret inputs",
    'crucible verify start',
  ).action((job: string) => session(async (given) => (await import('./verify.ts')).verifyJob(given, job)));
}
