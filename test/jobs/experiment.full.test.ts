import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { placeholder } from '../support/placeholder.ts';

const cells = Number(process.env.CRUCIBLE_TEST_CELLS ?? 600);
const kills = 10;

let crucible: TestCrucible;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-grid-'));
  await writeFile(
    join(folder, 'cell.py'),
    "import sys\nn = int(sys.argv[1])\nif n % 50 == 7: raise ValueError('this one fails')\nprint(n * n)\n",
  );
  crucible = await startCrucible();
  await crucible.startWorker();
});
afterAll(async () => {
  await crucible?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('an experiment of many cells, killed again and again, ends with one verdict a cell in histories that stay short', async () => {
  const { store, client } = crucible;
  const file = await checkedJob(
    {
      ...{ kind: 'experiment', name: 'many', window: 6 },
      cell: { kind: 'solve', script: 'cell.py', args: [placeholder('n')] },
      matrix: { n: Array.from({ length: cells }, (_, n) => n) },
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  const id = submitted.kind === 'finished' ? expect.fail() : submitted.jobId;
  const done = async (): Promise<number> =>
    (await store.ledger.endsBelow(id)).filter(({ status }) => status !== 'running').length;
  for (let kill = 1; kill <= kills; kill += 1) {
    await until(
      `a share of ${kill} in ${kills + 1} to be done`,
      1_200_000,
      async () => (await done()) >= (cells * kill) / (kills + 1),
    );
    await crucible.killWorker();
    await wait(100);
    await crucible.startWorker();
  }
  const result = await client.result(id);
  const failing = Array.from({ length: cells }, (_, n) => n).filter((n) => n % 50 === 7).length;
  expect(result.summary).toContain(
    `${cells - failing} of ${cells} cells done; ${failing} failed, ${failing} of them: cell.py ended as crashed: ValueError: this one fails`,
  );

  const rows = await store.ledger.children(id, { role: 'cell' });
  expect(new Set(rows.map(({ stage }) => stage)).size).toBe(cells);
  expect(rows).toHaveLength(cells);
  for (const row of rows) expect(await store.ledger.trials(row.id)).toHaveLength(1);
  let lives = 0;
  const connection = await Connection.connect({ address: crucible.server.address });
  const { workflow } = new Client({ connection });
  for await (const { runId } of workflow.list({ query: `WorkflowId = '${id}'` })) {
    const { historyLength } = await workflow.getHandle(id, runId).describe();
    expect(historyLength).toBeLessThan(10_000);
    lives += 1;
  }
  await connection.close();
  if (cells >= 600) expect(lives).toBeGreaterThan(1);
  console.log(`${cells} cells in ${lives} histories, ${kills} kills`);
}, 1_800_000);
