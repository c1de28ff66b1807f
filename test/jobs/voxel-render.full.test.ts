import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { preparedAt } from '../../record/environment.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

const patienceMs = 900_000;
let crucible: TestCrucible;
beforeAll(async () => {
  crucible = await startCrucible({});
  await crucible.startWorker();
}, patienceMs);
afterAll(() => crucible?.stop());

/** Runs a job to its end, whatever that is; returns its ID. */
async function ended(job: object, folder: string): Promise<string> {
  const { store, client } = crucible;
  const file = await checkedJob(job, folder);
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  await client.result(submitted.jobId).catch(() => undefined);
  return submitted.jobId;
}

test(
  'a text becomes a volume and a picture; the report has both, the volume to be turned',
  async () => {
    const { store } = crucible;
    const job = {
      kind: 'pipeline',
      name: 'letters',
      stages: [
        { kind: 'solve', name: 'text', recipe: 'voxel.text', with: { text: 'A', size: 24, output: 'a.bin' } },
        {
          ...{ kind: 'solve', name: 'draw', needs: ['text'], recipe: 'voxel.render' },
          with: { volume: 'text/a.bin', kind: 'surface', width: 320, height: 240, output: 'a.png' },
        },
      ],
    };
    const jobId = await ended(job, await temporaryFolder());
    const record = await store.ledger.job(jobId);
    expect(record?.status).toBe('finished');
    const said = (await store.ledger.eventsBelow(jobId)).map(({ text }) => text).join('\n');
    expect(said).toMatch(/environment: the layer voxel, \d+ packages, 97\d MB/);
    const report = await store.blobs.text(record?.report ?? '');
    expect(report).toContain('data-name="text/a.bin" data-shape="24 24 24"');
    expect(report).toContain('alt="a.png"');
    expect(report).toMatch(/script-src &#39;sha256-/);
  },
  patienceMs,
);

test(
  'a volume in which there is nothing is refused in a sentence',
  async () => {
    const { store } = crucible;
    const job = { kind: 'solve', name: 'draw', recipe: 'voxel.render', with: { volume: 'empty.bin' } };
    const folder = await temporaryFolder();
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/empty.bin`, Buffer.alloc(4 * 8 ** 3));
    const jobId = await ended(job, folder);
    const record = await store.ledger.job(jobId);
    expect(record?.status).toBe('failed');
    expect(record?.result?.summary).toContain('empty.bin: nothing to draw: all 512 voxels are 0');
    expect((await preparedAt(store, jobId))?.environment.kind).toBe('layer');
  },
  patienceMs,
);
