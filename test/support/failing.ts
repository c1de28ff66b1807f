import { readdir, readFile } from 'node:fs/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { z } from 'zod';
import { createBuildActivities } from '../../activities/try/build.ts';
import { createGradeActivities } from '../../activities/try/grade.ts';
import { createRunActivities } from '../../activities/try/run.ts';
import type { DiagnosisKind } from '../../domain/diagnosis.schema.ts';
import { solveExam } from '../../domain/judging.ts';
import { SolveJob } from '../../domain/kinds/solve.schema.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { RunResult, type Sandbox } from '../../sandbox/sandbox.ts';
import { writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';

const folder = new URL('../fixtures/failing/', import.meta.url);

/** A program of `test/fixtures/failing` that fails: `main.py` where it runs. */
export interface Failing {
  kind: DiagnosisKind;
  /** Whether an automatic fix, or several one after the other, make it pass. */
  fixed?: true;
  /** Files that belong to the program, and files it may read, by path: their text. */
  own?: Record<string, string>;
  inputs?: Record<string, string | Buffer>;
  args?: string[];
  limits?: Partial<SolveJob['limits']>;
  outputs?: z.input<typeof SolveJob>['outputs'];
  build?: Program['build'];
}

const json = (path: string, schema?: Record<string, unknown>) => ({ kind: 'json' as const, path, schema });

/** Every program, by the name of its file. */
export const failing: Record<string, Failing> = {
  'missing-module': { kind: 'missingModule' },
  'module-misspelt': { kind: 'missingModule', fixed: true },
  'module-renamed': { kind: 'missingModule', fixed: true },
  'missing-name': { kind: 'missingName' },
  'circular-import': {
    kind: 'circularImport',
    own: {
      'planets.py': 'from moons import MOONS\n\nCOUNT = len(MOONS)\n',
      'moons.py': "from planets import COUNT\n\nMOONS = ['Io'] * COUNT\n",
    },
  },
  'shadowed-module': { kind: 'shadowedModule', own: { 'statistics.py': 'counted = 3\n' } },
  'relative-import': {
    kind: 'relativeImport',
    fixed: true,
    own: { 'tools.py': 'def double(x):\n    return 2 * x\n' },
  },
  'missing-file': { kind: 'missingFile', inputs: { 'data/measures.csv': 'a\n1\n' } },
  'missing-folder': { kind: 'missingFolder', fixed: true, outputs: ['plots/2024/3.txt'] },
  'missing-folder-of-array': { kind: 'missingFolder', fixed: true, outputs: ['grids/high.npy'] },
  permission: { kind: 'permission' },
  'disk-full': { kind: 'diskFull', limits: { diskMb: 64 } },
  'file-too-large': { kind: 'fileTooLarge', limits: { fileMb: 8 } },
  'too-many-files': { kind: 'tooManyFiles' },
  'out-of-memory': { kind: 'outOfMemory', fixed: true, limits: { memoryMb: 512 } },
  'out-of-memory-batch': { kind: 'outOfMemory', fixed: true, limits: { memoryMb: 512 } },
  'timed-out': { kind: 'timedOut', limits: { wallMs: 4_000 } },
  'waiting-on-input': { kind: 'waitingOnInput' },
  'output-too-long': { kind: 'outputTooLong', limits: { outputMb: 1 } },
  'too-many-processes': { kind: 'tooManyProcesses', limits: { processes: 32 } },
  'broken-worker': { kind: 'brokenWorker' },
  'start-guard': { kind: 'startGuard', fixed: true, limits: { wallMs: 20_000 } },
  'not-picklable': { kind: 'notPicklable' },
  'recursion-limit': { kind: 'recursionLimit', fixed: true },
  'native-crash': { kind: 'nativeCrash' },
  tabs: { kind: 'tabs', fixed: true },
  'missing-colon': { kind: 'missingColon', fixed: true },
  python2: { kind: 'python2', fixed: true },
  'python2-name': { kind: 'python2', fixed: true },
  syntax: { kind: 'syntax' },
  'source-encoding': { kind: 'sourceEncoding', fixed: true },
  'encoding-read': {
    ...{ kind: 'encoding', fixed: true },
    inputs: { 'names.txt': Buffer.from('Zoë\nAndré\n', 'latin1') },
  },
  'encoding-write': { kind: 'encoding', fixed: true, outputs: ['cities.txt'] },
  locale: { kind: 'locale' },
  'removed-numpy': { kind: 'removedApi', fixed: true },
  'removed-pillow': { kind: 'removedApi', fixed: true, outputs: ['small.png'] },
  'removed-collections': { kind: 'removedApi', fixed: true },
  'removed-clock': { kind: 'removedApi', fixed: true },
  'removed-scipy': { kind: 'removedApi', fixed: true },
  'removed-keyword': { kind: 'removedApi', fixed: true },
  'undefined-symbol': { kind: 'undefinedSymbol' },
  'missing-library': { kind: 'missingLibrary' },
  'undefined-name': { kind: 'undefinedName', fixed: true },
  'undefined-name-misspelt': { kind: 'undefinedName' },
  'shape-mismatch': { kind: 'shapeMismatch' },
  'dtype-mismatch': { kind: 'dtypeMismatch' },
  'type-mismatch': { kind: 'typeMismatch' },
  'truth-of-array': { kind: 'truthOfArray' },
  'wrong-call': { kind: 'wrongCall' },
  unpacking: { kind: 'unpacking' },
  'missing-key': { kind: 'missingKey' },
  'index-out-of-range': { kind: 'indexOutOfRange' },
  'missing-attribute': { kind: 'missingAttribute' },
  'bad-number': { kind: 'badNumber' },
  'bad-json': { kind: 'badJson', inputs: { 'settings.json': "{'size': 3}" } },
  'bad-table': { kind: 'badTable', inputs: { 'rows.txt': '1 2 3\n4 5\n' } },
  'bad-file': { kind: 'badFile', inputs: { 'picture.png': 'no picture' } },
  'not-json': { kind: 'notJson', fixed: true, outputs: [json('stats.json')] },
  'division-by-zero': { kind: 'divisionByZero' },
  overflow: { kind: 'overflow' },
  'singular-matrix': { kind: 'singularMatrix' },
  assertion: { kind: 'assertion' },
  network: { kind: 'network' },
  'missing-arguments': { kind: 'missingArguments' },
  'missing-argument-read': { kind: 'missingArguments' },
  'missing-variable': { kind: 'missingVariable' },
  'missing-command': { kind: 'missingCommand' },
  'failed-command': { kind: 'failedCommand' },
  'already-there': { kind: 'alreadyThere' },
  'not-compilable': { kind: 'notCompilable' },
  'compile-error': {
    kind: 'compileError',
    own: {
      'area.cpp':
        '#include <nanobind/nanobind.h>\n\ndouble area(double a, double b) { return a * c; }\n\nNB_MODULE(area, m) { m.def("area", &area); }\n',
    },
    build: { tool: 'nanobind', sources: ['area.cpp'], fastMath: false },
  },
  'link-error': { kind: 'linkError' },
  'missing-output': { kind: 'missingOutput', outputs: ['results.csv'] },
  'empty-output': { kind: 'emptyOutput', outputs: [{ kind: 'csv', path: 'results.csv' }] },
  'blank-picture': { kind: 'blankPicture', outputs: [{ kind: 'image', path: 'plot.png' }] },
  'wrong-size': { kind: 'wrongSize', outputs: [{ kind: 'npy', path: 'grid.npy', shape: [16, 16] }] },
  'not-a-number': { kind: 'notANumber', outputs: [{ kind: 'npy', path: 'grid.npy' }] },
  'unreadable-output': { kind: 'unreadableOutput', outputs: [json('stats.json')] },
  'failed-check': { kind: 'failedCheck', outputs: [json('stats.json', { type: 'object' })] },
  unknown: { kind: 'unknown' },
  'unknown-exception': { kind: 'unknown' },
};

/** What came of a program's sandboxes, in the order it had them; `verdict`: what the grader wrote. */
const Recorded = z.record(
  z.string(),
  z.array(z.object({ result: RunResult, verdict: z.string().nullable() })),
);
export type Recorded = z.infer<typeof Recorded>;

export const recordedFile = new URL('recorded.json', folder);
export const readRecorded = async (): Promise<Recorded> =>
  Recorded.parse(JSON.parse(await readFile(recordedFile, 'utf8')));

export const programNames = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.py')).map((name) => name.slice(0, -3));

/** Returns a program as it stands in the job, and the job it is of. */
export async function failingJob(
  store: Store,
  name: string,
): Promise<{ job: SolveJob; program: Program; seen: string }> {
  const { own = {}, inputs = {}, args = [], limits, outputs, build = null } = failing[name] ?? never(name);
  const put = async (files: Record<string, string | Buffer>) =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(files).map(async ([path, text]) => [path, await store.blobs.put(text)]),
      ),
    );
  const main = await readFile(new URL(`${name}.py`, folder));
  const entry = { kind: 'script' as const, path: 'main.py', args };
  const job = SolveJob.parse({
    ...{ kind: 'solve', name, script: 'main.py', args, outputs },
    limits: { wallMs: 60_000, memoryMb: 1024, ...limits },
  });
  return {
    job,
    program: { files: await put({ 'main.py': main, ...own }), entry, build },
    seen: await writeJson(store.blobs, await put(inputs)),
  };
}

