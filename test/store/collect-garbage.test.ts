import { chmod, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../store/collect-garbage.ts';
import { writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { fileOf } from './places.ts';
import { temporaryHome } from './temporary-store.ts';

const day = 24 * 60 * 60 * 1000;
const now = Date.now();

/** A job with an input that names a tree, a step whose result names a file, and a stage. */
async function job(store: Store, id: string, { endedAt }: { endedAt: number | null }): Promise<string[]> {
  const { blobs, ledger } = store;
  const file = await blobs.put(`the program of ${id}`);
  const tree = await writeJson(blobs, { 'a.py': file });
  const input = await writeJson(blobs, { files: tree });
  const given = await blobs.put(`what a step of ${id} gave`);
  const opened = { series: id, run: 1, name: 'a', kind: 'solve', input, startedAt: now - 90 * day } as const;
  await ledger.openJob({ ...opened, id, role: 'job' });
  await ledger.openJob({
    ...opened,
    id: `${id}/stage`,
    series: `${id}/stage`,
    role: 'stage',
    parent: id,
    stage: 'stage',
  });
  await ledger.once(`${id}/stage#run`, { jobId: `${id}/stage`, kind: 'run' }, async () => ({ given }));
  await ledger.say(id, `${id}#said`, 'something', now);
  if (endedAt !== null)
    for (const each of [`${id}/stage`, id]) await ledger.closeJob(each, { status: 'finished', endedAt });
  return [file, tree, input, given];
}

/** Makes every artifact as old as if it had been put then. */
async function age({ blobs }: Store, home: string, at: number, but: readonly string[] = []): Promise<void> {
  for await (const { artifact } of blobs.list())
    if (!but.includes(artifact)) {
      const path = await fileOf(home, artifact);
      await utimes(path, at / 1000, at / 1000);
    }
}

const there = async ({ blobs }: Store, artifacts: readonly string[]): Promise<boolean[]> =>
  Promise.all(artifacts.map((each) => blobs.has(each)));

describe('garbage', () => {
  it('is what old jobs alone name and what nothing names; what a kept job reaches stays, by however many steps', async () => {
    const { store, home } = await temporaryHome();
    const old = await job(store, 'solve/a/1.1', { endedAt: now - 40 * day });
    const young = await job(store, 'solve/a/2.1', { endedAt: now - 10 * day });
    const running = await job(store, 'solve/a/3.1', { endedAt: null });
    const remembered = await store.blobs.put('built before');
    await store.ledger.remember('build', { files: { 'a.so': remembered } });
    const orphan = await store.blobs.put('nobody names this');
    await age(store, home, now - 60 * day);
    const fresh = await store.blobs.put('put a moment ago');

    const of = { before: now - 30 * day, now };
    const would = await collectGarbage(store, { ...of, dryRun: true });
    expect(would).toMatchObject({ jobs: ['solve/a/1.1'], artifacts: old.length + 1 });
    expect(await there(store, [...old, orphan])).toEqual([...old, orphan].map(() => true));
    expect(await store.ledger.job('solve/a/1.1/stage')).toBeDefined();

    const did = await collectGarbage(store, { ...of, dryRun: false });
    expect(did).toEqual(would);
    expect(await there(store, [...old, orphan])).toEqual([...old, orphan].map(() => false));
    const kept = [...young, ...running, remembered, fresh];
    expect(await there(store, kept)).toEqual(kept.map(() => true));
    expect(await store.ledger.job('solve/a/1.1')).toBeUndefined();
    expect(await store.ledger.job('solve/a/1.1/stage')).toBeUndefined();
    expect(await store.ledger.steps('solve/a/1.1/stage')).toEqual([]);
    expect(await store.ledger.events('solve/a/1.1')).toEqual([]);
    expect(await store.ledger.steps('solve/a/2.1/stage')).toHaveLength(1);
    expect(await collectGarbage(store, { ...of, dryRun: false })).toMatchObject({ jobs: [], artifacts: 0 });
  });

  it('is not what was put again since, nor a job of which a part still runs', async () => {
    const { store, home } = await temporaryHome();
    const old = await job(store, 'solve/a/1.1', { endedAt: now - 40 * day });
    await age(store, home, now - 60 * day);
    await store.blobs.put('the program of solve/a/1.1');
    await store.ledger.reopenJob('solve/a/1.1/stage', { input: old[2] ?? '', budget: {}, at: now });
    const kept = await collectGarbage(store, { before: now - 30 * day, dryRun: false, now });
    expect(kept.jobs).toEqual([]);
    await store.ledger.closeJob('solve/a/1.1/stage', { status: 'failed', endedAt: now });
    await collectGarbage(store, { before: now - 30 * day, dryRun: false, now });
    // Who put it a moment ago may not have said so yet.
    expect(await there(store, old)).toEqual([true, false, false, false]);
  });

  it('is not looked for where what a needed file names cannot be read: nothing is removed then', async () => {
    const { store, home } = await temporaryHome();
    const [file = '', tree = ''] = await job(store, 'solve/a/1.1', { endedAt: null });
    const orphan = await store.blobs.put('nobody names this');
    await age(store, home, now - 60 * day);
    const path = await fileOf(home, tree);
    await chmod(path, 0o600);
    await writeFile(path, 'damaged');
    await expect(collectGarbage(store, { before: now - 30 * day, dryRun: false, now })).rejects.toThrow(
      /artifact \w+ is damaged/,
    );
    expect(await there(store, [file, orphan])).toEqual([true, true]);
  });
});
