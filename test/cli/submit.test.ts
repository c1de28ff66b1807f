import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import { checkedJob, type JobFile } from '../../cli/start/job-file.ts';
import { routesOf, type Submitted, submit, withoutModels } from '../../cli/start/submit.ts';
import type { JobInput, JobResult } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';
import { openingClient } from './opening-client.ts';

let store: Store;
let folder: string;
let started: JobInput[];

beforeEach(async () => {
  store = await temporaryStore();
  folder = await temporaryFolder();
  started = [];
  await writeFile(join(folder, 'a.py'), 'print(1)\n');
});

/** A client whose server starts a job once under its ID, and opens it in the ledger as the job's workflow does. */
const client = openingClient(
  () => store,
  (input) => {
    if (started.some(({ jobId }) => jobId === input.jobId)) return false;
    started.push(input);
    return true;
  },
);

const models = modelConfig();
const file = (more: object = {}): Promise<JobFile> =>
  checkedJob({ kind: 'solve', name: 'a', script: 'a.py', ...more }, folder);
const ask = async (more: object = {}, fresh = false): Promise<Submitted> =>
  submit(await file(more), { store, client, models, fresh });

const close = (jobId: string, status: JobResult['status']) =>
  createJobActivities({ store }).closeJob({
    storeId: store.id,
    jobId,
    step: 'close',
    status,
    ended: { summary: status, best: null, refused: 0, product: null },
  });

const idOf = (submitted: Submitted): string =>
  submitted.kind === 'finished' ? submitted.record.id : submitted.jobId;

it('a job is started with its files, and attached to while it runs', async () => {
  const first = await ask();
  expect(first).toEqual({ kind: 'started', jobId: expect.stringMatching(/^solve\/a\/[0-9a-f]{10}\.1$/) });
  expect(await ask()).toEqual({ kind: 'attached', jobId: idOf(first) });
  expect(started).toHaveLength(1);
  const tree = JSON.parse(await store.blobs.text(started[0]?.files ?? ''));
  expect(await store.blobs.text(tree['a.py'])).toBe('print(1)\n');
});

it('the same job submitted twice at the same moment is one job', async () => {
  const both = await Promise.all([ask(), ask()]);
  expect(new Set(both.map(idOf)).size).toBe(1);
  expect(started).toHaveLength(1);
});

it('a finished job is shown and not done again, unless a fresh run is asked for', async () => {
  const first = idOf(await ask());
  await close(first, 'finished');
  const again = await ask();
  expect(again).toMatchObject({ kind: 'finished', record: { id: first, status: 'finished' } });
  const fresh = await ask({}, true);
  expect(fresh).toEqual({ kind: 'started', jobId: first.replace(/\.1$/, '.2') });
  expect(started.map((input) => input.fresh)).toEqual([false, true]);
});

it.each(['failed', 'cancelled'] as const)('a job that %s is run anew', async (status) => {
  const first = idOf(await ask());
  await close(first, status);
  expect(await ask()).toEqual({ kind: 'started', jobId: first.replace(/\.1$/, '.2') });
});

it('a job whose file has changed is another job; one with another budget is the same', async () => {
  const first = await ask();
  expect(idOf(await ask({ budget: { trials: 3 } }))).toBe(idOf(first));
  await writeFile(join(folder, 'a.py'), 'print(2)\n');
  expect(idOf(await ask())).not.toBe(idOf(first));
});

it('a job that could use a model and has none is told which keys to set, the first time; one that could not is not', async () => {
  const optimize = await checkedJob({ kind: 'optimize', name: 'a', program: 'a.py' }, folder);
  expect(withoutModels(optimize, models, { newcomer: true })).toMatch(
    /ANTHROPIC_API_KEY.*OPENAI_API_KEY.*Strategies that need none/,
  );
  expect(withoutModels(optimize, models, { newcomer: false })).toBeNull();
  const named = await checkedJob(
    { kind: 'optimize', name: 'a', program: 'a.py', models: { improve: ['anthropic/c'] } },
    folder,
  );
  expect(withoutModels(named, models, { newcomer: false })).toMatch(/anthropic\/c needs ANTHROPIC_API_KEY/);
  expect(withoutModels(await file(), models, { newcomer: true })).toBeNull();
  expect(withoutModels(optimize, modelConfig({ OPENAI_API_KEY: 'a-key' }), { newcomer: true })).toBeNull();
});

it('a task in words has the routes of its models, as a stage, too; a script beside it has none and is told so', async () => {
  const keyed = modelConfig({ OPENAI_API_KEY: 'a-key' });
  const task = { kind: 'solve', name: 'b', task: 'say hello', models: { draft: ['openai/gpt-4o'] } };
  const script = { kind: 'solve', name: 'a', script: 'a.py' };
  const routesIn = async (job: object, config = keyed) =>
    routesOf((await checkedJob(job, folder)).job, config);
  expect((await routesIn(task)).routes).toMatchObject({ draft: ['openai/gpt-4o'], debug: ['openai/gpt-4o'] });
  expect((await routesIn(script)).routes.draft).toEqual([]);
  const { routes, stageRoutes } = await routesIn({ kind: 'pipeline', name: 'p', stages: [script, task] });
  expect(routes.draft).toEqual([]);
  expect(stageRoutes).toEqual({ b: expect.objectContaining({ draft: ['openai/gpt-4o'] }) });

  const both = await checkedJob({ ...task, script: 'a.py', models: {} }, folder);
  expect(withoutModels(both, models, { newcomer: true })).toMatch(
    /OPENAI_API_KEY.*\. a\.py is tried alone\.$/,
  );
});
