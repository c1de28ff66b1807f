import { execFile } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { call, engineSocket, hasImage } from './engine.mjs';
import { cache, onPath, root } from './places.mjs';
import { sandboxKinds } from './sandbox-kinds.mjs';
import { bwrapPath, bwrapTrouble } from './steps/bubblewrap.mjs';
import { imageTag } from './steps/image.mjs';
import { installedVersion, packagesInstalled } from './steps/npm.mjs';
import { coreLayer } from './steps/python.mjs';
import { supervisorPath } from './steps/supervisor.mjs';
import { temporalPath, temporalVersion } from './steps/temporal.mjs';

/**
 * Where the parts that set-up provides are; null where one is missing.
 * @typedef {object} Toolchain
 * @property {string} cache the folder below which set-up keeps everything (exists after set-up)
 * @property {string | null} temporal the Temporal CLI, whose `server start-dev` is the development server
 * @property {string | null} docker the Unix socket of a Docker engine that answers
 * @property {string | null} image the sandbox image in that engine, `crucible-sandbox:core-…`
 * @property {string | null} supervisor the static program that runs inside a sandbox
 * @property {string | null} bwrap bubblewrap
 * @property {string | null} python the host folder that bubblewrap shows as /opt/crucible/python (a venv: bin/python3, lib)
 * @property {string | null} nanobind the host folder that bubblewrap shows as /opt/crucible/nanobind (libnanobind.a, include)
 */

/**
 * Locates the parts. Looks, makes nothing; some milliseconds.
 * @returns {Promise<Toolchain>}
 */
export async function toolchain() {
  const docker = await engineSocket();
  const layer = coreLayer();
  return {
    cache,
    temporal: temporalPath(),
    docker,
    image: docker !== null && (await hasImage(docker, imageTag())) ? imageTag() : null,
    supervisor: supervisorPath(),
    bwrap: bwrapPath(),
    python: layer && join(layer, 'python'),
    nanobind: layer && join(layer, 'nanobind'),
  };
}

/**
 * One line of `crucible doctor`.
 * @typedef {object} Fact
 * @property {string} name
 * @property {string} wanted what Crucible needs, in words
 * @property {string | null} found where it is, or what there is; null: missing
 * @property {string | null} version
 * @property {boolean} used whether the present configuration uses it
 * @property {string | null} how what to type to get it; null: nothing to do
 */

/** Every key that a provider of models, or E2B, is asked with; all stand in the example. */
const keys = [
  ...readFileSync(new URL('../.env.example', import.meta.url), 'utf8').matchAll(
    /^#? ?([A-Z0-9_]+_API_KEY)=/gm,
  ),
].map(([, name = '']) => name);

/**
 * What this machine has, for people. Some 100 ms. Of a key only its name is ever given.
 * @param {string} home the folder of the store, whose disk is looked at; it need not be there yet
 * @returns {Promise<Fact[]>}
 */
export async function facts(home) {
  const found = await toolchain();
  const kinds = await sandboxKinds(false);
  const server = process.env.TEMPORAL_ADDRESS || null;
  const compiler = onPath('g++');
  const trouble = found.bwrap && kinds.has('bubblewrap') ? bwrapTrouble(found.bwrap) : null;
  const [temporalSays, bwrapSays, compilerSays, pythonSays, engine] = await Promise.all([
    found.temporal && versionOf(found.temporal),
    found.bwrap && versionOf(found.bwrap),
    compiler && versionOf(compiler),
    found.python && versionOf(join(found.python, 'bin/python3')),
    found.docker && call(found.docker, 'GET', '/version', { timeoutMs: 2000 }),
  ]);
  const disk = statfsSync(firstFolder(home));
  const freeGb = (disk.bavail * disk.bsize) / 1e9;
  const memoryGb = totalmem() / 1e9;
  const given = keys.filter((key) => process.env[key]);
  const setUp = 'npm run setup';

  /** @type {(name: string, wanted: string, found: string | null, version: string | null, used: boolean, how: string) => Fact} */
  const fact = (name, wanted, found, version, used, how) => ({
    name,
    wanted,
    found,
    version,
    used,
    how: used && !found ? how : null,
  });
  return [
    fact('node', 'Node 24, from the npm packages', process.execPath, process.version, true, setUp),
    fact(
      'npm packages',
      'as package-lock.json has them',
      packagesInstalled() ? join(root, 'node_modules') : null,
      installedVersion('@temporalio/worker'),
      true,
      setUp,
    ),
    fact(
      'temporal',
      `a server at TEMPORAL_ADDRESS, or the Temporal CLI (${temporalVersion})`,
      server ?? found.temporal,
      temporalSays,
      true,
      setUp,
    ),
    fact(
      'docker engine',
      'a Docker engine that answers',
      found.docker,
      engine && JSON.parse(engine.text).Version,
      kinds.has('docker'),
      'start Docker',
    ),
    fact(
      'sandbox image',
      imageTag(),
      found.image,
      found.image?.split(':')[1] ?? null,
      kinds.has('docker'),
      setUp,
    ),
    fact(
      'bubblewrap',
      'bubblewrap that may make user namespaces',
      trouble ? null : found.bwrap,
      bwrapSays,
      kinds.has('bubblewrap'),
      setUp,
    ),
    fact('supervisor', 'compiled from sandbox/supervisor', found.supervisor, null, !kinds.has('e2b'), setUp),
    fact('python', 'the Python layer on the host', found.python, pythonSays, kinds.has('bubblewrap'), setUp),
    fact(
      'C++ compiler',
      'g++ on the host',
      compiler,
      compilerSays,
      kinds.has('bubblewrap'),
      'apt-get install g++',
    ),
    fact(
      'disk',
      '5 GB free',
      freeGb >= 5 ? `${freeGb.toFixed(0)} GB free on the disk of ${home}` : null,
      null,
      true,
      `free some: ${freeGb.toFixed(1)} GB are left on the disk of ${home}`,
    ),
    fact(
      'memory',
      '4 GB',
      memoryGb >= 3.5 ? `${memoryGb.toFixed(0)} GB, ${(freemem() / 1e9).toFixed(0)} GB free` : null,
      null,
      true,
      'give the machine more',
    ),
    fact('cores', '2', String(availableParallelism()), null, true, 'give the machine more'),
    {
      name: 'model keys',
      wanted: 'optional; recipes and mechanical strategies need none',
      found: given.join(', ') || null,
      version: null,
      used: given.length > 0,
      how: null,
    },
  ];
}

/**
 * The folder itself, or the nearest above it that is there and may be looked at.
 * @param {string} path
 */
function firstFolder(path) {
  let folder = path;
  while (dirname(folder) !== folder) {
    try {
      statfsSync(folder);
      return folder;
    } catch {
      folder = dirname(folder);
    }
  }
  return folder;
}

/**
 * The first version number that the program prints when asked, or null.
 * @param {string} program
 * @returns {Promise<string | null>}
 */
function versionOf(program) {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: 2000 }, (_, output) =>
      resolve(/\d+\.\d+[\w.]*/.exec(output)?.[0] ?? null),
    );
  });
}
