import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildGo } from '../go.mjs';
import { cache, onPath } from '../places.mjs';

const version = '3.22.0';
const own = join(cache, 'helm', version, 'helm');

/**
 * What renders a chart: the one on PATH, else ours.
 * @returns {string | null}
 */
export const helmPath = () => onPath('helm') ?? (existsSync(own) ? own : null);

/** For the test of the chart alone. @type {import('../work.mjs').Step} */
export const helm = {
  name: 'helm',
  needs: [],
  ready: async () => helmPath() !== null,
  make(work) {
    work.say('building Helm from source (2 minutes of processor time)');
    return buildGo(work, {
      module: `helm.sh/helm/v3/cmd/helm@v${version}`,
      flags: ['-ldflags=-s -w'],
      to: own,
      how: 'install Go 1.26, or Helm (https://helm.sh/docs/intro/install)',
    });
  },
};
