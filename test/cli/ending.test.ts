import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printNext, statusOfJob } from '../../cli/follow/ending.ts';
import type { JobInput, JobResult } from '../../domain/job-input.schema.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { closeJob, openJob, recorded, recordTrial, storeProgram, tree } from './kept-jobs.ts';
import { finishedJob, slow } from './smoother.ts';

const optimize = {
  kind: 'optimize',
  name: 'slow',
  program: 'slow.py',
  function: 'f',
  cases: 'c.py',
} as const;
const id = 'optimize/slow/0123456789.1';

async function ended(
  store: Store,
  input: JobInput,
  result: Partial<JobResult> & { summary: string },
): Promise<JobRecord> {
  await closeJob(store, input, result);
  return recordOf(store, input.jobId);
}

async function recordOf(store: Store, jobId: string): Promise<JobRecord> {
  const record = await store.ledger.job(jobId);
  if (record === undefined) throw new Error(`expected the job ${jobId}`);
  return record;
}

async function nextOf(store: Store, record: JobRecord, home?: string): Promise<string[]> {
  const { context, lines } = recorded(store, home === undefined ? {} : { home });
  await printNext(context, record);
  return lines;
}

describe('a job that is followed to its end', () => {
  it('ends with 0 where something was found, and says where it is and how to go on', async () => {
    const store = await temporaryStore();
    await finishedJob(store, 'optimize/smoother/aaaaaaaaaa.1', { 'smooth.py': slow });
    const record = await recordOf(store, 'optimize/smoother/aaaaaaaaaa.1');
    expect(statusOfJob(record)).toBe(0);
    expect(await nextOf(store, record)).toEqual([
      'Program   crucible export smoother',
      expect.stringMatching(/^Diff {6}crucible show smoother c-\d --diff$/),
      'Verify    crucible verify smoother',
    ]);
  });

  it('ends with 3 where nothing faster was found, and with 1 where it failed or was cancelled', async () => {
    const store = await temporaryStore();
    const nothing = await ended(store, await openJob(store, optimize, { id }), { summary: 'nothing faster' });
    expect(statusOfJob(nothing)).toBe(3);
    expect(await nextOf(store, nothing)).toEqual(['Reasons   crucible show slow']);
    for (const [run, status] of ['failed', 'cancelled'].entries()) {
      const input = await openJob(store, optimize, { id: `optimize/slow/0123456789.${run + 2}` });
      const record = await ended(store, input, { summary: status, status: status as 'failed' });
      expect(statusOfJob(record)).toBe(1);
      expect(await nextOf(store, record)).toContain('Go on     crucible resume slow');
    }
  });

  it('is not sent to resume what cannot go on, and is told how many trials to add where those are used', async () => {
    const store = await temporaryStore();
    const program = await store.blobs.put('{}');
    const task = { kind: 'solve', name: 'words', task: 'Count.', budget: { trials: 1 } } as const;
    const script = { kind: 'solve', name: 'drawn', script: 'draw.py' } as const;
    const nextAfter = async (input: JobInput): Promise<string[]> => {
      await recordTrial(
        store,
        input.jobId,
        { id: 'c-1', title: 'one', program },
        { kind: 'crashed', reason: 'it fell' },
      );
      return nextOf(store, await ended(store, input, { summary: 'failed', status: 'failed' }));
    };
    const words = await openJob(store, task, { id: 'solve/words/aa.1' });
    expect(await nextAfter(words)).toContain('Go on     crucible resume words --budget trials=2');
    const drawn = await openJob(store, script, { id: 'solve/drawn/aa.1' });
    expect((await nextAfter(drawn)).join('\n')).not.toContain('Go on');
  });

  it('ends with 130 where it was left running, and says how to follow and how to end it', async () => {
    const store = await temporaryStore();
    await openJob(store, optimize, { id });
    const record = await recordOf(store, id);
    expect(statusOfJob(record)).toBe(130);
    expect(await nextOf(store, record)).toEqual([
      'Follow    crucible watch slow',
      'End it    crucible cancel slow',
    ]);
  });

  it('of a script has its outputs as files, and the last that it printed, made harmless', async () => {
    const store = await temporaryStore();
    const input = await openJob(
      store,
      { kind: 'solve', name: 'drawn', script: 'draw.py' },
      { id: 'solve/drawn/aa.1' },
    );
    const stdout = await store.blobs.put('1\n2\n3\n4\n5\nthe \u001b[2Jend\n');
    const program = await storeProgram(store, {
      files: {},
      entry: { kind: 'script', path: 'draw.py', args: [] },
      build: null,
    });
    const verdict = await store.blobs.put('{}');
    await recordTrial(
      store,
      input.jobId,
      { id: 'c-0', title: 'draw.py', program },
      { kind: 'passed', verdict },
      { artifacts: { stdout } },
    );
    const product = await store.blobs.put(
      JSON.stringify(await tree(store, { 'out/picture.png': 'a picture' })),
    );
    const record = await ended(store, input, { summary: 'draw.py ran', product });
    expect(statusOfJob(record)).toBe(0);
    const home = await temporaryFolder();
    const lines = await nextOf(store, record, home);
    expect(lines.slice(0, 5)).toEqual([
      'Printed   2',
      '          3',
      '          4',
      '          5',
      '          the ␛[2Jend',
    ]);
    expect(lines[5]).toContain('all 6 lines: crucible show solve/drawn/aa.1 c-0 --log');
    expect(lines[6]).toMatch(/^Outputs .*results\/solve\/drawn\/aa\.1\/out\/picture\.png$/);
    expect(await readFile(join(home, 'results/solve/drawn/aa.1/out/picture.png'), 'utf8')).toBe('a picture');
  });
});

it('a pipeline that failed names the diagnosis of its stage, and the command that begins there', async () => {
  const store = await temporaryStore();
  const stage = { kind: 'solve', name: 'process', script: 'two.py' } as const;
  const whole = await openJob(
    store,
    { kind: 'pipeline', name: 'pl', stages: [stage] },
    { id: 'pipeline/pl/0123456789.1' },
  );
  const child = `${whole.jobId}/process`;
  const parent = { jobId: whole.jobId, stage: 'process' };
  const input = await openJob(store, stage, { id: child, parent });
  const files = await tree(store, { 'two.py': 'x' });
  const entry = { kind: 'script' as const, path: 'two.py', args: [] };
  const program = await storeProgram(store, { files, entry, build: null });
  await recordTrial(
    store,
    child,
    { id: 'c-0', title: 'two.py', program },
    {
      ...{ kind: 'crashed', reason: "KeyError: 'amount'" },
      diagnosis: {
        ...{ kind: 'missingKey', evidence: "KeyError: 'amount'", suggestion: 'Look what keys there are.' },
        ...{ place: { path: 'two.py', line: 3, within: null }, fix: null },
      },
    },
  );
  await closeJob(store, input, { status: 'failed', summary: 'two.py crashed' });
  const record = await ended(store, whole, { status: 'failed', summary: 'stage process failed' });
  const next = (await nextOf(store, record)).join('\n');
  expect(next).toMatch(/Cause .*two\.py:3/);
  expect(next).toContain('Look what keys there are.');
  expect(next).toContain('crucible run FILE --from process');
});
