import { chmodSync, createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildGo } from '../go.mjs';
import { cache, onPath } from '../places.mjs';

/** The newest version of the command line that `go install` accepts; its server is 1.29. */
export const temporalVersion = '1.5.1';

const folder = join(cache, 'temporal', temporalVersion);

/**
 * The program that runs the development server: the one on PATH, else ours.
 * @returns {string | null}
 */
export function temporalPath() {
  const own = join(folder, 'temporal');
  return onPath('temporal') ?? (existsSync(own) ? own : null);
}

/** @type {import('../work.mjs').Step} */
export const temporal = {
  name: 'temporal',
  needs: [],
  ready: async () => Boolean(process.env.TEMPORAL_ADDRESS || temporalPath()),
  async make(work) {
    mkdirSync(folder, { recursive: true });
    work.say('looking for a download of the Temporal server');
    try {
      return await downloadTemporal('https://temporal.download', folder, work);
    } catch {
      // Not reachable from here: the source is.
      return buildTemporal(work);
    }
  },
};

/**
 * Downloads the program where the Temporal SDKs download theirs. Fails within 5 s where the site does not answer.
 * @param {string} site
 * @param {string} into the folder it is to lie in
 * @param {import('../work.mjs').Work} work
 * @returns {Promise<string>} in words, where it is now
 */
export async function downloadTemporal(site, into, { run, say, part }) {
  const platform = process.platform === 'darwin' ? 'darwin' : 'linux';
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const about = await fetch(`${site}/cli/v${temporalVersion}?arch=${arch}&platform=${platform}`, {
    signal: AbortSignal.timeout(5000),
  });
  if (!about.ok) throw new Error(`${site} answered ${about.status}`);
  const { archiveUrl, fileToExtract } = /** @type {{ archiveUrl: string, fileToExtract: string }} */ (
    await about.json()
  );
  say('downloading the Temporal server (about 60 MB)');
  const archive = await fetch(archiveUrl, { signal: AbortSignal.timeout(300_000) });
  if (!archive.ok || !archive.body) throw new Error(`${archiveUrl} answered ${archive.status}`);

  await pipeline(Readable.fromWeb(archive.body), createWriteStream(join(part, 'archive.tar.gz')));
  await run('tar', ['-xzf', 'archive.tar.gz', fileToExtract], { cwd: part });
  chmodSync(join(part, fileToExtract), 0o755);
  renameSync(join(part, fileToExtract), join(into, 'temporal'));
  return join(into, 'temporal');
}

/**
 * @param {import('../work.mjs').Work} work
 * @returns {Promise<string>} in words, where it is now
 */
function buildTemporal(work) {
  work.say('building the Temporal server from source (4 minutes of processor time)');
  const name = `-X github.com/temporalio/cli/temporalcli.Version=${temporalVersion}`;
  return buildGo(work, {
    module: `github.com/temporalio/cli/cmd/temporal@v${temporalVersion}`,
    // No client for Google's storage beyond what the archiver needs.
    flags: [`-ldflags=-s -w ${name}`, '-tags=disable_grpc_modules,grpcnotrace'],
    to: join(folder, 'temporal'),
    how: 'install the Temporal CLI (https://docs.temporal.io/cli) or Go 1.24, or set TEMPORAL_ADDRESS to a running server',
  });
}
