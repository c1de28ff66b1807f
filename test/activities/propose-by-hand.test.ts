import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createHandActivities } from '../../activities/propose/by-hand.ts';
import { Candidate } from '../../domain/candidate.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { readProgram } from '../../store/documents.ts';
import { tree } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';

it('a file that somebody brings takes the place of the program, whose other files and entry stay', async () => {
  const store = await temporaryStore();
  const { proposeByHand: activity } = createHandActivities({ store });
  const proposeByHand = async (input: Parameters<typeof activity>[0]): Promise<Candidate> =>
    Candidate.parse(await new MockActivityEnvironment().run(activity, input));
  const files = await tree(store, { 'slow.py': 'old', 'helper.py': 'helps' });
  const entry = { kind: 'function', module: 'slow.py', name: 'f' } as const;
  const original = await store.blobs.put(JSON.stringify({ files, entry, build: null } satisfies Program));
  const file = await store.blobs.put('new');
  const place = { storeId: store.id, jobId: 'optimize/blur/1.1', step: 'c-3/proposed' };
  const candidate = await proposeByHand({ ...place, id: 'c-3', name: 'mine.py', file, original });
  expect(candidate).toMatchObject({
    id: 'c-3',
    operator: 'human',
    parents: ['c-0'],
    title: 'by hand: mine.py',
  });
  expect(await readProgram(store.blobs, candidate.program)).toEqual({
    ...{ files: { ...files, 'slow.py': file }, entry, build: null },
  });

  const alone = { ...place, step: 'c-4/proposed', id: 'c-4', name: 'mine.py', file, original: null };
  expect(await readProgram(store.blobs, (await proposeByHand(alone)).program)).toEqual({
    ...{ files: { 'mine.py': file }, entry: { kind: 'script', path: 'mine.py', args: [] }, build: null },
  });
});
