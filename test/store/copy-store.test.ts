import { describe, expect, it } from 'vitest';
import { StoreRefused } from '../../domain/errors.ts';
import { copyStore, type StorePlace } from '../../store/copy-store.ts';
import { flipBit } from './flip-bit.ts';
import { changeLedger, fileOf, placesIn } from './places.ts';
import { spending } from './spending.ts';
import { temporaryFolder, temporaryHome, temporaryStore } from './temporary-store.ts';

const placeIn = async (home: string): Promise<StorePlace> => ({ home, shared: await placesIn(home) });

/** A store with rows in most tables, and files. */
async function filled() {
  const { store, home } = await temporaryHome();
  const { ledger, blobs } = store;
  const input = await blobs.put('what was asked');
  const job = {
    id: 'solve/a/1.1',
    series: 'solve/a/1',
    run: 1,
    name: 'a',
    kind: 'solve',
    role: 'job',
  } as const;
  await ledger.openJob({ ...job, input, startedAt: Date.now() });
  for (let index = 0; index < 450; index += 1)
    await ledger.once(`${job.id}#step-${index}`, { jobId: job.id, kind: 'run' }, async () => ({
      index,
      text: 'größer\0 → 大',
    }));
  await ledger.say(job.id, 'event', 'said, with a \0 in it', 1);
  await ledger.openAccount({ id: job.id, cap: { microUsd: 9_007_199_254_740_991, tokens: null } });
  await spending(ledger, job.id, { microUsd: 5, tokens: 7 }, 'held');
  await ledger.startCall({ key: 'call', jobId: job.id, route: 'acme/large' });
  await ledger.closeJob(job.id, { status: 'finished', endedAt: Date.now(), best: 0.1 + 0.2 });
  return { store, home, job, input };
}

describe('a store that is copied', () => {
  it('is the same store there, with every row and file, and may be copied again', async () => {
    const { store, home, job, input } = await filled();
    const target = await temporaryFolder();
    const first = await copyStore(await placeIn(home), await placeIn(target));
    expect(first).toMatchObject({ id: store.id, artifacts: 1, bytes: 14, thereBefore: 0, running: 0 });
    expect(first.rows).toBeGreaterThan(455);
    await store.ledger.say(job.id, 'later', 'said since', 2);
    await store.blobs.put('put since');
    const again = await copyStore(await placeIn(home), await placeIn(target));
    expect(again).toMatchObject({ artifacts: 1, thereBefore: 1, rows: first.rows + 1 });

    const copy = await temporaryStore(target);
    expect([copy.id, copy.secret()]).toEqual([store.id, store.secret()]);
    expect(await copy.blobs.text(input)).toBe('what was asked');
    expect(await copy.ledger.job(job.id)).toEqual(await store.ledger.job(job.id));
    expect(await copy.ledger.account(job.id)).toEqual(await store.ledger.account(job.id));
    expect((await copy.ledger.events(job.id)).map(({ key }) => key)).toEqual(['event', 'later']);
    expect(await copy.ledger.steps(job.id)).toEqual(await store.ledger.steps(job.id));
  });

  it('is not written over another one, nor over a copy that has gone on by itself', async () => {
    const { home } = await filled();
    const other = await temporaryHome();
    await expect(copyStore(await placeIn(home), await placeIn(other.home))).rejects.toThrow(
      new RegExp(`found store ${other.store.id}: choose an empty place`),
    );
    const target = await temporaryFolder();
    await copyStore(await placeIn(home), await placeIn(target));
    const copy = await temporaryStore(target);
    await copy.ledger.remember('only here', 1);
    await changeLedger(home, "update jobs set name = 'renamed'");
    await expect(copyStore(await placeIn(home), await placeIn(target))).rejects.toThrow(
      /table memo has 1 rows, and the store that is copied 0: it has gone on by itself/,
    );
    expect((await copy.ledger.jobs({ limit: 1 }))[0]?.name).toBe('a');
  });

  it('with a damaged file is not copied, and says which', async () => {
    const { home, input } = await filled();
    await flipBit(await fileOf(home, input));
    await expect(copyStore(await placeIn(home), await placeIn(await temporaryFolder()))).rejects.toThrow(
      `artifact ${input} is damaged`,
    );
  });

  it('from where there is none is refused', async () => {
    const home = '/nowhere/at/all';
    await expect(copyStore({ home, shared: null }, await placeIn(await temporaryFolder()))).rejects.toThrow(
      StoreRefused,
    );
  });
});
