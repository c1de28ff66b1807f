import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { logs } from '../../cli/follow/logs.ts';
import { show } from '../../cli/follow/show.ts';
import { watchJob } from '../../cli/follow/watch.ts';
import { progressBlock } from '../../cli/follow/watch-screen.ts';
import { readProgress } from '../../record/progress.ts';
import type { Store } from '../../store/store.ts';
import { mayMount, smallDisk } from '../store/small-disk.ts';
import { spending } from '../store/spending.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, interval, openJob, recorded, recordTrial } from './kept-jobs.ts';
import { pipelineId, searchedJob, stageId } from './searched-job.ts';

const never = new AbortController().signal;

async function block(store: Store, id: string, columns: number, laterMs = 0): Promise<string> {
  const record = await store.ledger.job(id);
  if (record === undefined) throw new Error(`expected the job ${id}`);
  const progress = await readProgress(store, record);
  return progressBlock({ terminal: false, columns }, progress, Date.now() + laterMs).join('\n');
}

describe('the screen of a running job', () => {
  it('shows stages, baseline, trials of what can be tried, the best, the last results and what is left', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    const text = await block(store, pipelineId, 100, 60_000);
    expect(text).toMatch(/^start {2}pipeline {2}running {2}1 m/);
    expect(text).toMatch(/faster +optimize +running/);
    expect(text).toMatch(/picture +solve +waiting/);
    expect(text).toContain('faster: blur in blur.py');
    expect(text).toContain('512 ms a call, noise ±2.1 %, on bench-1');
    expect(text).toContain('vectorize_loops, a, b, c, d, e');
    expect(text).toMatch(/not used +use_pythran: blur\.py:1: blur has keyword-only parameters/);
    // Six strategies apply, and one of them turned out not to.
    expect(text).toMatch(/trials +━+─+ 3 of 5/);
    expect(text).toMatch(/best +100× \[97×, 104×\] c-1 vectorize_loops/);
    expect(text).toContain('c-2 reduce_precision: wrong: case 2, answer[12, 40]');
    expect(text).toMatch(/left +longer than expected in this stage, then picture/);
  });

  it('of a task shows which of its trials it is at', async () => {
    const store = await temporaryStore();
    const id = 'solve/words/aa.1';
    await openJob(store, { kind: 'solve', name: 'words', task: 'Count the words.' }, { id });
    const program = await store.blobs.put('{}');
    for (const number of [1, 2])
      await recordTrial(
        store,
        id,
        { id: `c-${number}`, title: `idea ${number}`, program },
        { kind: 'invalidOutput', reason: 'counts.json, the file is missing' },
      );
    const text = await block(store, id, 100);
    expect(text).toMatch(/trials +━+─+ 2 of 5/);
    expect(text).toMatch(/best +none yet/);
    expect(text).toContain('c-2 idea 2: invalidOutput: counts.json, the file is missing');
    expect(text).not.toContain('baseline');
    const shown = recorded(store, { columns: 120 });
    await show(shown.context, { job: id, diff: false, program: false, log: false, prompt: false });
    expect(shown.lines.join('\n')).not.toContain('speed-up');
  });

  it('shows what models cost beside what they may, and what a job rests for', async () => {
    const store = await temporaryStore();
    const id = 'solve/words/aa.1';
    const budget = { usd: 2, tokens: 100_000 };
    await openJob(store, { kind: 'solve', name: 'words', task: 'Count the words.', budget }, { id });
    await (await spending(store.ledger, id, { microUsd: 1_100_000, tokens: 10_000 }, 'one')).settle();
    expect(await block(store, id, 100)).toMatch(
      /spend +\$1\.10 of \$2\.00, 10,000 of 100,000 tokens \(55 %\)/,
    );
    const rest = { until: Date.UTC(2027, 0, 2, 3, 4), why: 'openai/gpt-4o: the quota is used up' };
    const told = { id: 'rest/1', message: { kind: 'pause', rest }, at: Date.now() } as const;
    await store.ledger.takeMessage(id, told);
    const text = await block(store, id, 100, 60_000);
    expect(text).toMatch(/^words {2}solve {2}waiting/);
    expect(text).toContain('waits until 2027-01-02 03:04 UTC: openai/gpt-4o: the quota is used up');
    const shown = recorded(store, { columns: 120 });
    await show(shown.context, { job: id, diff: false, program: false, log: false, prompt: false });
    expect(shown.lines.join('\n')).toContain('waits until 2027-01-02 03:04 UTC');
  });

  it('tells a time left that counts down from when the last candidate was done, and says when it is over', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    const record = await store.ledger.job(pipelineId);
    const progress = await readProgress(store, record ?? expect.fail());
    const began = record?.startedAt ?? 0;
    const left = (atMs: number, done: number): string | undefined => {
      const times = { searchingSince: began + 40_000, lastDone: began + 70_000, baselineMs: 40_000 };
      const searches = progress.searches.map((search) => ({ ...search, ...times, done, total: 6 }));
      const lines = progressBlock({ terminal: false, columns: 100 }, { ...progress, searches }, began + atMs);
      return /left +(.*) in this stage/.exec(lines.join('\n'))?.[1];
    };
    expect([71_000, 80_000, 90_000].map((at) => left(at, 3))).toEqual([
      'about 29 s',
      'about 20 s',
      'about 10 s',
    ]);
    expect(left(101_000, 3)).toBe('longer than expected');
    expect(left(70_000, 0)).toBe('about 4 m 0 s');
  });

  it('says who waits for which other job, and why a step is tried again', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    const open = (await store.ledger.steps(stageId)).find(({ key }) => key.includes('c-4/verify'));
    await store.ledger.waits(open?.key ?? '', 'optimize/slow/0123456789.1#c-2/measure', Date.now());
    await store.ledger.say(
      stageId,
      `${open?.key}/again-1`,
      'c-4/verify/measure: tried again because of x',
      1,
    );
    const text = await block(store, pipelineId, 120, 61_000);
    expect(text).toMatch(/c-4 use_cpp_extension: waiting, slow is being measured \(c-2\), 1 m/);
    expect(text).toContain('tried again because of x');
    await store.ledger.goesOn(open?.key ?? '');
    expect(await block(store, pipelineId, 120)).not.toContain('waiting, slow');
  });

  it('says what is being done now, without steps that were left open and have ended since', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    const text = await block(store, pipelineId, 100, 5_000);
    expect(text).toMatch(/now +faster: c-4 use_cpp_extension: being measured again, to verify it, \d+ s/);
    expect(text).toMatch(/ c-6: being written, \d+ s/);
    expect(text).not.toMatch(/c-1 vectorize_loops: being measured/);
  });

  it('fits into few columns', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    for (const columns of [60, 40])
      for (const line of (await block(store, pipelineId, columns)).split('\n'))
        expect(line.length).toBeLessThanOrEqual(columns);
  });

  it('asks for a worker where nothing has happened for long', async () => {
    const store = await temporaryStore();
    await openJob(store, { kind: 'solve', name: 'a', script: 'a.py' }, { id: 'solve/a/x.1' });
    expect(await block(store, 'solve/a/x.1', 100)).not.toMatch(/worker/);
    expect(await block(store, 'solve/a/x.1', 100, 60_000)).toMatch(
      /nothing has happened for 1 m \d+ s.*crucible up/,
    );
  });
});

