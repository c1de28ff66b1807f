import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, hashOf, onPath, root } from '../places.mjs';
import { sandboxKinds } from '../sandbox-kinds.mjs';
import { downloadWheels } from '../wheels.mjs';
import { StepFailed } from '../work.mjs';

/**
 * The folder whose `python` and `nanobind` bubblewrap shows below /opt/crucible, or null where it is not there.
 * @returns {string | null}
 */
export function coreLayer() {
  const folder = layerFolder();
  return existsSync(folder) ? folder : null;
}

const sources = [
  'docker/sandbox/core.txt',
  'docker/sandbox/install.sh',
  'docker/sandbox/native.sh',
  'native',
];

const layerFolder = () => join(cache, 'layers', `core-${hashOf(sources)}`);

/** @type {import('../work.mjs').Step} */
export const python = {
  name: 'python',
  // After the image, since both want the same downloads.
  needs: ['system', 'image'],
  ready: async ({ system }) => coreLayer() !== null || !(await sandboxKinds(system)).has('bubblewrap'),
  async make(work) {
    const how = 'apt-get install python3.11-venv python3.11-dev g++, or use Docker';
    const interpreter = findPython();
    if (!interpreter)
      throw new StepFailed(
        'expected Python 3.11 with venv and headers, and g++, for the sandbox without Docker',
        how,
      );
    // Named by what it is made of, also where that is changed meanwhile.
    const folder = layerFolder();
    const wheels = await downloadWheels(work);
    work.say('installing the Python packages of the sandbox');
    const scripts = join(root, 'docker/sandbox');
    const layer = join(work.part, 'layer');
    const packages = join(layer, 'python/lib/python3.11/site-packages');
    await work.run('sh', [join(scripts, 'install.sh'), interpreter, layer, wheels], { how });
    await work.run('sh', [join(scripts, 'native.sh'), layer, join(root, 'native'), packages], { how });
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(layer, folder);
    return folder;
  },
};

/**
 * A Python 3.11 that can make a venv and compile extensions; the system's first, since a sandbox shows /usr anyway.
 * @returns {string | null}
 */
export function findPython() {
  const places = [onPath('python3.11', '/usr/bin'), onPath('python3.11'), onPath('python3')];
  const test =
    'import sys, os, sysconfig, ensurepip\nassert sys.version_info[:2] == (3, 11)\n' +
    'assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))';
  if (!onPath('g++')) return null;
  for (const place of places) {
    try {
      if (place) execFileSync(place, ['-I', '-c', test], { stdio: 'ignore' });
      if (place) return place;
    } catch {
      // Another version, or without its parts: try the next.
    }
  }
  return null;
}