const never = (name: string): never => {
  throw new Error(`test/support/failing.ts: expected a row for ${name}.py, found none`);
};

/** Tries a program as a worker does: built, run, and graded as far as it comes. */
export async function tried(
  store: Store,
  sandbox: Sandbox,
  name: string,
  given: { job: SolveJob; program: Program; seen: string },
): Promise<Outcome> {
  const { job, seen } = given;
  const exam = solveExam(job, { program: 'main.py', files: seen, seen });
  const { buildProgram } = createBuildActivities({ store, sandbox });
  const { runProgram } = createRunActivities({ store, sandbox });
  const { gradeRun } = createGradeActivities({ store, sandbox });
  const program = await writeJson(store.blobs, given.program);
  const place = { storeId: store.id, jobId: `solve/${name}/1.1` };
  const step = (what: string) => ({ ...place, step: `c-0/${what}-${program.slice(-12)}` });
  const built = await act(buildProgram, { ...step('build'), program, limits: job.limits });
  if (built.kind === 'failed') return built.outcome;
  const ran = await act(runProgram, { ...step('run'), exam, program: built.program, cases: null });
  if (ran.kind === 'failed') return ran.outcome;
  const graded = await act(gradeRun, { ...step('grade'), exam, cases: null, returned: ran.returned });
  return graded.kind === 'refused' ? graded.outcome : { kind: 'passed', verdict: graded.verdict };
}

