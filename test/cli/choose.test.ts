import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import { createResults } from '../../activities/results.ts';
import { list } from '../../cli/follow/list.ts';
import { show } from '../../cli/follow/show.ts';
import { exportJob } from '../../cli/keep/export.ts';
import { bestOf } from '../../cli/keep/verify.ts';
import { chooseIn } from '../../cli/steer/choose.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { readConfig } from '../../workers/config.ts';
import { temporaryStore } from '../store/temporary-store.ts';
import { closeJob, interval, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';

const pipelineId = 'pipeline/start/4f2a90c1d7.1';
const stageId = `${pipelineId}/faster`;
const faster = {
  kind: 'optimize',
  name: 'faster',
  program: 'f.py',
  function: 'f',
  cases: 'cases.py',
} as const;
const files = { 'f.py': 'def f(x):\n    return x\n', 'cases.py': '' };

let store: Store;
let pipeline: JobInput;
let stage: JobInput;

const programOf = async (text: string) =>
  storeProgram(store, {
    files: await tree(store, { 'f.py': text }),
    ...{ entry: { kind: 'function', module: 'f.py', name: 'f' }, build: null },
  });

/** A candidate that was measured once, and again where it held. */
async function tried(id: string, speedup: number, verified = true): Promise<void> {
  const candidate = { id, title: `idea ${id}`, program: await programOf(`# ${id}\n`) };
  await recordTrial(store, stageId, candidate, interval(speedup));
  if (verified) await recordTrial(store, stageId, candidate, interval(speedup), { purpose: 'verification' });
}

beforeEach(async () => {
  store = await temporaryStore();
  pipeline = await openJob(
    store,
    { kind: 'pipeline', name: 'start', stages: [faster] },
    { id: pipelineId, files },
  );
  stage = await openJob(store, faster, {
    id: stageId,
    files,
    parent: { jobId: pipelineId, stage: 'faster' },
  });
  const baseline = { id: 'c-0', title: 'as it is', operator: 'baseline' as const, parents: [] };
  const program = await programOf(files['f.py']);
  await recordTrial(store, stageId, { ...baseline, program }, interval(1), { purpose: 'baseline' });
  await tried('c-1', 2);
  await tried('c-2', 5);
  await tried('c-3', 3, false);
  await recordTrial(
    store,
    stageId,
    { id: 'c-4', title: 'idea c-4', program },
    { kind: 'wrong', verdict: program, reason: 'case 1: expected 1, got 2' },
  );
});

async function ended(): Promise<void> {
  const { best, product } = await closeJob(store, stage, { summary: 'idea c-2 is 5× faster; 4 tried' });
  const placed = Object.fromEntries(
    Object.entries(JSON.parse(await store.blobs.text(product ?? ''))).map(([path, each]) => [
      `faster/${path}`,
      each,
    ]),
  );
  await closeJob(store, pipeline, {
    summary: '1 stages done',
    best,
    product: await store.blobs.put(JSON.stringify(placed)),
  });
}

const recordOf = async (id: string): Promise<JobRecord> => {
  const record = await store.ledger.job(id);
  if (record === undefined) throw new Error(`expected ${id} in the ledger`);
  return record;
};

async function choose(candidate: string, job = stageId): Promise<string> {
  const { context, lines } = recorded(store, {});
  await chooseIn({ config: readConfig({}), context, signal: new AbortController().signal }, job, candidate);
  return lines.join('\n');
}

/** The program that a job's product holds. */
async function given(id: string, path = 'f.py'): Promise<string> {
  const files = JSON.parse(await store.blobs.text((await recordOf(id)).result?.product ?? ''));
  return store.blobs.text(files[path]);
}

describe('of a job that has ended', () => {
  beforeEach(ended);

  it('a candidate is chosen, and its product, its summary and its report are of that, beside what is best', async () => {
    const before = await recordOf(stageId);
    expect(await given(stageId)).toBe('# c-2\n');
    expect(await choose('c-1')).toBe(
      `${stageId} gives c-1 in place of its best; what later stages made of it before stays as it is. Take it out: crucible export ${stageId}`,
    );
    const record = await recordOf(stageId);
    expect(record.result).toMatchObject({
      best: { candidate: 'c-2' },
      chosen: { candidate: 'c-1', title: 'idea c-1' },
      summary:
        'c-1 idea c-1 (2×) was chosen by hand; the best is c-2 idea c-2 (5×). As it was found: idea c-2 is 5× faster; 4 tried',
    });
    expect(record.best).toBe(before.best);
    expect(await given(stageId)).toBe('# c-1\n');
    const report = await store.blobs.text(record.report ?? '');
    expect(report).toContain('c-1 idea c-1 (2×) was chosen by hand; the best is c-2 idea c-2 (5×)');
    expect(report).toContain('chosen, verified');
    expect((await store.ledger.events(stageId)).at(-1)?.text).toBe('c-1 was chosen');
  });

  it('its pipeline gives that too, and tells of it', async () => {
    await choose('c-1');
    const record = await recordOf(pipelineId);
    expect(record.result?.summary).toBe(
      'faster: c-1 idea c-1 (2×) was chosen by hand; the best is c-2 idea c-2 (5×). As it was found: 1 stages done',
    );
    expect(await given(pipelineId, 'faster/f.py')).toBe('# c-1\n');
    expect(await store.blobs.text(record.report ?? '')).toContain('was chosen by hand');
  });

  it('best takes it back, and all is as it was', async () => {
    const before = [await recordOf(stageId), await recordOf(pipelineId)].map(({ result, best }) => [
      result,
      best,
    ]);
    await choose('c-1');
    expect(await choose('best')).toBe(`${stageId} gives its best again`);
    const after = [await recordOf(stageId), await recordOf(pipelineId)].map(({ result, best }) => [
      result,
      best,
    ]);
    expect(after).toEqual(before);
    expect(await given(pipelineId, 'faster/f.py')).toBe('# c-2\n');
  });

  it('list, show, export and verify tell that a person chose it', async () => {
    await choose('c-1');
    const shown = recorded(store, { columns: 200 });
    await show(shown.context, { job: stageId, diff: false, program: false, log: false, prompt: false });
    expect(shown.lines.join('\n')).toMatch(/c-1 +idea c-1.*chosen, verified/);
    expect(shown.lines.join('\n')).toMatch(/c-2 +idea c-2.*best, verified/);
    const listed = recorded(store, { columns: 200 });
    await list(listed.context, { limit: 5 });
    expect(listed.lines.join('\n')).toContain('faster: c-1 idea c-1 (2×) was chosen by hand');
    expect((await bestOf(store, await recordOf(pipelineId)))?.best.candidate.id).toBe('c-1');
    const folder = await mkdtemp(join(tmpdir(), 'crucible-chosen-'));
    await exportJob(recorded(store, {}).context, { job: stageId, out: join(folder, 'out'), force: false });
    expect(await readFile(join(folder, 'out/program/f.py'), 'utf8')).toBe('# c-1\n');
    expect(await readFile(join(folder, 'out/README.md'), 'utf8')).toContain(
      'c-1 idea c-1 (2×) was chosen by hand; the best is c-2 idea c-2 (5×).',
    );
    await rm(folder, { recursive: true });
  });

  it('one that was measured once is given as soon as a verification of it holds', async () => {
    expect(await choose('c-3')).toBe(
      `${stageId} gives c-3 as soon as it holds a second time; until then its best counts. Try it: crucible verify ${stageId} c-3`,
    );
    expect(await given(stageId)).toBe('# c-2\n');
    expect((await recordOf(stageId)).result?.summary).toContain(
      'c-3 idea c-3 was chosen by hand, and was measured only once: the best counts until that holds a second time',
    );
    const again = await openJob(store, faster, {
      ...{ id: `${stageId}/verify-1`, files, parent: { jobId: stageId, stage: 'verify' } },
    });
    const candidate = { id: 'c-3', title: 'idea c-3', program: await programOf('# c-3\n') };
    await recordTrial(store, again.jobId, candidate, interval(3), { purpose: 'verification' });
    await closeJob(store, again, { summary: 'idea c-3 holds' });
    expect(await given(stageId)).toBe('# c-3\n');
    expect((await recordOf(stageId)).result?.summary).toBe(
      'c-3 idea c-3 (3×) was chosen by hand; the best is c-2 idea c-2 (5×). idea c-3 holds. As it was found: idea c-2 is 5× faster; 4 tried',
    );
  });

  it.each([
    ['c-4', 'c-4 is not right (wrong answer)'],
    ['c-9', 'no c-9 was tried; the nearest is c-4'],
    ['c-0', 'c-0 is the program as it is'],
    ['third', 'third: expected a candidate, as in c-3, or best'],
  ])('%s is refused, and nothing changes', async (candidate, why) => {
    const before = await recordOf(stageId);
    await expect(choose(candidate)).rejects.toThrow(why);
    expect(await recordOf(stageId)).toEqual(before);
    expect(await store.ledger.messages(stageId)).toEqual([]);
  });

  it('a pipeline is sent on to its stages', async () => {
    await expect(choose('c-1', pipelineId)).rejects.toThrow(
      `${pipelineId} has no candidates of its own: choose in ${stageId}`,
    );
  });
});

it.each([
  ['c-1', '# c-1\n', 'c-1 idea c-1 (2×) was chosen by hand; the best is c-2 idea c-2 (5×).'],
  ['c-3', '# c-2\n', 'c-3 idea c-3 was chosen by hand, and was measured only once: the best counts'],
])(
  'a job that was told %s while it ran ends with that where it stands, else with its best, and says so',
  async (candidate, program, said) => {
    const message = { kind: 'choose', candidate } as const;
    await store.ledger.takeMessage(stageId, { id: 'a', message, at: Date.now() });
    await ended();
    expect(await given(stageId)).toBe(program);
    expect(await given(pipelineId, 'faster/f.py')).toBe(program);
    expect((await recordOf(stageId)).result?.summary).toContain(said);
  },
);

it('a job that was taken up again meanwhile keeps its result, and is told as one that runs', async () => {
  await ended();
  const before = await store.ledger.job(stageId);
  if (before === undefined) throw new Error('expected the stage on record');
  const { openJob: open } = createJobActivities({ store });
  await open({
    ...{ storeId: store.id, jobId: stageId, step: 'open-2', input: { ...stage, resumed: 1 } },
  });
  const told = { id: 'told', message: { kind: 'choose' as const, candidate: 'c-1' }, at: Date.now() };
  expect(await createResults({ store }).takeChoice(before, told, 'c-1')).toBe(false);
  expect(await store.ledger.messages(stageId)).toEqual([]);
});
