import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { postgresPath } from '../../setup/steps/postgres.mjs';
import { freePort } from './temporal.ts';

/** PostgreSQL refuses to run as root; this user has nothing. */
const nobody = 65_534;

/** A PostgreSQL server of a test's own. */
export interface TestPostgres {
  port: number;
  password: string;
  /** Makes an empty database and returns its URL. */
  database(name: string): Promise<string>;
  /** As the server's owner, in that database. */
  ask(name: string, sql: string): Promise<Record<string, unknown>[]>;
  /** `kill -9` of the whole server. */
  kill(): Promise<void>;
  /** Starts it again, on the same files and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server; with `files` its files are there, as on a small disk. Throws where there is none to start. */
export async function startPostgres({ files }: { files?: string } = {}): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const programs = await readable(isRoot, folder);
  const own = isRoot ? { uid: nobody, gid: nobody } : {};
  const data = files ?? join(folder, 'data');
  if (isRoot)
    for (const each of [folder, ...(files === undefined ? [] : [dirname(files)])])
      await chown(each, nobody, nobody);
  const password = 'canary-of-a-password';
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'owner', '--no-sync', '--auth=trust', '--encoding=UTF8', '--locale=C'],
    { ...own, cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(
      join(programs, 'postgres'),
      [
        ...['-D', data, '-k', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
        ...['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'shared_buffers=32MB'],
      ],
      { ...own, cwd: folder, stdio: 'ignore' },
    );
    await answers(port, child);
    return child;
  };
  let child = await start();
  const end = async (signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const ask = (name: string, sql: string) => inDatabase(port, name, sql);
  await ask('postgres', `create role crucible login password '${password}'`);
  return {
    port,
    password,
    ask,
    async database(name) {
      await ask('postgres', `create database "${name}" owner crucible`);
      return `postgres://crucible:${password}@127.0.0.1:${port}/${name}`;
    },
    // Immediate: it ends as if it had been killed, and its children with it.
    kill: () => end('SIGQUIT'),
    async restart() {
      child = await start();
    },
    async stop() {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of the programs, where the server's user can read it: what lies in a home is its owner's alone. */
async function readable(isRoot: boolean, folder: string): Promise<string> {
  const programs = postgresPath();
  if (programs === null)
    throw new Error('expected PostgreSQL, found none: node setup/ready.mjs --only npm,postgres');
  if (!isRoot || !programs.startsWith(homedir())) return programs;
  await cp(join(programs, '..'), join(folder, 'programs'), { recursive: true, verbatimSymlinks: true });
  return join(folder, 'programs', 'bin');
}

async function inDatabase(port: number, database: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'owner', database });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended at once with ${child.exitCode}`);
    try {
      await inDatabase(port, 'postgres', 'select 1');
      return;
    } catch {
      await wait(100);
    }
  }
  throw new Error(`PostgreSQL did not answer at port ${port}`);
}
