import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type JobClient } from '../../cli/server/client.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openJob } from '../cli/kept-jobs.ts';
import { startServer, type TestServer } from '../support/temporal.ts';

let server: TestServer;
let client: JobClient;
let temporal: Client;
let store: Store;
let folder: string;

beforeAll(async () => {
  server = await startServer();
  folder = await mkdtemp(join(tmpdir(), 'crucible-ended-'));
  store = await openStore(folder);
  client = await connect(server.address, 'default', store);
  temporal = new Client({ connection: await Connection.connect({ address: server.address }) });
});

afterAll(async () => {
  await temporal.connection.close();
  await client.close();
  await server.stop();
  await store.close();
  await rm(folder, { recursive: true });
});

const job = { kind: 'solve', name: 'draw', script: 'draw.py' } as const;

it('a job whose workflow was ended at the server is closed in the ledger; one that runs, and one it does not know, are not', async () => {
  const ids = ['solve/draw/0000000001.1', 'solve/draw/0000000002.1', 'solve/draw/0000000003.1'];
  const [ended = '', running = '', unknown = ''] = ids;
  for (const id of ids) {
    const input = await openJob(store, job, { id });
    if (id !== unknown) await client.start(input);
  }
  await temporal.workflow.getHandle(ended).terminate('by hand');
  await client.closeEnded(store);
  await client.closeEnded(store);
  expect(await store.ledger.job(ended)).toMatchObject({
    status: 'cancelled',
    result: { summary: 'its workflow was terminated at the server', best: null },
  });
  expect((await store.ledger.events(ended)).map(({ text }) => text)).toEqual([
    'cancelled: its workflow was terminated at the server',
  ]);
  for (const id of [running, unknown])
    expect(await store.ledger.job(id)).toMatchObject({ status: 'running' });
  expect(await client.cancel(unknown)).toBe(false);
  expect(await client.cancel(running)).toBe(true);
});

it('a message that was taken before its workflow ended is answered as it was then; another is refused', async () => {
  const id = 'solve/draw/0000000004.1';
  await openJob(store, job, { id });
  const message = { kind: 'pause' } as const;
  await store.ledger.takeMessage(id, { id: 'taken', message, at: Date.now() });
  expect(await client.tell(id, { id: 'taken', message })).toBe(null);
  expect(await client.tell(id, { id: 'other', message })).toBe('its workflow has ended');
});
