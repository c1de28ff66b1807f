import { describe, expect, it } from 'vitest';
import { jobId } from '../../../domain/job-id.ts';
import type { JobRecord } from '../../../store/ledger/jobs.ts';
import { changeLedger } from '../places.ts';
import { temporaryFolder, temporaryStore } from '../temporary-store.ts';

const artifact = 'a'.repeat(64);

const result = {
  ...{
    jobId: jobId('solve/sort', 1),
    status: 'finished' as const,
    summary: 'sorted',
    best: null,
    refused: 0,
  },
  ...{ product: artifact, report: null },
};

const newJob = (series: string, run: number, startedAt: number) => ({
  id: jobId(series, run),
  series,
  run,
  name: 'sort',
  kind: 'solve' as const,
  role: 'job' as const,
  input: artifact,
  startedAt,
});

describe('a job', () => {
  it('opened again is the same job, and the first close stands', async () => {
    const { ledger } = await temporaryStore();
    const opened = await ledger.openJob(newJob('solve/sort', 1, 100));
    expect(opened).toEqual({
      ...newJob('solve/sort', 1, 100),
      status: 'running',
      parent: null,
      stage: null,
      endedAt: null,
      report: null,
      result: null,
      best: null,
      history: null,
      ...{ budget: {}, beganAt: 100, pausedAt: null, pausedMs: 0 },
    });
    expect(await ledger.openJob(newJob('solve/sort', 1, 999))).toEqual(opened);
    await ledger.closeJob(opened.id, {
      status: 'finished',
      endedAt: 200,
      result,
      best: 12.75,
    });
    await ledger.closeJob(opened.id, { status: 'failed', endedAt: 300 });
    await ledger.keepReport(opened.id, artifact);
    await ledger.keepHistory(opened.id, artifact);
    expect(await ledger.job(opened.id)).toEqual({
      ...opened,
      status: 'finished',
      endedAt: 200,
      report: artifact,
      result,
      best: 12.75,
      history: artifact,
    });
    expect(await ledger.job('nobody')).toBeUndefined();
  });

  it('whose result cannot be read is listed without it, which is told once', async () => {
    const told: string[] = [];
    const folder = await temporaryFolder();
    const { ledger } = await temporaryStore(folder, (message) => told.push(message));
    const { id } = await ledger.openJob(newJob('solve/sort', 1, 1));
    await ledger.openJob(newJob('solve/other', 1, 2));
    await ledger.closeJob(id, { status: 'finished', endedAt: 3, result });
    await changeLedger(folder, `update jobs set result_json = '{"summary": 1}' where id = '${id}'`);
    for (const _ of [1, 2])
      expect((await ledger.jobs({ limit: 9 })).map((job) => [job.status, job.result])).toEqual([
        ['running', null],
        ['finished', null],
      ]);
    expect(told).toEqual([expect.stringContaining(`the result of job ${id} cannot be read`)]);
  });

  it('is listed newest first, by status, without its stages', async () => {
    const { ledger } = await temporaryStore();
    const first = await ledger.openJob(newJob('solve/a', 1, 1));
    const second = await ledger.openJob(newJob('solve/b', 1, 2));
    const late = await ledger.openJob({ ...newJob('stage/late', 1, 4), parent: second.id, stage: 'draw' });
    const early = await ledger.openJob({ ...newJob('stage/early', 1, 3), parent: second.id, stage: 'fit' });
    await ledger.closeJob(first.id, { status: 'cancelled', endedAt: 9 });
    const ids = async (filter: Parameters<typeof ledger.jobs>[0]) =>
      (await ledger.jobs(filter)).map(({ id }) => id);
    expect(await ids({ limit: 10 })).toEqual([second.id, first.id]);
    expect(await ids({ limit: 1 })).toEqual([second.id]);
    expect(await ids({ limit: 10, status: 'cancelled' })).toEqual([first.id]);
    expect((await ledger.children(second.id)).map(({ id, stage }) => [id, stage])).toEqual([
      [early.id, 'fit'],
      [late.id, 'draw'],
    ]);
  });

  it('is found page by page, each once, also where several were started at the same moment', async () => {
    const { ledger } = await temporaryStore();
    const parent = await ledger.openJob(newJob('pipeline/all', 1, 1));
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await ledger.openJob(newJob(`solve/${name}`, 1, 5 + (index >> 1)));
      const cell = { ...newJob(`cell/${name}`, 1, 5 + (index >> 1)), role: 'cell' as const };
      const { id } = await ledger.openJob({ ...cell, parent: parent.id, stage: name });
      if (index !== 1) await ledger.closeJob(id, { status: 'finished', endedAt: 9 });
    }
    const all = async (page: (after?: JobRecord) => Promise<JobRecord[]>): Promise<string[]> => {
      const found: string[] = [];
      for (let jobs = await page(); jobs.length > 0; jobs = await page(jobs.at(-1)))
        found.push(...jobs.map(({ series }) => series));
      return found;
    };
    const from = (after?: JobRecord) => ({ ...(after === undefined ? {} : { after }), limit: 2 });
    const top = ['e', 'd', 'c', 'b', 'a'].map((name) => `solve/${name}`);
    expect(await all((after) => ledger.jobs(from(after)))).toEqual([...top, 'pipeline/all']);
    expect(await ledger.countJobs()).toBe(6);
    expect(await ledger.countJobs({ startsWith: 'solve/' })).toBe(5);
    const cells = ['a', 'b', 'c', 'd', 'e'].map((name) => `cell/${name}`);
    expect(await all((after) => ledger.children(parent.id, from(after)))).toEqual(cells);
    const ended = (after?: JobRecord) =>
      ledger.children(parent.id, { ...from(after), role: 'cell', status: 'finished' });
    expect(await all(ended)).toEqual(cells.filter((each) => each !== 'cell/b'));
    expect(await ledger.children(parent.id, { role: 'stage' })).toEqual([]);
    const open = ['pipeline/all', 'cell/b', ...top.toReversed()];
    expect(await all((after) => ledger.openJobs(from(after)))).toEqual(open);
  });

  it('run anew is another run of the same series', async () => {
    const { ledger } = await temporaryStore();
    expect(await ledger.latestRun('solve/a')).toBeUndefined();
    for (const run of [1, 2, 10]) await ledger.openJob(newJob('solve/a', run, 1));
    expect(await ledger.latestRun('solve/a')).toMatchObject({ id: jobId('solve/a', 10), run: 10 });
  });
});
