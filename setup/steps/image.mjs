import { appendFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { call, engineSocket, hasImage, stream } from '../engine.mjs';
import { filesBelow, hashOf, root } from '../places.mjs';
import { sandboxKinds } from '../sandbox-kinds.mjs';
import { downloadWheels, noWheels } from '../wheels.mjs';
import { pack, StepFailed } from '../work.mjs';

const registryBase = 'python:3.11-slim-bookworm';

/** Everything the image is made from, and with the wheels the context of its build. */
const sources = ['docker/sandbox', 'native'];

/**
 * The sandbox image that belongs to the present sources.
 * @returns {string}
 */
export const imageTag = () => `crucible-sandbox:core-${hashOf(sources)}`;

/** @type {import('../work.mjs').Step} */
export const image = {
  name: 'image',
  needs: ['system'],
  async ready({ system }) {
    if (!(await sandboxKinds(system)).has('docker')) return true;
    const socket = await engineSocket();
    return socket !== null && hasImage(socket, imageTag());
  },
  async make(work) {
    const socket = await engineSocket();
    if (!socket)
      throw new StepFailed(
        'expected a Docker engine, none answers',
        'start Docker and see that you may use it (sudo usermod -aG docker $USER), or set CRUCIBLE_SANDBOX=bubblewrap',
      );
    const base = await findBase(socket, work);
    const wheels = base === registryBase ? noWheels() : await downloadWheels(work);
    work.say('building the sandbox image');
    await build(socket, base, wheels, work);
    return imageTag();
  },
};

/**
 * The image to build on: Python's own where the engine has it or can pull it, else one made here from Debian packages.
 * @param {string} socket
 * @param {import('../work.mjs').Work} work
 * @returns {Promise<string>}
 */
async function findBase(socket, work) {
  const ownBase = `crucible-base:bookworm-${hashOf(['docker/sandbox/base.sh'])}`;
  for (const base of [registryBase, ownBase]) if (await hasImage(socket, base)) return base;
  work.say(`pulling ${registryBase} (50 MB)`);
  const [repository, tag] = registryBase.split(':');
  try {
    await stream(
      socket,
      `/images/create?fromImage=${repository}&tag=${tag}`,
      { timeoutMs: 20_000 },
      () => {},
    );
    return registryBase;
  } catch {
    // No registry can be reached: Debian's packages may be.
  }
  await importBase(socket, ownBase, work);
  return ownBase;
}

/**
 * Makes the base image from Debian packages, as root.
 * @param {string} socket
 * @param {string} tag
 * @param {import('../work.mjs').Work} work
 */
async function importBase(socket, tag, { run, say, part }) {
  const how = 'sudo node setup/ready.mjs --system --only system,image, or set CRUCIBLE_SANDBOX=bubblewrap';
  if (process.getuid?.() !== 0) {
    throw new StepFailed(
      `no image registry answers, and a base image of Debian packages is made by root only`,
      how,
    );
  }
  say('making a base image of Debian packages (a minute)');
  const folder = join(part, 'base');
  await run('sh', [join(root, 'docker/sandbox/base.sh'), folder], { how });
  const [repository, version] = tag.split(':');
  const query = `fromSrc=-&repo=${repository}&tag=${version}`;
  const body = pack(['-C', folder, '.']);
  await stream(socket, `/images/create?${query}`, { body, type: 'application/x-tar' }, () => {});
  // A third of a gigabyte: not left until the other steps are done.
  rmSync(folder, { recursive: true });
}

/**
 * Builds and tags the sandbox image.
 * @param {string} socket
 * @param {string} base
 * @param {string} wheels
 * @param {import('../work.mjs').Work} work
 */
async function build(socket, base, wheels, { log }) {
  const query = new URLSearchParams({
    t: imageTag(),
    dockerfile: 'docker/sandbox/Dockerfile',
    buildargs: JSON.stringify({ BASE: base }),
    forcerm: 'true',
    // The base made here has all it needs; a container would lack the host's certificates anyway.
    networkmode: base === registryBase ? 'default' : 'none',
  });
  const context = pack(['-C', root, ...sources.flatMap(filesBelow), '-C', dirname(wheels), 'wheels']);
  try {
    await stream(socket, `/build?${query}`, { body: context, type: 'application/x-tar' }, (text) =>
      appendFileSync(log, `${text}\n`),
    );
  } catch (error) {
    throw new StepFailed(
      `the sandbox image was not built: ${error instanceof Error ? error.message : error}`,
      `read ${log}`,
    );
  }
  await removeLeftovers(socket);
}

/**
 * Removes what the build needed and the image does not contain: the stage with the downloaded packages, 600 MB.
 * @param {string} socket
 */
async function removeLeftovers(socket) {
  const filters = encodeURIComponent(JSON.stringify({ dangling: ['true'], label: ['crucible.stage=build'] }));
  const { text } = await call(socket, 'GET', `/images/json?filters=${filters}`);
  for (const { Id } of JSON.parse(text)) await call(socket, 'DELETE', `/images/${Id}`);
}
