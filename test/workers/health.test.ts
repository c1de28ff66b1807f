import { afterEach, expect, it } from 'vitest';
import { type Health, openHealth } from '../../workers/health.ts';

const here = { host: '127.0.0.1', port: 0 };
const answering = { job: async () => undefined };
const worker = (state: 'RUNNING' | 'DRAINING') => ({ getState: () => state });

let health: Health | undefined;
afterEach(() => health?.close());

async function ask(path: string): Promise<[number, unknown]> {
  const response = await fetch(`http://${health?.address}${path}`);
  return [response.status, await response.json()];
}

it('a process that polls is ready; one that drains, or whose store does not answer, lives and is not', async () => {
  health = await openHealth(here, { workers: [worker('RUNNING')], ledger: answering });
  expect(await ask('/health')).toEqual([200, { status: 'alive' }]);
  expect(await ask('/ready?probe')).toEqual([200, { status: 'ready' }]);
  expect(await ask('/else')).toEqual([404, { expected: ['/health', '/ready'] }]);
  await health.close();

  const draining = [worker('RUNNING'), worker('DRAINING')];
  health = await openHealth(here, { workers: draining, ledger: answering });
  expect(await ask('/ready')).toEqual([503, { status: 'not ready', why: 'a worker is draining' }]);
  await health.close();

  const failing = { job: () => Promise.reject(new Error('postgres://user:password@host')) };
  health = await openHealth(here, { workers: [worker('RUNNING')], ledger: failing });
  expect(await ask('/ready')).toEqual([503, { status: 'not ready', why: 'the store does not answer' }]);
  expect(await ask('/health')).toEqual([200, { status: 'alive' }]);
});

it('a store that is slow is not ready in time', async () => {
  const slow = { job: () => new Promise<undefined>(() => undefined) };
  health = await openHealth(here, { workers: [worker('RUNNING')], ledger: slow });
  expect(await ask('/ready')).toEqual([
    503,
    { status: 'not ready', why: 'the store has not answered within 2 s' },
  ]);
});

it('an address that is taken is a mistake of the configuration', async () => {
  health = await openHealth(here, { workers: [], ledger: answering });
  const port = Number(health.address.split(':')[1]);
  await expect(openHealth({ ...here, port }, { workers: [], ledger: answering })).rejects.toThrow(
    /^CRUCIBLE_HEALTH: 127\.0\.0\.1:\d+ cannot be taken: .*EADDRINUSE/,
  );
});
