import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startOf } from '../../setup/process-start.mjs';
import { isAlive, listensOn } from '../../workers/processes.ts';

const own = { pid: process.pid, startedAt: startOf(process.pid) ?? '' };

it('a port is told to be of the process that listens there, not of another', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  const other = spawn('sleep', ['60']);
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other, 'spawn');
  expect(await listensOn(own, address.port)).toBe(true);
  expect(await listensOn({ pid: other.pid ?? 0, startedAt: '' }, address.port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await listensOn(own, address.port)).toBe(false);
});

it('a process is told from a later one of the same number', () => {
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, startedAt: String(Number(own.startedAt) + 1) })).toBe(false);
});
