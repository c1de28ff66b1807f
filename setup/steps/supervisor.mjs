import { createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { call, engineSocket, hasImage } from '../engine.mjs';
import { cache, filesBelow, hashOf, onPath, root } from '../places.mjs';
import { pack, StepFailed } from '../work.mjs';
import { imageTag } from './image.mjs';

const sources = 'sandbox/supervisor';

const supervisorFile = () => join(cache, 'supervisor', hashOf([sources]), 'supervisor');

/**
 * The static program that the present sources make, or null where it is not built.
 * @returns {string | null}
 */
export function supervisorPath() {
  const file = supervisorFile();
  return existsSync(file) ? file : null;
}

/** @type {import('../work.mjs').Step} */
export const supervisor = {
  name: 'supervisor',
  // The image has the compiler where the host has none.
  needs: ['system', 'image'],
  ready: async () => supervisorPath() !== null || process.env.CRUCIBLE_SANDBOX === 'e2b',
  async make(work) {
    const file = supervisorFile();
    if (process.platform === 'linux' && onPath('gcc') && onPath('make')) {
      work.say('compiling the supervisor');
      await work.run('make', ['-C', join(root, sources), `OUT=${join(work.part, 'supervisor')}`]);
    } else {
      work.say('compiling the supervisor in the sandbox image');
      await compileInImage(work);
    }
    mkdirSync(dirname(file), { recursive: true });
    renameSync(join(work.part, 'supervisor'), file);
    return file;
  },
};

/**
 * Compiles in a container, for hosts without a compiler or with another system than Linux.
 * @param {import('../work.mjs').Work} work
 */
async function compileInImage({ run, part }) {
  const socket = await engineSocket();
  if (!socket || !(await hasImage(socket, imageTag()))) {
    throw new StepFailed(
      'expected gcc and make, or the sandbox image, to compile the supervisor',
      'apt-get install gcc make',
    );
  }
  const create = JSON.stringify({
    Image: imageTag(),
    Cmd: ['make', '-C', `/tmp/${sources}`, 'OUT=/tmp/supervisor'],
    NetworkDisabled: true,
  });
  const made = await call(socket, 'POST', '/containers/create', { body: create, type: 'application/json' });
  const container = `/containers/${JSON.parse(made.text).Id}`;
  try {
    const body = pack(['-C', root, ...filesBelow(sources)]);
    await call(socket, 'PUT', `${container}/archive?path=/tmp`, { body, type: 'application/x-tar' });
    await call(socket, 'POST', `${container}/start`);
    const { StatusCode: code } = JSON.parse((await call(socket, 'POST', `${container}/wait`)).text);
    if (code !== 0) {
      const { text } = await call(socket, 'GET', `${container}/logs?stdout=1&stderr=1&tail=12`);
      throw new StepFailed(`make exited with ${code}\n${text}`, `mend ${sources}`);
    }
    await call(socket, 'GET', `${container}/archive?path=/tmp/supervisor`, {
      into: createWriteStream(join(part, 'tar')),
    });
    await run('tar', ['-xf', 'tar'], { cwd: part });
  } finally {
    await call(socket, 'DELETE', `${container}?force=true`);
  }
}
