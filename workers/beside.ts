import { spawn } from 'node:child_process';
import { copyFile, stat, truncate } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { ageMs, type HomeProcess, isAlive, logsOf, processesOf } from './processes.ts';
import { createUiDoor } from './ui-door.ts';

/** What `up` starts a worker with where the server is Crucible's own. */
export const besideServer = '--beside-server';

const lookEveryMs = 2_000;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** A log that has grown longer is put aside: at most twice as much is kept of each. */
const longestLogBytes = 8 * 2 ** 20;

/**
 * Looks after what runs beside this worker. Keeps both logs short, and opens the way to the server's UI. Has `crucible up` start a server again
 * that died. The pause before that doubles as long as it does not stay. Returns how to end that, before the worker itself ends: then nothing
 * is to be started any more.
 */
export function lookAfter({ home, temporalAddress }: Config, log: Log): () => void {
  const command = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
  let pauseMs = firstPauseMs;
  let timer: NodeJS.Timeout;
  let ended = false;
  let uiHost: string | null = null;
  const find = async (): Promise<HomeProcess | undefined> => {
    const [found] = (await processesOf(home)).servers;
    uiHost = found?.uiHost ?? null;
    if (uiHost !== null) door.open();
    return found;
  };
  const door = createUiDoor(Number(temporalAddress?.split(':')[1]) + 1000, () => uiHost);
  let server = find();

  const look = async (): Promise<void> => {
    for (const path of Object.values(logsOf(home))) await keepShort(path, log);
    const before = await server;
    if (before !== undefined && isAlive(before)) {
      if (uiHost !== null) door.open();
      if ((await ageMs(before)) > longestPauseMs) pauseMs = firstPauseMs;
      return;
    }
    server = find();
    const now = await server;
    if (now !== undefined || ended) return;
    log.warn({ pauseMs }, 'the server has died: it is started again');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    if (ended) return;
    // A process of its own: where the port is taken, it replaces this worker.
    const child = spawn(process.execPath, [command, 'up', besideServer], {
      detached: true,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CRUCIBLE_HOME: home, TEMPORAL_ADDRESS: '' },
    });
    await new Promise((resolve) => child.once('error', resolve).once('exit', resolve));
    server = find();
  };
  const next = (): void => {
    timer = setTimeout(() => {
      look()
        .catch((error: unknown) => log.warn({ error }, 'looking after the server failed, trying again later'))
        .finally(() => {
          if (!ended) next();
        });
    }, lookEveryMs);
  };
  next();
  return () => {
    ended = true;
    clearTimeout(timer);
    door.close();
  };
}

/** Moves what was written to a file beside it. Who writes has the log open at its end, and goes on there. */
async function keepShort(path: string, log: Log): Promise<void> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size <= longestLogBytes) return;
  const aside = `${path}.1`;
  // On a full disk there is no room for a copy: shortening makes some.
  const kept = await copyFile(path, aside).then(
    () => true,
    () => false,
  );
  await truncate(path);
  log.info({ log: path, bytes: size, aside: kept ? aside : null }, 'the log was long: it begins anew');
}
