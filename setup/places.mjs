import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's top folder. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Everything set-up makes outside the project lies below this folder, shared by all checkouts of a user. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'crucible');

/** What Node keeps of the sources it has compiled: as many files as there are sources. */
export const compiled = join(cache, 'compiled');

const ignored = new Set(['__pycache__', '.git', 'node_modules', 'build']);

/**
 * The files below `path` (a file or a folder of the project) in a fixed order, relative to the project. Missing: none.
 * @param {string} path
 * @returns {string[]}
 */
export function filesBelow(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full)
    .filter((name) => !ignored.has(name) && !/\.(md|o|so|pyc)$/.test(name))
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/**
 * Twelve hex digits that change when a file below one of `paths` changes, appears, goes or is renamed.
 * @param {string[]} paths files or folders, relative to the project
 * @returns {string}
 */
export function hashOf(paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap(filesBelow)) {
    hash.update(`${file}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(root, file)))
        .digest(),
    );
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * The first executable of that name on PATH (or on `path`), or null.
 * @param {string} name
 * @param {string} [path]
 * @returns {string | null}
 */
export function onPath(name, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here: try the next folder.
    }
  }
  return null;
}
