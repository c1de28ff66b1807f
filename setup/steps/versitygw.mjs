import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildGo } from '../go.mjs';
import { cache, onPath } from '../places.mjs';

const version = '1.8.0';
const own = join(cache, 'versitygw', version, 'versitygw');

/**
 * A server that speaks S3's protocol: the one on PATH, else ours.
 * @returns {string | null}
 */
export const versitygwPath = () => onPath('versitygw') ?? (existsSync(own) ? own : null);

/** A server for tests; Crucible itself is told of one. @type {import('../work.mjs').Step} */
export const versitygw = {
  name: 'versitygw',
  needs: [],
  ready: async () => versitygwPath() !== null,
  make(work) {
    work.say('building an S3 server from source (2 minutes of processor time)');
    return buildGo(work, {
      module: `github.com/versity/versitygw/cmd/versitygw@v${version}`,
      flags: ['-ldflags=-s -w'],
      to: own,
      how: 'install Go 1.24, or versitygw (https://github.com/versity/versitygw/releases)',
    });
  },
};
