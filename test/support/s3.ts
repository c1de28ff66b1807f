import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { versitygwPath } from '../../setup/steps/versitygw.mjs';
import { s3Credentials } from './s3-credentials.ts';
import { freePort } from './temporal.ts';

/** An S3 server of a test's own. It keeps an object as the file `FOLDER/BUCKET/KEY`. */
export interface TestS3 {
  endpoint: string;
  port: number;
  folder: string;
  makeBucket(name: string): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server that keeps its files in `files`, or in a folder of its own. Throws where there is none to start. */
export async function startS3({ files }: { files?: string } = {}): Promise<TestS3> {
  const program = versitygwPath();
  if (program === null)
    throw new Error('expected an S3 server, found none: node setup/ready.mjs --only versitygw');
  const own = await mkdtemp(join(tmpdir(), 'crucible-s3-'));
  const folder = files ?? join(own, 'files');
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(
      program,
      [
        '--port',
        `127.0.0.1:${port}`,
        '--quiet',
        '--keep-alive',
        'posix',
        '--sidecar',
        join(own, 'sidecar'),
        folder,
      ],
      {
        stdio: 'ignore',
        env: {
          PATH: process.env.PATH,
          ROOT_ACCESS_KEY_ID: s3Credentials.AWS_ACCESS_KEY_ID,
          ROOT_SECRET_ACCESS_KEY: s3Credentials.AWS_SECRET_ACCESS_KEY,
        },
      },
    );
    for (let tries = 0; tries < 300; tries += 1) {
      if (child.exitCode !== null) throw new Error(`the S3 server ended at once with ${child.exitCode}`);
      if (await fetch(endpoint).catch(() => null)) return child;
      await wait(50);
    }
    throw new Error(`the S3 server did not answer at ${endpoint}`);
  };
  await mkdir(join(own, 'sidecar'));
  let child = await start();
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    endpoint,
    port,
    folder,
    makeBucket: async (name) => void (await mkdir(join(folder, name))),
    kill: end,
    async restart() {
      child = await start();
    },
    async stop() {
      await end();
      await rm(own, { recursive: true, force: true });
    },
  };
}
