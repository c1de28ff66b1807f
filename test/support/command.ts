import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiled } from '../../setup/places.mjs';
import { catalogue } from './model-config.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
export const main = join(project, 'cli/main.ts');

/** How a command ended: what it said on standard output and on standard error, and its exit status. */
export interface Said {
  out: string;
  error: string;
  status: number | null;
}

/** A command of `crucible` under way. */
export interface Running {
  process: ChildProcess;
  ended: Promise<Said>;
  /** Resolves as soon as standard output contains `text`; rejects where the command ends without. */
  says(text: string): Promise<void>;
}

/** Set to nothing, so that the `.env` of whoever runs the tests gives them no key: a test must not cost money. */
const noModels = Object.fromEntries(
  catalogue()
    .providers.flatMap(({ keyVariable, baseUrlVariable }) => [keyVariable, baseUrlVariable])
    .filter((name) => name !== null)
    .map((name) => [name, '']),
);

/** Starts `crucible ARGS` in `folder` with a home of its own; no key of a model and no server of this machine is passed on. `house` holds its code. */
export function start(
  args: readonly string[],
  {
    home,
    folder,
    house = project,
    env = {},
  }: { home: string; folder?: string; house?: string; env?: Record<string, string | undefined> },
): Running {
  const child = spawn(process.execPath, [join(house, 'cli/main.ts'), ...args], {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: environmentOf(home, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Said = { out: '', error: '', status: null };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.error += text;
  });
  const ended = new Promise<Said>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ ...said, status }));
  });
  return {
    process: child,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (said.out.includes(text)) resolve();
        };
        look();
        child.stdout.on('data', look);
        ended.then(
          ({ out, error }) => reject(new Error(`expected it to say ${text}, it said ${out}${error}`)),
          reject,
        );
      }),
  };
}

/** Returns the variables of a command with a home of its own. */
export function environmentOf(
  home: string,
  env: Record<string, string | undefined> = {},
): Record<string, string> {
  const { HOME, PATH = '', XDG_CACHE_HOME, CRUCIBLE_SANDBOX } = process.env;
  const passed: [string, string | undefined][] = Object.entries({
    ...{ HOME, PATH, XDG_CACHE_HOME, CRUCIBLE_SANDBOX, CRUCIBLE_HOME: home },
    ...{ NODE_COMPILE_CACHE: compiled, ...noModels, ...env },
  });
  return Object.fromEntries(
    passed.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

/** Runs `crucible ARGS` to its end. */
export const crucible = (...given: Parameters<typeof start>): Promise<Said> => start(...given).ended;
