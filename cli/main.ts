import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addChatCommands } from './chat/commands.ts';
import { addFollowCommands } from './follow/commands.ts';
import { addKeepingCommands } from './keep/commands.ts';
import { complaintOf, statusOf } from './mistakes.ts';
import { createCommandLine } from './program.ts';
import { addSetUpCommands } from './set-up/commands.ts';
import { addStartCommands } from './start/commands.ts';
import { addSteeringCommands } from './steer/commands.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/** What is set already stays; the folder at hand comes before the project. Loaded only where there is such a file. */
async function readSettings(): Promise<void> {
  const files = [
    ...(resolve('.env') === resolve(project, '.env') ? [] : [{ path: resolve('.env'), trusted: false }]),
    { path: resolve(project, '.env'), trusted: true },
  ];
  if (!files.some(({ path }) => existsSync(path))) return;
  const { readEnvFiles } = await import('./env-files.ts');
  for (const line of readEnvFiles(files, process.env)) console.error(line);
}

/** Ends with what is to be said of `error`, on one line. */
async function complain(error: unknown): Promise<void> {
  const { clean } = await import('./terminal.ts');
  console.error(clean(complaintOf(error, { traced: process.env.CRUCIBLE_LOG === 'debug' })));
  process.exitCode = statusOf(error);
}

process.on('uncaughtException', (error) => void complain(error).finally(() => process.exit()));
try {
  await readSettings();
  const commandLine = createCommandLine();
  addStartCommands(commandLine);
  addChatCommands(commandLine);
  addFollowCommands(commandLine);
  addSteeringCommands(commandLine);
  addKeepingCommands(commandLine);
  addSetUpCommands(commandLine);
  await commandLine.program.parseAsync();
} catch (error) {
  await complain(error);
}
