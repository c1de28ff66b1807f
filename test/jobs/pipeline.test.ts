import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { Tree } from '../../domain/artifact.schema.ts';
import { readJob } from '../../record/kept-job.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

const fixture = fileURLToPath(new URL('../fixtures/pipeline', import.meta.url));

let crucible: TestCrucible;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crucible-pipeline-'));
  await cp(fixture, folder, { recursive: true });
  crucible = await startCrucible();
  await crucible.startWorker();
});

afterAll(async () => {
  await crucible?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Submits the two-stage pipeline as its files stand now; returns the ID of its run. */
async function start(anew: string[] = []): Promise<string> {
  const { store, client } = crucible;
  const file = await checkedJob(
    {
      kind: 'pipeline',
      name: 'sums',
      stages: [
        { name: 'count', kind: 'solve', script: 'count.py', inputs: ['many.txt'], outputs: ['counted.txt'] },
        {
          name: 'add',
          kind: 'solve',
          needs: ['count'],
          script: 'add.py',
          outputs: [{ kind: 'json', path: 'sum.json', schema: { type: 'object', required: ['sum'] } }],
        },
      ],
    },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false, anew });
  if (submitted.kind === 'finished') return submitted.record.id;
  return submitted.jobId;
}

/** What the stages of a finished run gave. */
async function sumOf(id: string): Promise<unknown> {
  const { product } = await crucible.client.result(id);
  const tree = Tree.parse(JSON.parse(await crucible.store.blobs.text(product ?? '')));
  return JSON.parse(await crucible.store.blobs.text(tree['add/sum.json'] ?? ''));
}

const stagesRun = async (id: string): Promise<string[]> =>
  (await crucible.store.ledger.children(id)).map((stage) => stage.name);

describe('a pipeline', () => {
  it('hands the files of a stage to those that need it', async () => {
    const id = await start();
    expect(await sumOf(id)).toEqual({ sum: 10 });
    expect(await stagesRun(id)).toEqual(['count', 'add']);
  });

  it('submitted again unchanged is the finished job', async () => {
    const first = await start();
    expect(await start()).toBe(first);
  });

  it('does a stage and those that need it again where that is asked for, and no other', async () => {
    const before = await start();
    const id = await start(['add']);
    expect(id).not.toBe(before);
    expect(await sumOf(id)).toEqual({ sum: 10 });
    expect(await stagesRun(id)).toEqual(['add']);
  });

  it('takes over the stages before the first one that was changed', async () => {
    const before = await start();
    await writeFile(
      join(folder, 'add.py'),
      "import json\nfrom pathlib import Path\n\nPath('sum.json').write_text(json.dumps({'sum': len(Path('count/counted.txt').read_text())}))\n",
    );
    const id = await start();
    expect(id).not.toBe(before);
    expect(await sumOf(id)).toEqual({ sum: 9 });
    expect(await stagesRun(id)).toEqual(['add']);
    const record = await crucible.store.ledger.job(id);
    if (record === undefined) throw new Error(`no record of ${id}`);
    const { takenOver } = await readJob(crucible.store, record);
    expect(takenOver.count?.jobId).toMatch(/\/count$/);
  });

  it('does a stage again whose input was changed', async () => {
    await writeFile(join(folder, 'many.txt'), '3\n');
    const id = await start();
    await crucible.client.result(id);
    expect(await stagesRun(id)).toEqual(['count', 'add']);
  });

  it('names the stage that failed, and closes the others', async () => {
    await writeFile(join(folder, 'add.py'), "raise SystemExit('nothing to add')\n");
    const id = await start();
    await expect(crucible.client.result(id)).rejects.toThrow();
    const record = await crucible.store.ledger.job(id);
    expect(record?.status).toBe('failed');
    expect(record?.result).toMatchObject({
      summary: expect.stringMatching(/^stage add failed: add\.py .*nothing to add/s),
    });
    const open = (await crucible.store.ledger.children(id)).filter((stage) => stage.status === 'running');
    expect(open).toEqual([]);
  });
});
