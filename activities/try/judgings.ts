import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import type { CaseSet } from '../../domain/case-set.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import {
  type AnswersJudging,
  type ChecksJudging,
  functionWords,
  isTests,
  type OnFolders,
  type SameFilesJudging,
  type ScoreJudging,
} from '../../domain/judging.ts';
import { doubled } from '../../domain/kinds/optimize.ts';
import { isEquals, isFileCheck, outputName } from '../../domain/output-checks.ts';
import { placeBelow } from '../../domain/tree.ts';
import type { FileCheck, OutputCheck, RunCheck } from '../../domain/validator.schema.ts';
import type { Answer, SampleResult } from '../../sandbox/sandbox.ts';
import type { Conducted } from './measure.ts';
import { isOf, isPattern, pathOf, type WantedOutput, writtenText } from './outputs.ts';
import type { Returned } from './run.ts';

/** What the grader is asked: the plan of one of its programs, and the files it speaks of, below /in. */
export interface GraderTask {
  program: 'grade' | 'validate';
  plan: unknown;
  files: Tree;
  /** The user's function that judges, as people know it; null where the grader compares by itself. */
  check: string | null;
  /** The files that the program wrote, where that is known. */
  written?: ReturnedFiles['written'];
  /** Modules that tests of the user's call, and the files they are in; unset: none. They are in no sandbox of the grader's. */
  called?: Called;
}

/** Modules by name, with the files that they run among. */
export interface Called {
  modules: string[];
  /** Those that the user named: others stand in for no module that the grader has. */
  named: string[];
  files: Tree;
}

/** Where the grader finds what tests asked of modules, and what those answered. */
export const callFiles = { asked: '/in/asked', answered: '/in/answered' } as const;

export type ReturnedFiles = Extract<Returned, { kind: 'files' }>;

/** A candidate's answer to one case beside the original's. */
export interface AnsweredCase {
  input: Artifact;
  expected: Answer;
  actual: Answer;
  /** What the job's own oracle answers, where it has one. */
  exact?: Artifact | undefined;
}

const noAnswer: Answer = { output: null, mutatedInput: null };

function caseAt(inputs: readonly Artifact[], index: number | undefined): Artifact {
  const input = inputs[index ?? -1];
  if (input === undefined) throw new Error(`expected case ${index} of ${inputs.length}, found none`);
  return input;
}

/** Returns the answers of a run beside those of the oracle. */
export const answersOfRun = (
  { cases, expected }: CaseSet,
  { answers }: Extract<Returned, { kind: 'answers' }>,
): AnsweredCase[] =>
  expected.map((each, index) => ({
    input: caseAt(cases, index),
    expected: { output: each.answer, mutatedInput: each.input },
    actual: answers[index] ?? noAnswer,
    exact: each.exact,
  }));

/** Returns what a player gave while it was timed, in order, each with the cases it was asked. */
const timedOf = (
  { plan, samples }: Conducted,
  player: 'baseline' | 'candidate',
): (SampleResult & { cases: number[] })[] =>
  samples.flatMap((sample, index) =>
    sample.player === player && sample.timed ? [{ ...sample, cases: plan[index]?.cases ?? [] }] : [],
  );

/** Returns all timed answers beside the baseline's to the same input, and those where both were asked twice. */
export function timedAnswers({ cases, twice }: CaseSet, conducted: Conducted): AnsweredCase[] {
  const candidate = timedOf(conducted, 'candidate');
  const timed = timedOf(conducted, 'baseline').flatMap((sample, pair) =>
    sample.answers.map((expected, index) => ({
      input: caseAt(cases, sample.cases[index]),
      expected,
      actual: candidate[pair]?.answers[index] ?? noAnswer,
    })),
  );
  if (twice === null) return timed;
  const askedTwice = (player: string): Answer[] =>
    conducted.samples.flatMap((sample, index) =>
      sample.player === player && conducted.plan[index]?.cases[0] === cases.length ? sample.answers : [],
    );
  const again = askedTwice('candidate');
  return [
    ...timed,
    ...askedTwice('baseline').map((expected, index) => ({
      input: twice,
      expected,
      actual: again[index] ?? noAnswer,
    })),
  ];
}

