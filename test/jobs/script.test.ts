import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGradeActivities, type Graded } from '../../activities/try/grade.ts';
import type { Conducted } from '../../activities/try/measure.ts';
import { optimizeExam } from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { bestTrial } from '../../domain/trial.ts';
import { chooseSandbox } from '../../sandbox/choose.ts';
import type { SampleResult } from '../../sandbox/sandbox.ts';
import { toolchain } from '../../setup/toolchain.mjs';
import { changed, type Options, patienceMs, type ScriptJobs, startScriptJobs } from './script-job.ts';

let jobs: ScriptJobs;

beforeAll(async () => {
  jobs = await startScriptJobs();
}, patienceMs);

afterAll(() => jobs?.stop());

test(
  'a script whose file or output differs, or that writes another file or none, is refused with what differs',
  async () => {
    const wrong: [idea: string, from: string, to: string, outcome: object][] = [
      [
        'Another file.',
        "np.save('values.npy', values)",
        "np.save('values.npy', values + 0.001)",
        {
          kind: 'wrong',
          reason: expect.stringMatching(/^values\.npy, array\[0\]: expected .* values differ$/),
        },
      ],
      [
        'Another output.',
        'sum {values.sum():.9g}',
        'sum {values.sum() + 0.001:.9g}',
        { kind: 'wrong', reason: expect.stringMatching(/^standard output, line 1: expected/) },
      ],
      [
        'One file more.',
        "np.save('values.npy', values)",
        "np.save('values.npy', values)\nnp.save('more.npy', values)",
        { kind: 'wrong', reason: 'more.npy, the original writes no such file' },
      ],
      [
        'No file.',
        "np.save('values.npy', values)",
        '',
        {
          kind: 'invalidOutput',
          reason: 'values.npy, the file is missing; the program wrote no file',
        },
      ],
    ];
    const replies = wrong.map(([idea, from, to]) => changed(idea, from, to));
    jobs.model.answers = (await Promise.all(replies)).map((text) => ({ kind: 'text', text }));
    const { record, trials } = await jobs.optimized({
      name: 'wrong',
      args: ['10'],
      strategies: [],
      budget: { trials: wrong.length },
    });
    expect(record.status).toBe('finished');
    expect(bestTrial(trials, { kind: 'ratio', atLeast: 1 })).toBeNull();
    for (const [idea, , , outcome] of wrong)
      expect(trials.find((trial) => trial.candidate.title === idea)?.outcome).toMatchObject(outcome);
  },
  patienceMs,
);

test(
  'a script that prints the time is refused with a word on `ignoreLines`',
  async () => {
    const { record } = await jobs.optimized({
      ...{ name: 'clock', program: 'clock.py', outputs: [] },
      ...{ strategies: [], models: {}, budget: { trials: 1 } },
    });
    expect(record).toMatchObject({
      status: 'failed',
      result: {
        summary: expect.stringMatching(
          /does not give the same twice.*run \d, standard output, line 2.*`ignoreLines`/,
        ),
      },
    });
  },
  patienceMs,
);

test(
  'a script that leaves nothing to compare is refused',
  async () => {
    const job = { strategies: [], models: {}, budget: { trials: 1 } } satisfies Partial<Options>;
    const silent = await jobs.optimized({ ...job, name: 'silent', program: 'silent.py', outputs: [] });
    expect(silent.record).toMatchObject({
      status: 'failed',
      result: { summary: expect.stringMatching(/prints nothing and `outputs` names no file/) },
    });
    const other = await jobs.optimized({ ...job, name: 'other', args: ['1'], outputs: ['*.png'] });
    expect(other.record).toMatchObject({
      status: 'failed',
      result: { summary: expect.stringMatching(/writes no file that matches \*\.png/) },
    });
  },
  patienceMs,
);

