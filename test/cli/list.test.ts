import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { findJob } from '../../cli/follow/find-job.ts';
import { list } from '../../cli/follow/list.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, openJob, recorded } from './kept-jobs.ts';

/** Opens a job, later than the one before it. */
async function opened(store: Store, name: string, where: Parameters<typeof openJob>[2]): Promise<JobInput> {
  await wait(2);
  return openJob(store, { kind: 'solve', name, script: 'a.py' }, where);
}

/** Two runs of `blur`, another job whose ID begins alike, and a pipeline with a stage. */
async function someJobs(store: Store): Promise<void> {
  const first = await opened(store, 'blur', { id: 'solve/blur/aa11.1' });
  await closeJob(store, first, { status: 'failed', summary: 'blur.py ended as crashed: no such file' });
  await opened(store, 'blur', { id: 'solve/blur/aa11.2' });
  await opened(store, 'bloom', { id: 'solve/bloom/bb22.1' });
  await wait(2);
  const stages = [{ kind: 'solve' as const, name: 'picture', script: 'a.py' }];
  await openJob(store, { kind: 'pipeline', name: 'start', stages }, { id: 'pipeline/start/cc33.1' });
  await opened(store, 'picture', {
    id: 'pipeline/start/cc33.1/picture',
    parent: { jobId: 'pipeline/start/cc33.1', stage: 'picture' },
  });
}

describe('list', () => {
  it('says how to start a job where there is none', async () => {
    const { context, lines } = recorded(await temporaryStore());
    await list(context, { limit: 20 });
    expect(lines.join('\n')).toMatch(/No jobs yet.*crucible run/);
  });

  it('shows jobs newest first, without their stages, with how they ended', async () => {
    const store = await temporaryStore();
    await someJobs(store);
    const { context, lines } = recorded(store, { columns: 80 });
    await list(context, { limit: 3 });
    expect(lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'id',
      'pipeline/start/cc33.1',
      'solve/bloom/bb22.1',
      'solve/blur/aa11.2',
      '3 of 4; the next: crucible list --limit 3 --after solve/blur/aa11.2',
    ]);
    lines.length = 0;
    await list(context, { limit: 3, after: 'solve/blur/aa11.2' });
    expect(lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'id',
      'solve/blur/aa11.1',
    ]);
    lines.length = 0;
    await list(context, { limit: 3, after: 'solve/blur/aa11.1' });
    expect(lines).toEqual(['No job is older than that. All jobs: crucible list']);
    lines.length = 0;
    await list(context, { kind: 'pipeline', limit: 20 });
    expect(lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'id',
      'pipeline/start/cc33.1',
    ]);
    await expect(list(context, { kind: 'pipe', limit: 20 })).rejects.toThrow(
      /^--kind: expected one of .*pipeline.*, got "pipe"$/,
    );
    lines.length = 0;
    await list(context, { status: 'failed', limit: 20 });
    expect(lines[1]).toMatch(/^solve\/blur\/aa11\.1 +failed/);
    expect(lines[2]).toBe('  a.py: blur.py ended as crashed: no such file');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('names the function and the file of each, and keeps whole IDs on a narrow terminal', async () => {
    const store = await temporaryStore();
    await openJob(
      store,
      { kind: 'optimize', name: 'a', program: 'x.py', function: 'f', cases: 'c.py' },
      { id: 'optimize/a/0123456789.1' },
    );
    const { context, lines } = recorded(store, { columns: 30 });
    await list(context, { limit: 20 });
    expect(lines.slice(1).join('\n')).toMatch(/^optimize\/a\/0123456789\.1\n(.*\n)* {2}f in x\.py$/);
  });

  it('gives the records as one JSON document', async () => {
    const store = await temporaryStore();
    await someJobs(store);
    const { context, lines } = recorded(store, { json: true });
    await list(context, { status: 'running', limit: 20 });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject([
      { name: 'start' },
      { name: 'bloom' },
      { name: 'blur', run: 2 },
    ]);
  });

  it('refuses a status that does not exist', async () => {
    const { context } = recorded(await temporaryStore());
    await expect(list(context, { status: 'done', limit: 20 })).rejects.toThrow(
      /--status: expected one of running, finished, failed, cancelled, got "done"/,
    );
  });
});

describe('a job', () => {
  it.each([
    ['its whole ID', 'solve/blur/aa11.1', 'solve/blur/aa11.1'],
    ['the ID of a stage', 'pipeline/start/cc33.1/picture', 'pipeline/start/cc33.1/picture'],
    ['the beginning of its ID', 'solve/blo', 'solve/bloom/bb22.1'],
    ['its name, which means the latest run', 'blur', 'solve/blur/aa11.2'],
    ['its series, which means the latest run', 'solve/blur/aa11', 'solve/blur/aa11.2'],
    ['its name and a stage', 'start/picture', 'pipeline/start/cc33.1/picture'],
    ['latest', 'latest', 'pipeline/start/cc33.1'],
  ])('is found by %s', async (_, text, id) => {
    const store = await temporaryStore();
    await someJobs(store);
    expect((await findJob(store, text)).id).toBe(id);
  });

  it('that is not clear, or not there, is refused with the jobs there are', async () => {
    const store = await temporaryStore();
    await expect(findJob(store, 'latest')).rejects.toThrow(/there are no jobs yet/);
    await someJobs(store);
    await expect(findJob(store, 'solve/bl')).rejects.toThrow(
      /beginning of 3 jobs[\s\S]*solve\/bloom\/bb22\.1 {2}running\n {2}solve\/blur\/aa11\.2/,
    );
    await expect(findJob(store, 'blau')).rejects.toThrow(/no job blau[\s\S]*pipeline\/start\/cc33\.1/);
    await expect(findJob(store, '')).rejects.toThrow(/no job/);
  });
});
