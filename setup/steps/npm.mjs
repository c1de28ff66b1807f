import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { onPath, root } from '../places.mjs';
import { StepFailed } from '../work.mjs';

/** npm's own list of what it installed, written last of all. */
const list = 'node_modules/.package-lock.json';

/** The folder of the project's own programs, Node 24 among them. */
export const bin = join(root, 'node_modules/.bin');

/** @type {import('../work.mjs').Step} */
export const npm = {
  name: 'npm',
  needs: [],
  ready: async () => packagesInstalled(),
  async make({ run, say }) {
    say('installing the npm packages (about a minute the first time)');
    // Not by the Node that is about to be replaced.
    const path = (process.env.PATH ?? '')
      .split(delimiter)
      .filter((folder) => !folder.endsWith('node_modules/.bin'));
    const program = onPath('npm', path.join(delimiter));
    if (!program)
      throw new StepFailed('expected npm on PATH, found none', 'install Node.js 18 or newer with its npm');
    const env = { ...process.env, PATH: path.join(delimiter) };
    // Not `npm ci`, which refuses a lock without the packages for other platforms, and a registry need not have those.
    // Install scripts are code of strangers: none runs but the one that fetches the pinned Node.
    const quiet = [
      '--ignore-scripts',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--no-progress',
      '--loglevel=error',
    ];
    await run(program, ['install', '--no-save', ...quiet], { cwd: root, env });
    await run(program, ['rebuild', 'node', '--ignore-scripts=false'], { cwd: root, env });
    return `node ${installedVersion('node')} and ${Object.keys(lockedPackages(list)).length} packages`;
  },
};

/**
 * Whether node_modules holds what package-lock.json asks for.
 * @returns {boolean}
 */
export function packagesInstalled() {
  if (!existsSync(join(root, list)) || !existsSync(join(bin, 'node'))) return false;
  const installed = lockedPackages(list);
  return Object.entries(lockedPackages('package-lock.json')).every(
    ([path, wanted]) => path === '' || wanted.optional || installed[path]?.version === wanted.version,
  );
}

/**
 * The version of an installed package, or null.
 * @param {string} name
 * @returns {string | null}
 */
export function installedVersion(name) {
  const file = join(root, 'node_modules', name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null;
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function lockedPackages(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
}
