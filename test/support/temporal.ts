import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { serverArguments } from '../../cli/server/embedded.ts';
import { toolchain } from '../../setup/toolchain.mjs';

/** A Temporal development server of a test's own, on its own file and port. */
export interface TestServer {
  address: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again, on the same file and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<TestServer> {
  const { temporal } = await toolchain();
  if (temporal === null) throw new Error('expected the Temporal server, found none: npm run setup');
  const folder = await mkdtemp(join(tmpdir(), 'crucible-temporal-'));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(temporal, [...serverArguments(port, join(folder, 'temporal.db')), '--headless'], {
      stdio: 'ignore',
    });
    await answers(address, started);
    return started;
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  let child = await start();
  return {
    address,
    kill: () => end('SIGKILL'),
    async restart() {
      child = await start();
    },
    async stop() {
      await end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(address: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the Temporal server ended at once with ${child.exitCode}`);
    try {
      const connection = await Connection.connect({ address, connectTimeout: '1s' });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return;
    } catch {
      await wait(100);
    }
  }
  throw new Error(`the Temporal server did not answer at ${address}`);
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
      .once('error', reject)
      .listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() =>
          typeof address === 'object' && address !== null
            ? resolve(address.port)
            : reject(new Error('no port')),
        );
      });
  });
