import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createHandActivities } from '../../activities/propose/by-hand.ts';
import { Candidate } from '../../domain/candidate.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { readProgram } from '../../store/documents.ts';
import { openJob, recordTrial, storeProgram, tree } from '../cli/kept-jobs.ts';
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

it('a patch that somebody brings changes the program of the candidate it is of, and no other file', async () => {
  const store = await temporaryStore();
  const { proposeByHand } = createHandActivities({ store });
  const input = await openJob(store, { kind: 'solve', name: 'sum', script: 'a.py' }, { id: 'solve/sum/1.1' });
  const files = await tree(store, { 'main.py': 'import part\nprint(1)\n', 'part.py': 'x = 1\n' });
  const entry = { kind: 'script' as const, path: 'main.py', args: ['a'] };
  const program = await storeProgram(store, { files, entry, build: null });
  const outcome = { kind: 'crashed', reason: 'it fell' } as const;
  await recordTrial(store, input.jobId, { id: 'c-2', title: 'two', program }, outcome);
  const brought = async (patch: string, of: string): Promise<Candidate> =>
    Candidate.parse(
      await new MockActivityEnvironment().run(proposeByHand, {
        ...{ storeId: store.id, jobId: input.jobId, step: `${of}/proposed` },
        ...{ id: 'c-3', name: 'mine.patch', file: await store.blobs.put(patch), of, original: null },
      }),
    );
  const candidate = await brought('@@ -2,1 +2,1 @@\n-print(1)\n+print(part.x)\n', 'c-2');
  expect(candidate).toMatchObject({ operator: 'human', parents: ['c-2'], title: 'by hand: mine.patch' });
  const made = await readProgram(store.blobs, candidate.program);
  expect(made).toMatchObject({ entry, build: null, files: { 'part.py': files['part.py'] } });
  expect(await store.blobs.text(made.files['main.py'] ?? '')).toBe('import part\nprint(part.x)\n');
  await expect(brought('@@ -2,1 +2,1 @@\n-print(1)\n+print(2)\n', 'c-9')).rejects.toThrow(
    'expected a candidate c-9, found none',
  );
});
