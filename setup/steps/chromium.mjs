import { onPath } from '../places.mjs';
import { StepFailed } from '../work.mjs';

/**
 * The browser, where this machine has one.
 * @returns {string | null}
 */
export const chromiumPath = () => onPath('chromium') ?? onPath('google-chrome') ?? onPath('chromium-browser');

/** A browser for tests of reports. @type {import('../work.mjs').Step} */
export const chromium = {
  name: 'chromium',
  needs: ['system'],
  ready: async () => chromiumPath() !== null,
  async make({ system, run, say }) {
    const how = 'sudo apt-get install chromium';
    if (!system || !onPath('apt-get'))
      throw new StepFailed('expected Chromium on PATH for tests of reports, found none', how);
    say('installing Chromium');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-q'], { env, how });
    await run('apt-get', ['install', '-q', '--yes', '--no-install-recommends', 'chromium'], { env, how });
    return chromiumPath() ?? 'chromium';
  },
};
