import { createOption } from 'commander';
import { amount, type CommandLine, profile, wholeNumber } from '../program.ts';
import type { ChatOptions } from './open.ts';

/** Adds the commands that talk over files, and bring files in and out. */
export function addChatCommands({ command, session }: CommandLine): void {
  command(
    'chat [folder]',
    'talk about files: each turn edits the program of the one before; with the name of a conversation it goes on',
    'crucible chat photos',
  )
    .option('--resume', 'go on with the latest conversation')
    .option('--name <name>', "the conversation's name (default: from the folder)")
    .option('--packages <names...>', 'packages that programs find beside those of every sandbox')
    .option('--model <routes...>', 'models to be asked, in this order')
    .option('--trials <count>', 'how many programs to try in a turn', wholeNumber)
    .option('--minutes <count>', 'how long a turn may take', amount)
    .option('--cores <count>', 'threads a program may use', wholeNumber)
    .option('--memory <MiB>', 'memory a run may use', wholeNumber)
    .option('--usd <amount>', 'what models may cost at most, in all turns (default: no limit)', amount)
    .option('--tokens <count>', 'what models may read and write at most, in all turns', wholeNumber)
    .addOption(profile())
    .action((folder: string | undefined, options: ChatOptions) =>
      session(async (given) => (await import('./open.ts')).chat(given, folder, options)),
    );

  command(
    'put <job> <files...>',
    'bring files, or folders, into the workspace of a conversation',
    'crucible put photos extra.csv',
  ).action((job: string, files: string[]) =>
    session(async (given) => (await import('./put.ts')).put(given, job, files)),
  );

  command(
    'get <job> <path>',
    'take a file, or a folder, out of a conversation, or out of what a job gave',
    'crucible get photos letter.png',
  )
    .addOption(createOption('--out <path>', 'where to (default: its own name, in the current folder)'))
    .action((job: string, path: string, { out }: { out?: string }) =>
      session(async ({ context }) => (await import('./get.ts')).get(context, job, path, out)),
    );
}
