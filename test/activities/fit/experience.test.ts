import { beforeEach, expect, it } from 'vitest';
import { type Experience, experienceFile, experienceFor } from '../../../activities/fit/experience.ts';
import { writeJson } from '../../../store/documents.ts';
import type { Store } from '../../../store/store.ts';
import { closeJob, openJob, recordTrial } from '../../cli/kept-jobs.ts';
import { temporaryStore } from '../../store/temporary-store.ts';

let store: Store;
beforeEach(async () => {
  store = await temporaryStore();
});

const job = { kind: 'fit', name: 'flats', table: 'flats.csv', target: 'sold', metric: 'auc' } as const;
const named = (letter: string): string => letter.repeat(64);

async function taught(id: string, table: string, kept: string): Promise<void> {
  const experience: Experience = {
    ...{ job: id, table: named(table), kept: named(kept), meta: { rows: 10 }, rows: [], blend: [] },
  };
  const input = await openJob(store, job, { id });
  const artifacts = { [experienceFile]: await writeJson(store.blobs, experience) };
  await recordTrial(
    ...([store, id, { id: 'c-9', title: 'blend of 1', program: await store.blobs.put('{}') }] as const),
    ...([{ kind: 'timedOut', reason: 'late' }, { artifacts }] as const),
  );
  await closeJob(store, input, { summary: 'done' });
}

it('what finished jobs learnt is there for later ones, but not where the same table was split in another way', async () => {
  await taught('fit/flats/1a.1', 'a', 'b');
  await taught('fit/houses/2a.1', 'c', 'd');
  const seen = async (table: string, kept: string): Promise<string[]> => {
    const files = { 'table.arrow': named(table), 'test.arrow': named(kept) };
    return (await experienceFor(store, files)).map(({ job: each }) => each).sort();
  };
  expect(await seen('e', 'f')).toEqual(['fit/flats/1a.1', 'fit/houses/2a.1']);
  expect(await seen('a', 'b')).toEqual(['fit/flats/1a.1', 'fit/houses/2a.1']);
  expect(await seen('a', 'f')).toEqual(['fit/houses/2a.1']);
});
