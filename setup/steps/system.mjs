import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineSocket } from '../engine.mjs';
import { cache, onPath } from '../places.mjs';
import { StepFailed } from '../work.mjs';

/** Debian packages by a file that shows each is there. */
const packages = {
  'docker.io': '/usr/sbin/dockerd',
  bubblewrap: '/usr/bin/bwrap',
  debootstrap: '/usr/sbin/debootstrap',
  'debian-archive-keyring': '/usr/share/keyrings/debian-archive-keyring.gpg',
  'ca-certificates': '/usr/sbin/update-ca-certificates',
  'g++': '/usr/bin/g++',
  make: '/usr/bin/make',
  ccache: '/usr/bin/ccache',
  'python3-venv': '/usr/lib/python3.11/ensurepip',
  'python3-dev': '/usr/bin/python3-config',
  'python3-pip': '/usr/lib/python3/dist-packages/pip',
};

const missing = () =>
  Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);

/** @type {import('../work.mjs').Step} */
export const system = {
  name: 'system',
  needs: [],
  ready: async (work) => !work.system || (missing().length === 0 && (await engineSocket()) !== null),
  async make(work) {
    if (process.getuid?.() !== 0)
      throw new StepFailed(
        '--system changes the system, which takes root',
        'sudo node setup/ready.mjs --system',
      );
    const install = missing();
    if (install.length > 0) {
      if (!onPath('apt-get'))
        throw new StepFailed(`expected ${install.join(', ')}`, "install these your distribution's way");
      work.say(`installing ${install.join(', ')}`);
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      await work.run('apt-get', ['update', '-q'], { env });
      await work.run(
        'apt-get',
        [
          'install',
          '-q',
          '--yes',
          '--no-install-recommends',
          ...install,
          'iptables',
          'cgroupfs-mount',
          'apparmor',
        ],
        { env },
      );
    }
    if (!(await engineSocket())) await startEngine(work);
    return `${Object.keys(packages).length} Debian packages and a Docker engine`;
  },
};

/**
 * Starts the engine: by systemd where that runs, else as a process of its own that outlives set-up.
 * @param {import('../work.mjs').Work} work
 */
async function startEngine({ run, say }) {
  say('starting the Docker engine');
  const log = join(cache, 'logs', 'dockerd.log');
  if (existsSync('/run/systemd/system')) {
    await run('systemctl', ['start', 'docker']);
  } else {
    // Without systemd nobody may have mounted the control groups.
    if (readdirSync('/sys/fs/cgroup').length === 0) await run('cgroupfs-mount', []);
    mkdirSync(join(cache, 'logs'), { recursive: true });
    const output = openSync(log, 'a');
    spawn('dockerd', [], { detached: true, stdio: ['ignore', output, output] }).unref();
  }
  for (let waited = 0; waited < 60_000; waited += 200) {
    if (await engineSocket()) return;
    await sleep(200);
  }
  throw new StepFailed('the Docker engine did not answer within a minute', `read ${log}`);
}
