import { expect, it } from 'vitest';
import { temporaryStore } from '../store/temporary-store.ts';
import { searchLong } from './long-search.ts';
import { stubbedWorkers } from './stubbed-workers.ts';

const workers = stubbedWorkers();

it('a search of 2,000 cheap trials goes on as new, with histories under 10,000 events, and loses nothing', async () => {
  const histories = await searchLong(workers, await temporaryStore(), 2_000);
  expect(histories).toBeGreaterThan(10);
});
