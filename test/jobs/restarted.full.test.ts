import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { processesOf } from '../../workers/processes.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { until } from '../support/crucible.ts';
import { ended, expectJobDone, expectOneOfEach } from './killed-rounds.ts';

let folder: string;
let home: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
  await mkdir(home, { mode: 0o700 });
  onTestFinished(async () => void (await ended(['down'], home)));
});

const serverOf = async () => (await processesOf(home)).servers[0];
const workerOf = async () => (await processesOf(home)).workers[0];

it('a server that died is started again by its worker; what runs is known without a record, and a port that was taken meanwhile is left to its owner', async () => {
  // What a server that was killed at its very first start leaves.
  await writeFile(join(home, 'temporal.db'), '');
  await expectOneOfEach(home, 'at first');
  const first = await serverOf();
  if (first === undefined) throw new Error('expected a server');
  process.kill(first.pid, 'SIGKILL');
  const second = await until('the server to be started again', 60_000, async () => {
    const now = await serverOf();
    return now !== undefined && now.pid !== first.pid && now;
  });
  expect(second.address).toBe(first.address);
  // One more, at once: one at a time holds the lock.
  await expectOneOfEach(home, 'after the server was killed');

  const record = join(home, 'running.json');
  await writeFile(record, '');
  const said = await ended(['up'], home);
  expect(said).toMatchObject({ status: 0 });
  expect(said.out).toContain(`${record} was damaged: what runs was found among the processes`);
  await rm(record);
  await expectOneOfEach(home, 'without a record');

  const [worker, server] = [await workerOf(), await serverOf()];
  if (worker === undefined || server === undefined) throw new Error('expected both');
  const port = Number(server.address.split(':')[1]);
  // The worker is held, so that `up` is who notices.
  process.kill(worker.pid, 'SIGSTOP');
  process.kill(server.pid, 'SIGKILL');
  const other = createServer();
  await until('the port to be free', 30_000, async () => {
    if (other.listening) return true;
    other
      .removeAllListeners('error')
      .once('error', () => undefined)
      .listen(port, '127.0.0.1');
    return false;
  });
  onTestFinished(() => void other.close());
  process.kill(worker.pid, 'SIGCONT');
  const moved = await ended(['up'], home);
  expect(moved.out + (await readFile(join(home, 'worker.log'), 'utf8'))).toMatch(
    new RegExp(`port ${port} is taken by another program; the server takes \\d+, and a new worker with it`),
  );
  await expectOneOfEach(home, 'after the port was taken');
  expect((await workerOf())?.address).toBe((await serverOf())?.address);
  await expectJobDone(home, folder);
}, 400_000);
