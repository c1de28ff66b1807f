import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserMistake } from '../terminal.ts';

/** Tells whether there is anything at `path`. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Throws `UserMistake` where something is in the way of an export to `path`. Only an earlier export, which has the file `marker`, may be
 * replaced, and only with `force`: anything else is somebody's.
 */
export async function refuseToReplace(
  path: string,
  { marker, force }: { marker: string; force: boolean },
): Promise<void> {
  const there = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UserMistake(`${path}: expected a folder or nothing there, got ${error.message}`);
  });
  if (there === null || (there.length === 0 && force)) return;
  if (!force)
    throw new UserMistake(`${path} is there already: choose another folder, or replace it with --force`);
  const isExport = await access(join(path, marker)).then(
    () => true,
    () => false,
  );
  if (!isExport)
    throw new UserMistake(
      `${path} is no export (it has no ${marker}), so --force does not remove it: choose another folder`,
    );
}
