import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { staged } from './supervisor-job.ts';

/** Hears how sandboxes wait for their turn: while one is measured nothing else runs on the host. */
export interface TurnListener {
  /**
   * The sandbox `key` has to wait. `behind` is the key of the one it waits for, null where that is not to be
   * known.
   */
  waits(key: string, behind: string | null): void;
  /** It waits no longer. */
  goesOn(key: string): void;
}

const lookEveryMs = 1_000;

/**
 * Tells `listener` while the process `pid`, for the sandbox `key`, stands in line for the lock `file`. Call
 * what it returns at the end.
 */
export function watchTurn(pid: number, file: string, key: string, listener: TurnListener): () => void {
  let told = false;
  let ended = false;
  const look = async (): Promise<void> => {
    const behind = await inTheWay(pid, file);
    if (ended || (behind === undefined && !told)) return;
    if (behind === undefined) listener.goesOn(key);
    else listener.waits(key, behind);
    told = behind !== undefined;
  };
  // A look that fails tells nothing; the next may.
  const timer = setInterval(() => void look().catch(() => undefined), lookEveryMs);
  timer.unref();
  return () => {
    ended = true;
    clearInterval(timer);
    if (told) listener.goesOn(key);
  };
}

/** What the kernel says of a file lock. */
interface Lock {
  pid: number;
  inode: string;
  waiting: boolean;
  exclusive: boolean;
}

/**
 * Returns the key of the sandbox that `pid` waits for at the lock `file`. Returns null for one that has none,
 * undefined where it does not wait.
 */
async function inTheWay(pid: number, file: string): Promise<string | null | undefined> {
  const locks = locksIn(await readFile('/proc/locks', 'utf8'));
  const [lock, turnstile] = await Promise.all([inodeOf(file), inodeOf(`${file}.turn`)]);
  const own = locks.find((each) => each.waiting && each.pid === pid);
  if (own === undefined || (own.inode !== lock && own.inode !== turnstile)) return undefined;
  const held = locks.filter((each) => !each.waiting && each.pid !== pid);
  const holder =
    held.find((each) => each.inode === lock && each.exclusive) ??
    held.find((each) => each.inode === own.inode) ??
    held.find((each) => each.inode === lock);
  return holder === undefined ? null : keyOf(holder.pid);
}

/** The locks that `/proc/locks` lists: `3: -> FLOCK ADVISORY WRITE 4711 fe:00:8321 0 EOF`, with an arrow where one waits. */
export const locksIn = (text: string): Lock[] =>
  text.split('\n').flatMap((line) => {
    const found = /^\d+:( ->)? FLOCK +\S+ +(READ|WRITE) +(\d+) +\S+:(\d+) /.exec(line);
    if (found === null) return [];
    const [, arrow, mode, pid, inode = ''] = found;
    return [{ pid: Number(pid), inode, waiting: arrow !== undefined, exclusive: mode === 'WRITE' }];
  });

const inodeOf = async (path: string): Promise<string> =>
  String((await stat(path).catch(() => undefined))?.ino ?? '');

/**
 * The key of the sandbox that a supervisor process stands for. It is an argument of its own, or in a file
 * beside its job.
 */
async function keyOf(pid: number): Promise<string | null> {
  const [, mode, file = '', , key] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split(
    '\0',
  );
  if (mode === 'lock') return key || null;
  if (mode !== 'job' || !file.endsWith(`/${staged.job}`)) return null;
  return readFile(join(file.slice(0, -staged.job.length), 'key'), 'utf8').catch(() => null);
}