/** Has answers judged case by case; `names` are those of the arguments, `job` are all files of the job. */
export function answersTask(
  { tolerance, answers, accepts, exact }: AnswersJudging,
  job: Tree,
  names: readonly string[],
  answered: readonly AnsweredCase[],
): GraderTask {
  const { files, pathOf: placeOf } = laidOut('frames');
  const cases = answered.map(({ input, expected, actual, exact: by }) => ({
    case: placeOf(input),
    ...(by === undefined ? {} : { exact: placeOf(by) }),
    expected: placeOf(expected.output),
    actual: placeOf(actual.output),
    expectedInput: placeOf(expected.mutatedInput),
    actualInput: placeOf(actual.mutatedInput),
  }));
  // Where the oracle answered nothing, both may be off by the tolerance, each to its side.
  const between = exact !== undefined && answered.every((each) => each.exact === undefined);
  const allowed = between ? doubled(tolerance) : tolerance;
  const plan = { tolerance: allowed, answers, arguments: names, cases };
  if (accepts === null) return { program: 'grade', plan, files, check: null };
  const { module, name } = accepts;
  return {
    program: 'grade',
    plan: { ...plan, accepts: { path: `/in/job/${module}`, name, folder: '/in/job' } },
    files: { ...files, ...placeBelow('job', job) },
    check: functionWords(accepts),
  };
}

type ScriptOutput = Pick<ReturnedFiles, 'files' | 'stdout'> & Partial<Pick<ReturnedFiles, 'written'>>;

/**
 * One run of a script beside one of the baseline. `named` is what a verdict calls a file, or the output, of it.
 */
export interface ComparedRun {
  named: (what: string) => string;
  expected: ScriptOutput;
  actual: ScriptOutput;
}

/**
 * Returns each timed run beside the baseline's of the same pair. Runs that gave the same bytes as an earlier
 * one are left out.
 */
export function timedRuns(conducted: Conducted): ComparedRun[] {
  const baseline = timedOf(conducted, 'baseline');
  const runs = new Map<string, ComparedRun>();
  const writtenIn = ({ outputs, stdout }: SampleResult): ScriptOutput => ({ files: outputs, stdout });
  for (const [index, sample] of timedOf(conducted, 'candidate').entries()) {
    const beside = baseline[index];
    if (beside === undefined)
      throw new Error(`run ${index + 1} of the candidate has none of the baseline beside it`);
    const [expected, actual] = [writtenIn(beside), writtenIn(sample)];
    const key = JSON.stringify([expected, actual]);
    if (!runs.has(key)) runs.set(key, { named: (what) => `run ${index + 1}, ${what}`, expected, actual });
  }
  return [...runs.values()];
}

/**
 * Compares the files and the standard output of runs with those of `program`, the original. `nothing` is an empty file. Throws
 * `JobRejected` where the original leaves nothing to compare with.
 */
export function sameFilesTask(
  program: string,
  { tolerance, answers, outputs, ignoreLines }: SameFilesJudging,
  runs: readonly ComparedRun[],
  nothing: Artifact,
): GraderTask {
  const { files, pathOf: placeOf } = laidOut('written');
  for (const { expected } of runs) requireOutputs(program, outputs, expected);
  const plan = {
    ...{ tolerance, answers },
    files: runs.flatMap(({ named, expected, actual }) =>
      [...new Set([...Object.keys(expected.files), ...Object.keys(actual.files)])].sort().map((path) => ({
        path,
        name: named(path),
        expected: placeOf(expected.files[path]),
        actual: placeOf(actual.files[path]),
        ...(actual.written === undefined
          ? {}
          : { missing: `the file is missing; ${writtenText('the program', actual.written)}` }),
        check: outputs.find((output) => typeof output !== 'string' && isOf(path, output)),
      })),
    ),
    stdout: runs.map(({ named, expected, actual }) => ({
      name: named('standard output'),
      expected: placeOf(expected.stdout ?? nothing),
      actual: placeOf(actual.stdout ?? nothing),
      ignore: ignoreLines,
    })),
  };
  return { program: 'grade', plan, files, check: null };
}

/** Throws `JobRejected` where the baseline leaves nothing that a candidate could be compared with. */
function requireOutputs(
  program: string,
  outputs: readonly WantedOutput[],
  { files, stdout, written }: ScriptOutput,
): void {
  const paths = Object.keys(files);
  const unmet = outputs.filter((output) => !paths.some((path) => isOf(path, output)));
  if (unmet.length > 0)
    throw new JobRejected(
      [
        `${program} writes no file that matches ${unmet.map(pathOf).join(', ')}: \`outputs\` names the files it writes, below its working directory`,
        ...(written === undefined ? [] : [writtenText(program, written)]),
      ].join('; '),
    );
  if (paths.length === 0 && stdout === null)
    throw new JobRejected(
      `${program} prints nothing and \`outputs\` names no file, so nothing tells whether a candidate is right: name the files it writes`,
    );
}