test(
  'of the timed runs every one is judged that gave something else in lines that count, and the reason names it',
  async () => {
    const { store } = jobs;
    const { blobs } = store;
    const root = await mkdtemp(join(tmpdir(), 'crucible-script-'));
    const parts = await toolchain();
    const { sandbox } = await chooseSandbox({ wanted: 'auto', blobs, storeId: store.id, root, parts });
    const { gradeTimed } = createGradeActivities({ store, sandbox });

    const sum = await blobs.put('sum 2.5\n');
    const voxels = (first: number) =>
      blobs.put(new Uint8Array(new Float64Array([first, 2, 3, 4, 5, 6, 7, 8]).buffer));
    const grid = await voxels(1);
    const run = async (player: string, printed = 'done\n'): Promise<SampleResult> => ({
      ...{ player, timed: true, ns: 1, answers: [], outputs: { 'sum.txt': sum, 'grid.bin': grid } },
      stdout: await blobs.put(printed),
    });
    const judgedWithout = async (ignoreLines: string[], ...candidate: SampleResult[]): Promise<Graded> => {
      const samples = (
        await Promise.all(candidate.map(async (each) => [await run('baseline'), each]))
      ).flat();
      const conducted = await blobs.put(
        JSON.stringify({
          plan: samples.map(({ player }) => ({ player, cases: [], timed: true })),
          samples,
          players: [],
          usage: { wallMs: 1, cpuMs: 1, peakMemoryMb: 1 },
          isolation: sandbox.isolation,
        } satisfies Conducted),
      );
      const place = { storeId: store.id, jobId: 'graded', step: conducted };
      const job = OptimizeJob.parse({
        kind: 'optimize',
        name: 'graded',
        program: 'a.py',
        outputs: ['*.txt', { kind: 'voxels', path: '*.bin', n: 2, dtype: 'float64' }],
        ignoreLines,
      });
      return new MockActivityEnvironment().run(gradeTimed, {
        ...{ ...place, cases: null, conducted },
        exam: optimizeExam(job, sum, sum),
      });
    };
    const judged = (...candidate: SampleResult[]): Promise<Graded> => judgedWithout([], ...candidate);
    try {
      const same = await run('candidate');
      const otherFile = { ...same, outputs: { ...same.outputs, 'sum.txt': await blobs.put('sum 2.6\n') } };
      const right = await judged(same, same, same);
      expect(right).toMatchObject({ kind: 'right' });
      // The files and the output of one run, for the others gave the same.
      const { cases } = JSON.parse(await blobs.text(right.kind === 'right' ? right.verdict : ''));
      expect(cases.map(({ name }: { name: string }) => name)).toEqual([
        'run 1, grid.bin',
        'run 1, sum.txt',
        'run 1, standard output',
      ]);
      expect(await judged(same, otherFile, same)).toMatchObject({
        kind: 'refused',
        outcome: { kind: 'wrong', reason: expect.stringMatching(/^run 2, sum\.txt, line 1: expected 2\.5/) },
      });
      expect(await judged(same, same, await run('candidate', 'late\n'))).toMatchObject({
        outcome: { kind: 'wrong', reason: expect.stringMatching(/^run 3, standard output, line 1/) },
      });
      const timed = await run('candidate', 'that took 2 s\ndone\n');
      expect(await judgedWithout(['^that took'], same, timed)).toMatchObject({ kind: 'right' });
      expect(
        await judgedWithout(['^that'], same, await run('candidate', 'that took 2 s\nlate\n')),
      ).toMatchObject({
        outcome: { kind: 'wrong', reason: expect.stringMatching(/^run 2, standard output, line/) },
      });
      const near = { ...same, outputs: { ...same.outputs, 'grid.bin': await voxels(1 + 1e-9) } };
      const far = { ...same, outputs: { ...same.outputs, 'grid.bin': await voxels(1.5) } };
      expect(await judged(same, near)).toMatchObject({ kind: 'right' });
      expect(await judged(far)).toMatchObject({
        outcome: {
          kind: 'wrong',
          reason: expect.stringMatching(/^run 1, grid\.bin, \[0, 0, 0\]: expected 1, got 1\.5/),
        },
      });
    } finally {
      await sandbox.sweep({ all: true });
      await rm(root, { recursive: true, force: true });
    }
  },
  patienceMs,
);
