import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJobFile } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import { readTree } from '../../store/documents.ts';
import { modelConfig } from '../support/model-config.ts';
import { crucible } from '../support/running-crucible.ts';

const patienceMs = 900_000;

/** What an example of examples/voxels gave, by path. */
async function gaveBy(name: string): Promise<Record<string, Buffer>> {
  const { store, client } = crucible;
  const file = await readJobFile(join(import.meta.dirname, `../../examples/voxels/${name}.yaml`));
  const submitted = await submit(file, { store, client, models: modelConfig(), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  const result = await client.result(submitted.jobId);
  expect(result.summary).toMatch(/stages done/);
  const tree = result.product === null ? {} : await readTree(store.blobs, result.product);
  const files = Object.entries(tree).map(
    async ([path, artifact]) => [path, Buffer.from(await store.blobs.get(artifact))] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}

const iouOf = (files: Record<string, Buffer>): number =>
  Number(JSON.parse(String(files['score/score.json'])).iou);

describe('the examples of volumes', () => {
  it(
    'a mug that turns before three cameras is reconstructed, meshed and filmed',
    async () => {
      const files = await gaveBy('moving');
      expect(iouOf(files)).toBeGreaterThan(0.95);
      expect(files['mesh/mug.ply']?.length).toBeGreaterThan(100_000);
      expect(files['film/mug.mp4']?.subarray(4, 8).toString()).toBe('ftyp');
    },
    patienceMs,
  );

  it(
    'by other cameras and through noise it still is what it is',
    async () => expect(iouOf(await gaveBy('noisy'))).toBeGreaterThan(0.86),
    patienceMs,
  );

  it(
    'a text is turned and drawn',
    async () => {
      const files = await gaveBy('text');
      expect(files['picture/text.png']?.subarray(1, 4).toString()).toBe('PNG');
    },
    patienceMs,
  );

  it(
    'slices of a head, of sixteen bits, become a volume with parts and figures',
    async () => {
      const files = await gaveBy('stack');
      const figures = JSON.parse(String(files['figures/stats.json']));
      expect(figures).toMatchObject({ shape: [33, 41, 25], spacing: [4, 4, 4], units: 'mm' });
      expect(files['volume/volume.bin']).toHaveLength(33 * 41 * 25 * 4);
      const [header, first = ''] = String(files['parts/parts.csv']).split('\r\n');
      expect(header).toBe('part,voxels,volume,x,y,z,x0,x1,y0,y1,z0,z1');
      // Most of what is bright is one part: the head.
      expect(Number(first.split(',')[1])).toBeGreaterThan(0.9 * figures.above.voxels);
    },
    patienceMs,
  );
});