const asPlaced = 'as it was placed';

/** What `validate.py` is asked of one file, or of the run. */
type PlannedCheck =
  | (FileCheck & { file: string | null; missing?: string; mayBeEmpty?: true })
  | (RunCheck & { path: string; file: string | null; missing?: string; got: number });

/**
 * Checks each output that `program` is to write by what it should be. Then it checks all by functions of the
 * user's own, beside which `own` stand. They are a check, and what scores them, which is told a `seed`.
 */
export function checksTask(
  program: string,
  judging: ChecksJudging | ScoreJudging,
  own: OwnFiles & { seed: number },
  returned: ReturnedFiles,
): GraderTask {
  const { outputs, check, ofSample } = judging;
  const checks = outputs.flatMap((output) => checksOf(output, program, ofSample === true, returned));
  // Said once, of the first file that is missing.
  const first = checks.find(
    ({ kind, missing }) => kind !== 'stdout' && missing !== undefined && !missing.includes(asPlaced),
  );
  if (first !== undefined) first.missing += `; ${writtenText(program, returned.written)}`;
  const { stdout } = returned;
  const files = {
    ...placeBelow('references', own.references),
    ...placeBelow('files', returned.files),
    ...(stdout !== null && outputs.some(({ kind }) => kind === 'stdout') ? { 'stdout.txt': stdout } : {}),
  };
  const plan = { outputs: checks.length === 0 && check === undefined ? [ranToItsEnd(returned)] : checks };
  const { written } = returned;
  const called = calledBy(judging, returned.files);
  const judge = judgeOf(judging);
  if (judge === undefined) return { program: 'validate', plan, files, check: null, written };
  return {
    program: 'validate',
    plan: {
      ...plan,
      ...(check === undefined ? {} : { check: { ...planOf(check), ...callPlan(called, own.seed) } }),
      ...(judging.kind === 'score' ? { score: scorePlan(judging, own.seed) } : {}),
    },
    files: { ...files, ...placeBelow('inputs', own.inputs), ...placeBelow('job', own.job) },
    check: functionWords(judge.function),
    written,
    ...(called.modules.length === 0
      ? {}
      : { called: { ...called, files: { ...own.inputs, ...returned.files } } }),
  };
}

/** Returns the Python modules that a file of tests may import of what a program wrote, or is to write. */
function calledBy(
  { outputs, check }: ChecksJudging | ScoreJudging,
  written: Tree,
): Pick<Called, 'modules' | 'named'> {
  if (check === undefined || !isTests(check.function)) return { modules: [], named: [] };
  const namesOf = (paths: string[]): string[] =>
    paths.filter((path) => /^(?:[A-Za-z_]\w*\/)*[A-Za-z_]\w*\.py$/.test(path)).flatMap(modulesOf);
  const named = [...new Set(namesOf(outputs.filter(isFileCheck).map(({ path }) => path)))].sort();
  return { modules: [...new Set([...named, ...namesOf(Object.keys(written).sort())])], named };
}

/** `a/b/c.py` is `a`, `a.b` and `a.b.c`. */
const modulesOf = (path: string): string[] => {
  const parts = path.replace(/(?:\/__init__)?\.py$/, '').split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
};

const callPlan = (called: Omit<Called, 'files'>, seed: number) =>
  called.modules.length === 0 ? {} : { ...called, seed, ...callFiles };

/** Has tests of the user's call the module `name`, which a job built: `files` are its own. */
export function moduleTask(
  tests: OnFolders,
  { name, files, seed, ...own }: Omit<OwnFiles, 'references'> & { name: string; files: Tree; seed: number },
): GraderTask {
  const called = { modules: [name], named: [name] };
  return {
    program: 'validate',
    plan: { outputs: [], check: { ...planOf(tests), ...callPlan(called, seed) } },
    files: { ...placeBelow('inputs', own.inputs), ...placeBelow('job', own.job) },
    check: functionWords(tests.function),
    called: { ...called, files },
  };
}

/** Of a sample that no file belongs to, that the program got through it is all there is to check. */
const ranToItsEnd = ({ status }: ReturnedFiles): PlannedCheck => ({
  ...{ kind: 'exit', path: 'exit status', file: null, status, got: status },
});

