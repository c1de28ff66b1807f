import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cache, onPath } from './places.mjs';
import { StepFailed } from './work.mjs';

/**
 * Builds a program from source, through the Go module proxy. Modules and objects are kept until the program is there, so that an interrupted
 * build goes on; then they are removed.
 * @param {import('./work.mjs').Work} work
 * @param {{ module: string, flags: string[], to: string, how: string }} program `to`: the path it is to have
 * @returns {Promise<string>} that path
 */
export async function buildGo({ run }, { module, flags, to, how }) {
  const go = onPath('go') ?? onPath('go', '/usr/local/go/bin:/usr/lib/go/bin');
  if (!go) throw new StepFailed('expected Go on PATH, found none', how);
  const build = join(dirname(dirname(to)), 'build');
  const env = {
    ...process.env,
    GOPATH: join(build, 'path'),
    GOCACHE: join(build, 'objects'),
    GOMODCACHE: join(build, 'path/pkg/mod'),
    GOBIN: join(build, 'bin'),
    GOFLAGS: '-modcacherw',
    CGO_ENABLED: '0',
  };
  // No debugging tables: an eighth less to compile.
  await run(go, ['install', '-gcflags=all=-dwarf=false', ...flags, module], { env, how });
  const name = /([^/]+)@/.exec(module)?.[1] ?? module;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(join(build, 'bin', name), to);
  rmSync(build, { recursive: true, force: true });
  return to;
}

/**
 * A program that is used from PATH where it is there, and else is built once into the cache.
 * @param {{ name: string, version: string, module: string, what: string, how: string }} program `what` it is in words; `how` to do without
 * @returns {{ path: () => string | null, step: import('./work.mjs').Step }}
 */
export function goProgram({ name, version, module, what, how }) {
  const own = join(cache, name, version, name);
  const path = () => onPath(name) ?? (existsSync(own) ? own : null);
  return {
    path,
    step: {
      name,
      needs: [],
      ready: async () => path() !== null,
      make(work) {
        work.say(`building ${what} from source (2 minutes of processor time)`);
        return buildGo(work, { module: `${module}@v${version}`, flags: ['-ldflags=-s -w'], to: own, how });
      },
    },
  };
}
