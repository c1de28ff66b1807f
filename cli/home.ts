import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exitStatus } from './exit-status.ts';
import { UserMistake } from './terminal.ts';

const reasons: Record<string, string> = {
  EROFS: 'its disk is read-only',
  EACCES: 'permission denied',
  ENOSPC: 'no room left on the disk',
  ENOTDIR: 'there is a file in the way',
  ENOENT: 'no folder can be made there',
};

/** Makes the folder of the store, for this user only. Throws `UserMistake` where there cannot be one, or it cannot be written to. */
export async function makeHome(home: string): Promise<void> {
  try {
    await makeFolder(home);
    if (!(await stat(home)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new UserMistake(
      `${home}: expected a folder that Crucible can keep its store in: ${reasons[code] ?? error}. Set CRUCIBLE_HOME to another one`,
      { cause: error, status: exitStatus.failed },
    );
  }
}

/** Node's own `recursive` hides why it failed, and never ends below a folder such as /proc. */
async function makeFolder(path: string): Promise<void> {
  const make = (): Promise<void> => mkdir(path, { mode: 0o700 });
  try {
    await make();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await make();
  }
}
