import { readFileSync } from 'node:fs';
import { type Command, createCommand, createOption, InvalidArgumentError, type Option } from 'commander';
import type { Models } from '../domain/job-fields.schema.ts';
import { exitStatus, exitStatusHelp } from './exit-status.ts';
import type { Manner, Session } from './server/session.ts';

/** What the commands of each group are added to. */
export interface CommandLine {
  program: Command;
  /** Adds a command with an example and the options that all share, below `above` where it is part of another. */
  command(usage: string, description: string, example: string, above?: Command): Command;
  /** Runs `act` with the store open, as `inSession` does. */
  session(act: (session: Session) => Promise<unknown>): Promise<void>;
  manner(): Manner;
}

/** Makes the program without commands. Commands load what they need when they run: help and mistakes are answered at once. */
export function createCommandLine(): CommandLine {
  const program = createCommand('crucible')
    .description('Writes, compiles, runs, measures and improves programs, as durable Temporal workflows.')
    .version(versionOf(), '--version', 'the version')
    .showHelpAfterError('(crucible help COMMAND shows an example)')
    .addHelpText('after', `\n${exitStatusHelp}`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitStatus.found : exitStatus.usage))
    .configureHelp({ sortSubcommands: false });
  withManner(program);

  const manner = (): Manner => {
    const { json = false, quiet = false } = program.opts<{ json?: boolean; quiet?: boolean }>();
    return { json, quiet };
  };
  return {
    program,
    manner,
    command: (usage, description, example, above = program) =>
      withManner(above.command(usage).description(description))
        .addHelpText('after', `\nExample:\n  ${example}`)
        .hook('preAction', (_, self) => {
          for (const [name, value] of Object.entries(self.opts()))
            if ((name === 'json' || name === 'quiet') && value === true) program.setOptionValue(name, true);
        }),
    session: async (act) => (await import('./server/session.ts')).inSession(manner(), act),
  };
}

const withManner = (command: Command): Command =>
  command
    .option('--json', 'machine-readable output')
    .option('--quiet', 'say what came out, and nothing before');

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

/** Makes a reader of numbers as they are typed: `5`, `$5`, `10×`. */
export const number =
  (expected: string, fits: (value: number) => boolean) =>
  (text: string): number => {
    const digits = text.replace(/^\$|[x×]$/g, '').trim();
    const value = Number(digits);
    if (digits === '' || !fits(value)) throw new InvalidArgumentError(`expected ${expected}`);
    return value;
  };
export const wholeNumber = number(
  'a whole number from 1 up',
  (value) => Number.isInteger(value) && value > 0,
);
export const seedNumber = number(
  'a whole number from 0 up',
  (value) => Number.isInteger(value) && value >= 0,
);
export const amount = number('a number above 0', (value) => value > 0 && Number.isFinite(value));

export type Profile = NonNullable<Models['profile']>;
export const profile = (): Option =>
  createOption(
    '--profile <profile>',
    'how models are chosen where the job names none: dev is the cheapest, best the strongest',
  ).choices(['dev', 'best'] satisfies Profile[]);
