import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createSampleActivities } from '../../activities/sample.ts';
import type { Tree } from '../../domain/artifact.schema.ts';
import { readTree, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';

const act = <I, O>(activity: (input: I) => Promise<O>, input: I): Promise<O> =>
  new MockActivityEnvironment().run(activity, input);

async function packed(files: Record<string, string>, inputs: string[], sample: string | { rows: number }) {
  const store: Store = await temporaryStore();
  const tree: Tree = {};
  for (const [path, text] of Object.entries(files)) tree[path] = await store.blobs.put(text);
  const artifact = await writeJson(store.blobs, tree);
  const { packSample } = createSampleActivities({ store });
  const place = { storeId: store.id, jobId: 'solve/a/0123456789.1', step: 'sample' };
  const asked = { ...place, files: artifact, seen: artifact, inputs, sample, hidden: ['check.py'] };
  const found = await act(packSample, asked);
  if (found === null) return null;
  const seen = await readTree(store.blobs, found.files);
  const texts = Object.entries(seen).map(async ([path, blob]) => [path, await store.blobs.text(blob)]);
  return { words: found.words, files: Object.fromEntries(await Promise.all(texts)) };
}

it('a sample by rows is the beginning of each table, however long, and says of what', async () => {
  const long = `id,text\n${Array.from({ length: 20_000 }, (_, id) => `${id},é${'x'.repeat(20)}\n`).join('')}`;
  const found = await packed({ 'big.csv': long, 'set.json': '{}' }, ['big.csv', 'set.json'], { rows: 4_000 });
  expect(found?.words).toBe('the first 4000 rows of big.csv');
  expect(found?.files['set.json']).toBe('{}');
  expect(found?.files['big.csv']).toBe(long.split('\n').slice(0, 4_001).join('\n').concat('\n'));
});

it('inputs that are as small as the sample need none', async () => {
  expect(await packed({ 'a.csv': 'x\n1\n' }, ['a.csv'], { rows: 5 })).toBeNull();
});

it('a sample of the user stands in the place of the input, without what is hidden', async () => {
  const files = { 'data/a.csv': 'big', 'few/a.csv': 'small', 'check.py': 'def check(): pass' };
  expect(await packed(files, ['data'], 'few')).toEqual({ words: 'few', files: { 'data/a.csv': 'small' } });
  await expect(packed(files, ['data'], 'few/a.csv')).rejects.toThrow(
    'sample: expected a folder, as the input data is',
  );
});