const scorePlan = ({ evaluator, metric, constraints }: ScoreJudging, seed: number) => ({
  ...planOf(evaluator),
  ...{ metric, constraints, seed },
});

/** Returns the function of the user's that has the last word; undefined where there is none. */
export const judgeOf = (judging: ChecksJudging | ScoreJudging): OnFolders | undefined =>
  judging.kind === 'score' ? judging.evaluator : judging.check;

/**
 * The user's files that outputs are judged by. They are those a function of theirs stands among, with the
 * inputs, and those that outputs are to equal.
 */
export interface OwnFiles {
  references: Tree;
  inputs: Tree;
  job: Tree;
}

/** Compares each file that an output is to equal with itself: one that cannot be read judges nothing. */
export function referencesTask({ outputs }: ChecksJudging | ScoreJudging, references: Tree): GraderTask {
  const checks = outputs.filter(isEquals).map((check) => {
    const file = `/in/references/${check.reference}`;
    return { ...check, path: check.reference, file, reference: file };
  });
  return {
    ...{ program: 'validate', plan: { outputs: checks }, check: null },
    files: placeBelow('references', references),
  };
}

/** Has the user's own check, or what scores, look at an empty folder in place of outputs. */
export function emptyTask(
  judging: ChecksJudging | ScoreJudging,
  own: OwnFiles & { seed: number },
): GraderTask {
  const returned: ReturnedFiles = {
    kind: 'files',
    files: {},
    stdout: null,
    untouched: [],
    written: [],
    status: 0,
  };
  if (judging.kind === 'score') {
    const { check: _, ...alone } = judging;
    return checksTask('nothing', { ...alone, outputs: [] }, own, returned);
  }
  const { called: _, ...task } = checksTask('nothing', { ...judging, outputs: [] }, own, returned);
  const { check } = judging;
  const { modules } = calledBy(judging, {});
  // Nobody answers: it is seen whether the tests can be read.
  return check === undefined || modules.length === 0
    ? task
    : { ...task, plan: { outputs: [], check: { ...planOf(check), modules } } };
}

/** What `on_folders.py` is asked. What is not among the files, it makes: an empty folder. */
const planOf = ({ function: { module, name } }: OnFolders) => ({
  ...{ module, name, folder: '/in/job', tests: isTests({ module, name }) },
  ...{ inputs: '/in/inputs', outputs: '/in/files' },
});

/** Returns a check of each file that an output names; where there is none, of one that is missing. */
function checksOf(
  output: OutputCheck,
  program: string,
  ofSample: boolean,
  { files, untouched, stdout, status }: ReturnedFiles,
): PlannedCheck[] {
  if (!isFileCheck(output)) {
    const file = output.kind === 'stdout' && stdout !== null ? '/in/stdout.txt' : null;
    return [
      {
        ...output,
        path: outputName(output),
        file,
        got: status,
        ...(file === null ? { missing: `${program} printed nothing` } : {}),
      },
    ];
  }
  const found = Object.keys(files).filter((path) =>
    isEquals(output) ? path === output.path : isOf(path, output),
  );
  const empty = ofSample ? { mayBeEmpty: true as const } : {};
  if (isEquals(output) && found.length > 0)
    return [{ ...output, file: `/in/files/${output.path}`, reference: `/in/references/${output.reference}` }];
  if (found.length > 0)
    return found.sort().map((path) => ({ ...output, ...empty, path, file: `/in/files/${path}` }));
  // Of a sample nothing need be such that it belongs into one of several files.
  if (ofSample && isPattern(output.path)) return [];
  const placed = untouched.filter((path) => isOf(path, output));
  const missing =
    placed.length > 0
      ? `${placed.join(', ')} is the input ${asPlaced}; ${program} did not write it`
      : isPattern(output.path)
        ? 'no file matches'
        : 'the file is missing';
  return [{ ...output, file: null, missing }];
}

/** Returns files for the grader's sandbox, below `folder` by their hashes. Each is listed when its path is first asked for. */
function laidOut(folder: string): {
  files: Tree;
  pathOf(artifact: Artifact | null | undefined): string | null;
} {
  const files: Tree = {};
  return {
    files,
    pathOf(artifact) {
      if (artifact == null) return null;
      files[`${folder}/${artifact}`] = artifact;
      return `/in/${folder}/${artifact}`;
    },
  };
}
