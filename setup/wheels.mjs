import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, hashOf, onPath, root } from './places.mjs';
import { StepFailed } from './work.mjs';

/** The C library of Debian 12, on which the image stands: 2.36. */
const newestGlibc = 36;

/**
 * Options by which pip takes wheels for the sandbox's Python on this machine, whatever Python it runs under itself.
 * @returns {string[]}
 */
export function pythonTarget() {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  const own = Number(report.header.glibcVersionRuntime?.split('.')[1] ?? newestGlibc);
  const versions = Array.from({ length: Math.min(own, newestGlibc) - 16 }, (_, index) => `_2_${17 + index}`);
  // The older names stand for what is older still.
  const platforms = [...versions.reverse(), '2014'].flatMap((version) => [
    '--platform',
    `manylinux${version}_${machine}`,
  ]);
  return ['--python-version', '3.11', '--implementation', 'cp', ...platforms];
}

/**
 * Downloads the wheels that core.txt locks, by any Python's pip, each checked against its hash.
 * @param {import('./work.mjs').Work} work
 * @returns {Promise<string>} the folder they are in, named `wheels`
 */
export async function downloadWheels({ run, say, part }) {
  const folder = join(cache, 'packages', hashOf(['docker/sandbox/core.txt']));
  if (existsSync(folder)) return join(folder, 'wheels');
  const how = 'apt-get install python3-pip';
  const python = onPath('python3');
  if (!python) throw new StepFailed('expected python3 with pip on PATH, found none', how);
  say('downloading the Python packages (190 MB)');
  const locked = [
    '--no-deps',
    '--require-hashes',
    '--only-binary=:all:',
    '-r',
    join(root, 'docker/sandbox/core.txt'),
  ];
  await run(
    python,
    [
      '-m',
      'pip',
      'download',
      '-q',
      '--no-cache-dir',
      ...locked,
      ...pythonTarget(),
      '-d',
      join(part, 'packages/wheels'),
    ],
    { how },
  );
  mkdirSync(dirname(folder), { recursive: true });
  renameSync(join(part, 'packages'), folder);
  return join(folder, 'wheels');
}

/**
 * A folder named `wheels` without any, for a build that downloads them itself.
 * @returns {string}
 */
export function noWheels() {
  const folder = join(cache, 'packages', 'none', 'wheels');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'README'),
    'The build that was given this folder downloads the packages itself.\n',
  );
  return folder;
}
