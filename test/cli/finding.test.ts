import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createReportActivities } from '../../activities/report.ts';
import { list } from '../../cli/follow/list.ts';
import { show } from '../../cli/follow/show.ts';
import { exportJob } from '../../cli/keep/export.ts';
import { bestOf } from '../../cli/keep/verify.ts';
import type { JobResult } from '../../domain/job-input.schema.ts';
import { findingOf } from '../../domain/trial.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, interval, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';
import { pipelineId, searchedJob, stageId } from './searched-job.ts';

const nothing = { diff: false, program: false, log: false, prompt: false };

let store: Store;

/** A finished pipeline whose best was found at 100×, and a verification of it, or several, that found these speed-ups. */
async function verified(...found: number[]): Promise<void> {
  store = await temporaryStore();
  const { pipeline, stage } = await searchedJob(store);
  const ended = await closeJob(store, stage, { summary: 'vectorize_loops is 100× faster; 3 tried' });
  await closeJob(store, pipeline, { summary: '2 stages done', best: ended.best });
  const report = createReportActivities({ store }).writeReport;
  const write = (jobId: string) =>
    new MockActivityEnvironment().run(report, { storeId: store.id, jobId, step: 'report' });
  await write(stageId);
  await write(pipelineId);
  for (const [index, value] of found.entries()) {
    const id = `${stageId}/verify-${index + 1}`;
    const again = await openJob(store, stage.job, { id, parent: { jobId: stageId, stage: 'verify' } });
    // A verification knows the program as it was built.
    const built = await tree(store, { 'blur.py': 'import blur_built\n' });
    const entry = { kind: 'function', module: 'blur.py', name: 'blur' } as const;
    const program = await storeProgram(store, { files: built, entry, build: null });
    const candidate = { id: 'c-1', title: 'vectorize_loops', program };
    await recordTrial(store, id, candidate, interval(value), { purpose: 'verification' });
    const summary = findingOf('vectorize_loops', interval(100), interval(value), {
      anew: 'with new secret inputs',
      objective: { kind: 'ratio', atLeast: 1 },
    });
    await closeJob(store, again, { summary, status: value > 1.1 ? 'finished' : 'failed' });
    await write(id);
  }
}

async function printed(command: (context: ReturnType<typeof recorded>['context']) => Promise<unknown>) {
  const { context, lines } = recorded(store, { columns: 200 });
  await command(context);
  return lines.join('\n');
}

async function recordOf(id: string): Promise<JobRecord> {
  const record = await store.ledger.job(id);
  if (record === undefined) throw new Error(`expected ${id} in the ledger`);
  return record;
}

const reportOf = async (id: string): Promise<string> =>
  store.blobs.text((await store.ledger.job(id))?.report ?? '');

beforeEach(() => verified(41));

it('what a verification finds is what every view tells of the job from then on', async () => {
  const listed = await printed((context) => list(context, { limit: 20 }));
  expect(listed).toMatch(/pipeline\/start\S* .*finished +41×/);
  expect(listed).toContain('vectorize_loops is still faster, but not 100×: 41× (at least 39.8×)');
  for (const id of [pipelineId, stageId]) {
    expect((await recordOf(id)).result).toMatchObject<Partial<JobResult>>({
      best: { candidate: 'c-1', title: 'vectorize_loops', metric: interval(41) },
      summary: expect.stringMatching(/^vectorize_loops is still faster, but not 100×: .*As it was found: /),
    });
    expect(await reportOf(id)).toMatch(/class="large"><strong>41×<\/strong>/);
  }
  expect(await printed((context) => show(context, { job: stageId, ...nothing }))).toMatch(
    /c-1 +vectorize_loops .*41× \[39\.8×, 42\.6×\]/,
  );
  const folder = await mkdtemp(join(tmpdir(), 'crucible-finding-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await printed((context) => exportJob(context, { job: stageId, out: join(folder, 'faster'), force: false }));
  expect(await readFile(join(folder, 'faster', 'README.md'), 'utf8')).toContain('41× [39.8×, 42.6×]');
  expect(await readFile(join(folder, 'faster', 'program', 'blur.py'), 'utf8')).toContain('numba');
});

it('the last of several verifications is what is known', async () => {
  await verified(41, 97);
  const record = await recordOf(pipelineId);
  expect(record.best).toBe(97);
  expect(record.result?.summary).toMatch(
    /^vectorize_loops holds: 97× faster .*\. As it was found: 2 stages done$/,
  );
});

it('what does not hold is not best any more', async () => {
  await verified(1.01);
  expect(await store.ledger.job(stageId)).toMatchObject({
    best: null,
    result: { best: null, product: null },
  });
  expect(await bestOf(store, await recordOf(stageId))).toBeNull();
});
