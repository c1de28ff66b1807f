import { access, chmod, constants, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exitStatus } from '../exit-status.ts';
import { reasonOf } from '../mistakes.ts';
import { UserMistake } from '../terminal.ts';

/**
 * Makes the folder of the store, for this user only. One that is there, and the files in it, are closed to
 * others. Throws `UserMistake` where there cannot be one, or it cannot be written to.
 */
export async function makeHome(home: string): Promise<void> {
  try {
    await makeFolder(home);
    if (!(await stat(home)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    await closeToOthers(home);
  } catch (error) {
    const reason = codeOf(error) === 'ENOENT' ? 'no folder can be made there' : reasonOf(error);
    throw new UserMistake(
      `${home}: expected a folder that Crucible can keep its store in: ${reason}. Set CRUCIBLE_HOME to another one`,
      { cause: error, status: exitStatus.failed },
    );
  }
}

const forOthers = 0o077;

/** Takes the home and the files in it from other users; what lies deeper is behind the folder's own mode. */
export async function closeToOthers(home: string): Promise<void> {
  const tighten = async (path: string): Promise<void> => {
    const found = await stat(path).catch(() => null);
    if (found === null || (found.mode & forOthers) === 0 || found.uid !== process.getuid?.()) return;
    if (path === home || found.isFile()) await chmod(path, found.mode & 0o777 & ~forOthers);
  };
  await tighten(home);
  for (const name of await readdir(home)) await tighten(join(home, name));
}

/** With less than this the next write of a job finds no room. */
const fullBytes = 4 * 2 ** 20;

/** What a job waits for whose store's disk is full; null where there is room, or nobody knows. */
export async function waitsForRoom(home: string | undefined): Promise<string | null> {
  const disk = home === undefined ? null : await statfs(home).catch(() => null);
  if (disk === null || disk.bavail * disk.bsize >= fullBytes) return null;
  return `the disk of ${home} is full: waiting for room`;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** Node's own `recursive` hides why it failed, and never ends below a folder such as /proc. */
async function makeFolder(path: string): Promise<void> {
  const make = (): Promise<void> => mkdir(path, { mode: 0o700 });
  try {
    await make();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await make();
  }
}
