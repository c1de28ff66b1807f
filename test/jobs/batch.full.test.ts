import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { type BatchServer, startBatchServer } from '../support/batch-server.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';

const cells = 8;
let crucible: TestCrucible;
let server: BatchServer;
let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-batch-'));
  await writeFile(join(folder, 'notes.txt'), 'to be or not to be');
  server = await startBatchServer('anthropic');
  environment = { ANTHROPIC_BASE_URL: server.baseUrl, ANTHROPIC_API_KEY: server.key };
  crucible = await startCrucible(environment);
  const soon = 'providers: { anthropic: { batch: { gatherMs: 3000, lookMs: 1000 } } }\n';
  await writeFile(join(crucible.home, 'models.yaml'), soon);
  await crucible.startWorker();
});
afterAll(async () => {
  await crucible?.stop();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

it('cells ask in batches, rest meanwhile, and are killed in between: each is asked for once, mended, and passes', async () => {
  const { store, client } = crucible;
  // The first program of each is wrong, so that all are asked for twice.
  server.answerOf = ({ turns }) => {
    const again = turns.some(({ text }) => text.includes('not_there'));
    const content = `open('n.txt', 'w').write(${again ? 'str(6)' : 'not_there'})\n`;
    const files = [{ path: 'main.py', content }];
    const reply = { idea: 'write', edits: [], removed: [], files, entry: 'main.py', build: 'none' };
    return { kind: 'text', text: JSON.stringify(reply) };
  };
  const file = await checkedJob(
    {
      ...{ kind: 'experiment', name: 'batched', window: cells },
      cell: {
        kind: 'solve',
        task: `Count the words of notes.txt into n.txt, as ${placeholder('n')} would.`,
        ...{ inputs: ['notes.txt'], outputs: [{ kind: 'file', path: 'n.txt' }] },
        models: { draft: ['anthropic/claude-opus-5-5'], batch: true },
      },
      matrix: { n: Array.from({ length: cells }, (_, n) => n) },
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(environment), fresh: false });
  const id = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
  const ended = client.result(id);
  await until('the first batch', 120_000, async () => server.batches.length > 0);
  const [cell] = await store.ledger.children(id, { role: 'cell' });
  await until('a cell that rests', 60_000, async () => {
    const record = await store.ledger.job(cell?.id ?? '');
    return record !== undefined && record.pausedAt !== null;
  });
  await crucible.killWorker();
  server.work();
  await crucible.startWorker();
  let isOver = false;
  void ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    server.work();
    await wait(500);
  }
  expect((await ended).summary).toContain(`${cells} of ${cells} cells done`);
  expect(server.paid).toHaveLength(2 * cells);
  expect(server.batches.length).toBeLessThan(2 * cells);
  const calls = (
    await Promise.all(
      (await store.ledger.children(id, { role: 'cell' })).map((row) => store.ledger.calls(row.id)),
    )
  ).flat();
  expect(calls.map(({ status }) => status)).toEqual(Array(2 * cells).fill('done'));
  console.log(`${cells} cells: ${server.paid.length} requests in ${server.batches.length} batches`);
}, 600_000);
