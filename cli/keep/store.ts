import { copyStore, type StorePlace } from '../../store/copy-store.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { bytesText, type CommandContext, UserMistake } from '../terminal.ts';

/** Stands for what CRUCIBLE_STORE and CRUCIBLE_BLOBS say: an address with a password is nothing to type. */
const onServers = 'servers';

/** `crucible store copy FROM TO`: copies a store to where there is none; each is a folder, or `servers`. */
export async function copyBetween(
  context: Pick<CommandContext, 'json' | 'quiet' | 'out'>,
  { from, to }: { from: string; to: string },
  environment: Record<string, string | undefined>,
): Promise<void> {
  if (from === to) throw new UserMistake(`expected two places, got ${from} twice`);
  const config = readConfig(environment);
  let next = 500;
  const said = (artifacts: number): void => {
    if (context.json || context.quiet || artifacts < next) return;
    context.out(`${artifacts} files`);
    next = artifacts * 2;
  };
  const copied = await copyStore(placeOf(from, config), placeOf(to, config), said);
  if (context.json) return context.out(JSON.stringify(copied));
  const { id, rows, artifacts, bytes, thereBefore, running } = copied;
  const before = thereBefore === 0 ? '' : `, ${thereBefore} were there`;
  context.out(
    `copied store ${id} to ${to}: ${artifacts} files, ${bytesText(bytes)}${before}, and ${rows} rows, all compared`,
  );
  if (running > 0)
    context.out(
      `${running} of its jobs are running: they go on from the copy where its workers are on the same Temporal server (TEMPORAL_ADDRESS)`,
    );
}

function placeOf(named: string, { shared }: Config): StorePlace {
  if (named !== onServers) {
    if (/^\w+:\/\//.test(named))
      throw new UserMistake(
        `expected a folder, or the word servers for what CRUCIBLE_STORE and CRUCIBLE_BLOBS say, got an address`,
      );
    return { home: named, shared: null };
  }
  if (shared === null)
    throw new UserMistake(
      'servers: expected CRUCIBLE_STORE=postgres://… and CRUCIBLE_BLOBS=s3://… to say where, neither is set',
    );
  return { home: '', shared };
}
