import { openStore, type Store } from '../../store/store.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { exitStatus } from '../exit-status.ts';
import { isForPeople, reasonOf } from '../mistakes.ts';
import { type CommandContext, harmless, UserMistake, widthOf } from '../terminal.ts';
import { makeHome } from './home.ts';

/** What a command that needs the store is given. */
export interface Session {
  config: Config;
  context: CommandContext;
  /** Fires at Ctrl-C. */
  signal: AbortSignal;
}

/** What all commands may be asked. */
export interface Manner {
  json: boolean;
  quiet: boolean;
}

/** Opens the store, runs `act`, closes it. A number that `act` returns is the exit status; false is 1. */
export async function inSession(manner: Manner, act: (session: Session) => Promise<unknown>): Promise<void> {
  const config = readConfig(process.env);
  const interrupt = new AbortController();
  let first = 0;
  const stop = (): void => {
    // npm and the terminal both pass a Ctrl-C on: only one that comes later is a second one, which does not wait.
    if (first > 0 && Date.now() - first > 1_000) process.exit(exitStatus.interrupted);
    first ||= Date.now();
    interrupt.abort(new UserMistake('interrupted', { status: exitStatus.interrupted }));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const store = await storeOf(config);
  const context: CommandContext = { store, home: config.home, ...outputTo(process.stdout, manner) };
  try {
    const ended = await act({ config, context, signal: interrupt.signal });
    if (ended === false) process.exitCode = exitStatus.failed;
    else if (typeof ended === 'number') process.exitCode = ended;
  } finally {
    await store.close();
  }
}

/** How commands write to `stream`. */
export function outputTo(
  stream: NodeJS.WriteStream,
  { json, quiet }: Manner,
): Pick<CommandContext, 'json' | 'quiet' | 'out' | 'terminal' | 'columns'> {
  const terminal = stream.isTTY === true;
  const out = (line: string): void => console.log(harmless(line, { json, terminal }));
  return { json, quiet, out, terminal, columns: widthOf(stream) };
}

/** Throws `UserMistake` where no store can be kept in `home`. */
async function storeOf({ home, shared }: Config): Promise<Store> {
  await makeHome(home);
  try {
    return await openStore(home, { shared });
  } catch (error) {
    if (isForPeople(error)) throw error;
    throw new UserMistake(
      `${home}: expected Crucible's store, which cannot be opened: ${reasonOf(error)}. Move it away, or set CRUCIBLE_HOME to another folder`,
      { cause: error, status: exitStatus.failed },
    );
  }
}
