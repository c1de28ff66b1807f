import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cache, onPath } from '../places.mjs';
import { sandboxKinds } from '../sandbox-kinds.mjs';
import { StepFailed } from '../work.mjs';

const folder = join(cache, 'bubblewrap');

/**
 * bubblewrap: the one on PATH, else ours.
 * @returns {string | null}
 */
export function bwrapPath() {
  const own = join(folder, 'usr/bin/bwrap');
  return onPath('bwrap') ?? (existsSync(own) ? own : null);
}

/**
 * Why bubblewrap cannot make a sandbox here, or null where it can.
 * @param {string} bwrap
 * @returns {string | null}
 */
export function bwrapTrouble(bwrap) {
  try {
    execFileSync(bwrap, ['--unshare-all', '--ro-bind', '/', '/', 'true'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 5000,
    });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/** @type {import('../work.mjs').Step} */
export const bubblewrap = {
  name: 'bubblewrap',
  needs: ['system'],
  async ready({ system }) {
    if (!(await sandboxKinds(system)).has('bubblewrap')) return true;
    const bwrap = bwrapPath();
    return bwrap !== null && bwrapTrouble(bwrap) === null;
  },
  async make(work) {
    if (process.platform !== 'linux') {
      throw new StepFailed('expected a Docker engine, none answers; bubblewrap is for Linux', 'start Docker');
    }
    const bwrap = bwrapPath() ?? (await download(work));
    const trouble = bwrapTrouble(bwrap);
    if (trouble) throw new StepFailed(`bubblewrap cannot make a sandbox here: ${trouble}`, permission());
    return bwrap;
  },
};

/**
 * Unpacks Debian's package into the cache; nothing is installed.
 * @param {import('../work.mjs').Work} work
 * @returns {Promise<string>}
 */
async function download({ run, say, part }) {
  const how = "sudo apt-get install bubblewrap (or your distribution's way), or start Docker";
  if (!onPath('apt-get') || !onPath('dpkg'))
    throw new StepFailed('expected bubblewrap on PATH, found none', how);
  say('downloading bubblewrap');
  await run('apt-get', ['download', 'bubblewrap'], { cwd: part, how });
  const archive = readdirSync(part).find((name) => name.endsWith('.deb')) ?? 'bubblewrap.deb';
  await run('dpkg', ['-x', archive, 'unpacked'], { cwd: part, how });
  renameSync(join(part, 'unpacked'), folder);
  return join(folder, 'usr/bin/bwrap');
}

/** What allows an ordinary user namespaces, by what this kernel has. */
function permission() {
  const switches = {
    'kernel/apparmor_restrict_unprivileged_userns': 0,
    'kernel/unprivileged_userns_clone': 1,
  };
  for (const [name, value] of Object.entries(switches)) {
    if (existsSync(`/proc/sys/${name}`))
      return `sudo sysctl -w ${name.replace('/', '.')}=${value}, or start Docker`;
  }
  return 'sudo sysctl -w user.max_user_namespaces=15000, or start Docker';
}