const quiet = new DefaultLogger('ERROR');
export const act = <Input, Result>(
  activity: (input: Input) => Promise<Result>,
  input: Input,
): Promise<Result> => new MockActivityEnvironment(undefined, { logger: quiet }).run(activity, input);

/** A sandbox that gives what was recorded, in order. */
export function replaying(store: Store, isolation: Sandbox['isolation'], steps: Recorded[string]): Sandbox {
  const left = [...steps];
  return {
    isolation,
    layers: null,
    image: async () => never('image'),
    async run() {
      const next = left.shift();
      if (next === undefined) throw new Error('expected one more recorded run, found none: record them anew');
      const outputs = next.verdict === null ? {} : { 'verdict.json': await store.blobs.put(next.verdict) };
      return { ...next.result, outputs };
    },
    conduct: async () => never('conduct'),
    runWarm: async () => never('run warm'),
    cool: async () => never('cool'),
    sweep: async () => 0,
  };
}

/** Characters of a stream that are recorded: its end. */
const mostRecorded = 4_000;

/** A sandbox that keeps what the real one gives in `into`, without what is another each time. */
export function recording(store: Store, sandbox: Sandbox, into: Recorded[string]): Sandbox {
  return {
    ...sandbox,
    async run(request, signal) {
      const result = await sandbox.run(request, signal);
      const verdict = result.outputs['verdict.json'];
      const plain = (log: RunResult['stdout']) => ({
        ...{ ...log, artifact: null },
        tail: log.tail.slice(-mostRecorded),
      });
      into.push({
        result: {
          ...result,
          ...{ stdout: plain(result.stdout), stderr: plain(result.stderr), outputs: {} },
          usage: { wallMs: 0, cpuMs: 0, peakMemoryMb: 0 },
        },
        verdict: verdict === undefined ? null : await store.blobs.text(verdict),
      });
      return result;
    },
  };
}
