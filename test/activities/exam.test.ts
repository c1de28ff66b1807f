import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createJobActivities } from '../../activities/job.ts';
import type { PreparedCases } from '../../activities/try/cases.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { createMeasureActivities } from '../../activities/try/measure.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import type { Tree } from '../../domain/artifact.schema.ts';
import type { CaseSet } from '../../domain/case-set.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import {
  optimizeExam,
  optimizeOriginal,
  scriptOriginal,
  solveExam,
  timedCases,
} from '../../domain/judging.ts';
import { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import type { ConductResult, ConductSpec, Isolation, Sandbox } from '../../sandbox/sandbox.ts';
import type { Store } from '../../store/store.ts';
import { temporaryStore } from '../store/temporary-store.ts';

const isolation: Isolation = { kind: 'bubblewrap', memory: 'watched', image: 'none' };
const usage = { wallMs: 1, cpuMs: 1, peakMemoryMb: 1 };
const log = { tail: '', bytes: 0, artifact: null, truncated: false };

let store: Store;
/** The paths that each sandbox held where a candidate, or the grader, ran. */
let held: string[][];
/** What was asked of players. */
let specs: ConductSpec[];

/** A sandbox in which every program does nothing and ends well. */
const sandbox: Sandbox = {
  isolation,
  layers: null,
  image: async () => ({ id: '', mb: 0 }),
  async run({ files = {}, workspace = {} }) {
    held.push([...Object.keys(files), ...Object.keys(workspace)]);
    return {
      ...{ ending: { kind: 'exited', code: 0 }, stdout: log, stderr: log, outputs: {} },
      ...{ untouched: [], written: [], refused: [], usage, isolation },
    };
  },
  async conduct(spec): Promise<ConductResult> {
    specs.push(spec as ConductSpec);
    for (const { name, files = {}, workspace = {} } of spec.players)
      if (name === 'candidate') held.push([...Object.keys(files), ...Object.keys(workspace)]);
    const nothing = { output: null, mutatedInput: null };
    return {
      samples: spec.samples.map(({ player, timed, cases }) => ({
        ...{ player, timed, ns: 1e6, outputs: {}, stdout: null },
        answers: cases.map(() => nothing),
      })),
      players: spec.players.map(({ name }) => ({
        ...{ name, ending: { kind: 'exited', code: 0 }, error: null, stdout: log, stderr: log },
      })),
      usage,
      isolation,
    };
  },
  runWarm: () => Promise.reject(new Error('not asked for here')),
  cool: () => Promise.reject(new Error('not asked for here')),
  sweep: () => Promise.reject(new Error('not asked for here')),
};

beforeEach(async () => {
  store = await temporaryStore();
  held = [];
  specs = [];
});

let steps = 0;
const place = () => ({ storeId: store.id, jobId: 'exam', step: `c-1/${steps++}` });
const act = <I, O>(activity: (input: I) => Promise<O>, input: I): Promise<O> =>
  new MockActivityEnvironment().run(activity, input);

/** A `Tree` of files that hold their own paths. */
async function treeOf(...paths: string[]): Promise<string> {
  const tree: Tree = {};
  for (const path of paths) tree[path] = await store.blobs.put(path);
  return store.blobs.put(JSON.stringify(tree));
}

/** A set of `count` cases, of which the first is answered. */
async function casesOf(count: number): Promise<PreparedCases> {
  const frame = await store.blobs.put('frame');
  const set: CaseSet = {
    ...{ cases: Array.from({ length: count }, () => frame), twice: frame, arguments: ['value'] },
    ...{ expected: [{ answer: frame, input: null }], described: [], oracleSeconds: [1], seed: '1' },
  };
  const caseSet = await store.blobs.put(JSON.stringify(set));
  return { caseSet, seed: '1', oracleMs: 1, answerBytes: 8 };
}

describe('where a candidate runs', () => {
  it('there are its inputs and its own files, and nothing else of the job', async () => {
    const job = OptimizeJob.parse({
      ...{ kind: 'optimize', name: 'a', program: 'slow.py', inputs: ['data'] },
      outputs: ['*.txt'],
    });
    const files = await treeOf('slow.py', 'data/in.txt', 'notes.txt', 'prompts/improve-script.md');
    const { packProgram } = createJobActivities({ store });
    const { candidate, seen } = await act(packProgram, {
      ...{ ...place(), files, original: optimizeOriginal(job) },
    });
    const exam = optimizeExam(job, files, seen);
    const { program } = candidate;
    const { runProgram } = createRunActivities({ store, sandbox });
    await act(runProgram, { ...place(), exam, program, cases: null });
    const { measure } = createMeasureActivities({ store, sandbox });
    const pairs = { pairs: 6, batch: 1, noiseFloor: 0, earlier: null };
    await act(measure, { ...place(), exam, baseline: program, candidate: program, cases: null, ...pairs });
    expect(held).toHaveLength(1 + 6);
    for (const paths of held) expect(paths.sort()).toEqual(['data/in.txt', 'slow.py']);
  });

  it('a function has no generator of its cases', async () => {
    const job = OptimizeJob.parse({
      ...{ kind: 'optimize', name: 'a', program: 'slow.py', function: 'f', cases: 'cases.py' },
      inputs: ['helper.py'],
    });
    const files = await treeOf('slow.py', 'cases.py', 'helper.py');
    const { packProgram } = createJobActivities({ store });
    const { candidate, seen } = await act(packProgram, {
      ...{ ...place(), files, original: optimizeOriginal(job) },
    });
    const { runProgram } = createRunActivities({ store, sandbox });
    await act(runProgram, {
      ...{ ...place(), exam: optimizeExam(job, files, seen), program: candidate.program },
      cases: await casesOf(1),
    });
    expect(held).toEqual([['slow.py', 'helper.py']]);
  });

  it('there is no check of its answers, though the job has it among its inputs; the grader has it', async () => {
    const job = OptimizeJob.parse({
      ...{ kind: 'optimize', name: 'a', program: 'slow.py', function: 'f', cases: 'cases.py' },
      ...{ inputs: ['lib'], accepts: 'lib/check.py' },
    });
    const files = await treeOf('slow.py', 'cases.py', 'lib/helper.py', 'lib/check.py');
    const { packProgram } = createJobActivities({ store });
    const { candidate, seen } = await act(packProgram, {
      ...{ ...place(), files, original: optimizeOriginal(job) },
    });
    const { program } = candidate;
    const exam = optimizeExam(job, files, seen);
    const cases = await casesOf(1);
    const ran = await act(createRunActivities({ store, sandbox }).runProgram, {
      ...{ ...place(), exam, program, cases },
    });
    if (ran.kind === 'failed') throw new Error(JSON.stringify(ran));
    await act(createMeasureActivities({ store, sandbox }).measure, {
      ...{ ...place(), exam, baseline: program, candidate: program, cases: await casesOf(100) },
      ...{ pairs: 6, batch: 1, noiseFloor: 0, earlier: null },
    });
    expect(held).toEqual(Array.from({ length: 2 }, () => ['slow.py', 'lib/helper.py']));

    const { gradeRun } = createGradeActivities({ store, sandbox });
    // The grader does nothing here either, so it has not judged.
    expect(await act(gradeRun, { ...place(), exam, cases, returned: ran.returned })).toMatchObject({
      outcome: {
        kind: 'invalidOutput',
        reason: expect.stringMatching(/^accepts in lib\/check\.py does not/),
      },
    });
    expect(held[2]).toEqual(expect.arrayContaining(['job/lib/check.py', 'job/slow.py', 'plan.json']));
  });

  it('a script that is checked has its inputs', async () => {
    const job = SolveJob.parse({ kind: 'solve', name: 'a', script: 'make.py', inputs: ['in.txt'] });
    const files = await treeOf('make.py', 'in.txt', 'other.txt');
    const { packProgram } = createJobActivities({ store });
    const { candidate, seen } = await act(packProgram, {
      ...{ ...place(), files, original: scriptOriginal('make.py', job) },
    });
    const { runProgram } = createRunActivities({ store, sandbox });
    await act(runProgram, {
      ...{ ...place(), program: candidate.program, cases: null },
      exam: solveExam(job, { program: 'make.py', seen, files }),
    });
    expect(held).toEqual([['in.txt', 'make.py']]);
  });

  it("what an output is to equal is hidden from it, wherever it stands, and is the grader's", async () => {
    const output = { kind: 'equals', path: 'out.csv', reference: 'data/right.csv' };
    const job = SolveJob.parse({
      ...{ kind: 'solve', name: 'a', script: 'make.py', inputs: ['data'], outputs: [output] },
    });
    const files = await treeOf('make.py', 'data/in.csv', 'data/right.csv');
    const { packProgram } = createJobActivities({ store });
    const { candidate, seen } = await act(packProgram, {
      ...{ ...place(), files, original: scriptOriginal('make.py', job) },
    });
    const exam = solveExam(job, { program: 'make.py', seen, files });
    const { runProgram } = createRunActivities({ store, sandbox });
    const ran = await act(runProgram, { ...place(), program: candidate.program, cases: null, exam });
    expect(held).toEqual([['data/in.csv', 'make.py']]);
    if (ran.kind === 'failed') throw new Error(JSON.stringify(ran));
    const { gradeRun } = createGradeActivities({ store, sandbox });
    await expect(act(gradeRun, { ...place(), exam, cases: null, returned: ran.returned })).rejects.toThrow();
    expect(held[1]).toEqual(['references/data/right.csv', 'plan.json']);
  });
});

it('a measurement asks every case that was made for it, and no other', async () => {
  const job = OptimizeJob.parse({
    ...{ kind: 'optimize', name: 'a', program: 'slow.py', function: 'f', cases: 'cases.py' },
  });
  const files = await treeOf('slow.py', 'cases.py');
  const { packProgram } = createJobActivities({ store });
  const { candidate, seen } = await act(packProgram, {
    ...{ ...place(), files, original: optimizeOriginal(job) },
  });
  const { program } = candidate;
  const batch = 3;
  const count = 1 + timedCases({ batch });
  const { measure } = createMeasureActivities({ store, sandbox });
  await act(measure, {
    ...{ ...place(), exam: optimizeExam(job, files, seen), baseline: program, candidate: program, batch },
    ...{ cases: await casesOf(count), pairs: defaults.pairs, noiseFloor: 0, earlier: null },
  });
  const [spec] = specs;
  // The case that is asked twice stands behind them, and the one that was answered in front.
  expect(spec?.cases).toHaveLength(count + 1);
  const asked = new Set(spec?.samples.flatMap(({ cases }) => cases));
  expect([...asked].sort((one, other) => one - other)).toEqual(
    Array.from({ length: count }, (_, at) => at + 1),
  );
});