describe('following a job', () => {
  it('waits for it to be taken, writes each event once as it comes, and ends with its result', async () => {
    const store = await temporaryStore();
    const { context, lines } = recorded(store);
    const id = 'solve/later/y.1';
    const watched = watchJob(context, id, { signal: never });
    await wait(50);
    const input = await openJob(store, { kind: 'solve', name: 'later', script: 'a.py' }, { id });
    await store.ledger.say(id, 'one', 'the first thing', Date.now());
    await wait(700);
    // Taken up again after it had ended: only what ends it now is said once.
    await store.ledger.say(id, 'two', 'failed: the first time', Date.now());
    await store.ledger.say(id, 'three', 'the second\nthing', Date.now());
    await closeJob(store, input, { summary: 'all is well' });
    await store.ledger.keepReport(id, await store.blobs.put('<!doctype html>'));
    expect((await watched).report).not.toBeNull();
    expect(lines.slice(1).map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''))).toEqual([
      'the first thing',
      'failed: the first time',
      'the second thing',
      '✓ later finished: all is well',
      'Report    crucible report later',
    ]);
  });

  it('stops when it is told to, and leaves the job running', async () => {
    const store = await temporaryStore();
    await searchedJob(store);
    const { context, lines } = recorded(store, { json: true });
    const record = await watchJob(context, stageId, { signal: AbortSignal.timeout(100) });
    expect(record.status).toBe('running');
    expect(lines.map((line) => JSON.parse(line).event.text)).toContain(
      'c-1 vectorize_loops: 102× [98.9×, 106×]',
    );
  });

  it('fails with the reason to stop where no worker ever took the job', async () => {
    const { context } = recorded(await temporaryStore());
    const signal = AbortSignal.abort(new Error('interrupted'));
    await expect(watchJob(context, 'solve/none/z.1', { signal })).rejects.toThrow('interrupted');
  });
});

describe('logs', () => {
  it('merge what a pipeline and its stages said in order of time, each stage by its name', async () => {
    const store = await temporaryStore();
    const { pipeline, stage } = await searchedJob(store);
    await closeJob(store, stage, { summary: 'the stage is done' });
    // A pipeline ends after its last stage, never in the same millisecond.
    await wait(5);
    await closeJob(store, pipeline, {
      summary: 'all stages are done',
      best: { candidate: 'c-1', title: 'x', metric: interval(100) },
    });
    const { context, lines } = recorded(store);
    await logs(context, { job: 'start', follow: false });
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d$/);
    const said = lines.slice(1).map((line) => line.slice(10));
    expect(said[0]).toBe('stage faster');
    expect(said).toContain('faster  c-3 a table ␛[31mof sines: crashed: IndexError: index 48');
    expect(said.slice(-2)).toEqual(['faster  finished: the stage is done', 'finished: all stages are done']);

    const followed = recorded(store, { json: true });
    await logs(followed.context, { job: 'start', follow: true });
    expect(followed.lines).toHaveLength(said.length);
    expect(JSON.parse(followed.lines[1] ?? '')).toMatchObject({ event: { stage: 'faster', jobId: stageId } });
  });
});

it.runIf(mayMount)('a full disk is told as what is waited for, once each time', async () => {
  const home = await smallDisk(16 * 1024);
  const store = await temporaryStore();
  await searchedJob(store);
  const said: string[] = [];
  const out = (line: string): void => void said.push(line);
  const stop = new AbortController();
  const context = { store, home, json: false, out, terminal: false, columns: 100 };
  const watching = watchJob(context, pipelineId, { signal: stop.signal });
  const told = (): string[] =>
    said.filter((line) => line === `the disk of ${home} is full: waiting for room`);
  for (let round = 1; round <= 2; round += 1) {
    await writeFile(join(home, 'ballast'), Buffer.alloc(14 * 2 ** 20));
    while (told().length < round) await wait(20);
    await rm(join(home, 'ballast'));
    await wait(1_500);
  }
  stop.abort();
  await watching;
  expect(told()).toHaveLength(2);
});
