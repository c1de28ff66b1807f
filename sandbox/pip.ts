import { execFile, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { JobRejected, PackagesUnavailable, StorageFull } from '../domain/errors.ts';
import { packageName } from '../domain/requirements.ts';
import { onPath } from '../setup/places.mjs';
import { pythonTarget } from '../setup/wheels.mjs';
import { neutralise } from './supervisor-job.ts';

/**
 * How pip is to reach its indexes is the user's own setting. Nothing else of the environment is any business of
 * it.
 */
const passedOn =
  /^(PATH|HOME|LANG|LC_\w+|TMPDIR|XDG_(CONFIG|CACHE)_(HOME|DIRS)|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|NETRC|PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|CACHE_DIR|NO_CACHE_DIR|CONFIG_FILE|KEYRING_PROVIDER))$/i;

export const pipEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => passedOn.test(name)));

/**
 * Wheels for the sandbox's Python and nothing else. No source is built, so that no code of a package runs here.
 */
const wheelsAlone = ['--only-binary=:all:', ...pythonTarget()];

export interface PipOptions {
  /** An empty folder: what pip looks at beside what it is told. */
  cwd: string;
  /** Where it may keep its log: it tells more than pip says. */
  log: string;
  signal: AbortSignal;
}

/**
 * Runs pip on the host. It takes wheels for the sandbox alone, and knows nothing of a job but its arguments. Throws `JobRejected`
 * where what is asked for cannot be had, `PackagesUnavailable` where no index answers.
 */
export async function pip(
  command: 'download' | 'install',
  args: readonly string[],
  options: PipOptions,
): Promise<void> {
  const { log } = options;
  await rm(log, { force: true });
  const common = [
    '--disable-pip-version-check',
    '--no-input',
    '--no-color',
    '--progress-bar=off',
    '--log',
    log,
  ];
  const { code, said } = await run(
    await pythonWithPip(),
    ['-m', 'pip', command, ...common, ...wheelsAlone, ...args],
    options,
  );
  if (code === 0) return;
  const logged = await readFile(log, 'utf8').catch(() => '');
  throw failureOf([...notFetched(logged), said].join('\n'), code);
}

/** Python 3.11 where there is one: pip reads what packages need as for the Python it runs under. */
async function pythonWithPip(): Promise<string> {
  for (const place of [onPath('python3.11'), onPath('python3')]) {
    if (place === null) continue;
    const works = await promisify(execFile)(place, ['-m', 'pip', '--version'], { timeout: 30_000 }).then(
      () => true,
      () => false,
    );
    if (works) return place;
  }
  throw new PackagesUnavailable('expected python3 with pip on PATH, found none: apt-get install python3-pip');
}

function run(
  file: string,
  args: readonly string[],
  { cwd, signal }: PipOptions,
): Promise<{ code: number | null; said: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; said: string }>();
  const child = spawn(file, args, {
    cwd,
    env: pipEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  const hear = (piece: Buffer): void => {
    said = `${said}${piece}`.slice(-mostSaid);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.once('error', reject);
  child.once('close', (code) => resolve({ code, said: neutralise(said) }));
  return promise;
}

const mostSaid = 64 * 1024;

/** What an index did not give: an index that is down looks like one that has nothing of that name. */
const notFetched = (log: string): string[] =>
  [...log.matchAll(/Could not fetch URL .*/g)].map(([line]) => neutralise(line)).slice(-20);

/** Words of pip where it did not get through to an index. */
const unreachable =
  /connection broken by|Max retries exceeded|Temporary failure in name resolution|Name or service not known|Network is unreachable|Connection refused|timed out|ProxyError|SSLError|problem confirming the ssl certificate|5\d\d (Server|Internal|Bad|Service|Gateway)/i;

/** Returns pip's failure as an error; credentials in addresses are left out. */
export function failureOf(output: string, code: number | null): Error {
  const said = output.replace(/(\w+:\/\/)[^\s/@]+@/g, '$1');
  const errors = said.split('\n').flatMap((line) => /^ERROR: (.*)$/.exec(line)?.[1] ?? []);
  if (/No space left on device/.test(said))
    return new StorageFull('no room on the disk for the packages of a job');
  if (/DO NOT MATCH THE HASHES/.test(said))
    return new JobRejected(
      `environment: what the package index gives is not what the lock names: ${/^\s*(\S+ from .*?|\S+==\S+).*$/m.exec(said.split('DO NOT MATCH')[1]?.split('\n').slice(1).join('\n') ?? '')?.[1] ?? 'another hash'}`,
    );
  const none = /No matching distribution found for (\S.*)/.exec(said)?.[1];
  if (unreachable.test(said))
    return new PackagesUnavailable(
      `no package index answers: ${silence(said)}. Packages of a job are fetched as pip does it here (PIP_INDEX_URL, PIP_FIND_LINKS, proxies)`,
    );
  if (none !== undefined) return new NoSuchPackage(none.trim(), versionsIn(said));
  if (/ResolutionImpossible|conflicting dependencies/.test(said))
    return new PackagesConflict(conflictIn(said));
  return new PackagesUnavailable(
    `pip ended with ${code}: ${errors.at(-1) ?? said.trim().split('\n').at(-1) ?? ''}`,
  );
}

/** No index has a wheel of it that fits. */
export class NoSuchPackage extends JobRejected {
  // Temporal goes by the name of the class: by its own it would be tried again and again.
  static override readonly name = 'JobRejected';
  readonly asked: string;
  readonly package: string;
  constructor(asked: string, versions: readonly string[]) {
    const there =
      versions.length === 0
        ? 'no package index has a wheel of it for Python 3.11 on this machine, and sources are not built'
        : `the versions with a wheel for Python 3.11 on this machine are ${versions.slice(-8).join(', ')}`;
    super(`environment: ${asked}: ${there}`);
    this.asked = asked;
    this.package = packageName(/^[A-Za-z0-9._-]+/.exec(asked)?.[0] ?? asked);
  }
}

/** What is asked for does not go together. */
export class PackagesConflict extends JobRejected {
  static override readonly name = 'JobRejected';
  constructor(why: string) {
    super(`environment: these packages do not go together: ${why}`);
  }
}

/** Who did not answer, and why, out of pip's many words for it. */
function silence(said: string): string {
  const line = said.split('\n').find((each) => unreachable.test(each)) ?? '';
  const where = /https?:\/\/[^/\s'"]+/.exec(line)?.[0];
  const why = /\[Errno -?\d+\] ([^'")]+)/.exec(line)?.[1] ?? /SSL\w*|timed out|5\d\d [\w ]+/.exec(line)?.[0];
  return where === undefined && why === undefined
    ? line.replace(/^(WARNING|ERROR): /, '').slice(0, 300)
    : [where, why ?? 'no connection'].filter(Boolean).join(': ');
}

function versionsIn(said: string): string[] {
  const listed = /\(from versions: ([^)]*)\)/.exec(said)?.[1] ?? 'none';
  return listed === 'none' || listed === '' ? [] : listed.split(/,\s*/);
}

/** Pip's list of who asks for what: the lines below `The conflict is caused by:`. */
function conflictIn(said: string): string {
  const [, list = ''] = said.split('The conflict is caused by:');
  const lines = list.trim().split('\n');
  const end = lines.findIndex((line) => line.trim() === '');
  const told = (end === -1 ? lines : lines.slice(0, end)).map((line) => line.trim());
  return told.filter(Boolean).slice(0, 12).join('; ') || 'pip does not say which';
}
