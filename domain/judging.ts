import type { Artifact } from './artifact.schema.ts';
import type { Operator } from './candidate.schema.ts';
import { defaults } from './defaults.ts';
import type { Environment } from './environment.schema.ts';
import type { Extension } from './extension.schema.ts';
import { extensionCases, extensionHarness, isMeasured, toleranceOf } from './extension.ts';
import type { ScoreObjective, Tolerance } from './job-fields.schema.ts';
import type { OptimizeJob } from './kinds/optimize.schema.ts';
import type { SolveJob } from './kinds/solve.schema.ts';
import type { Limits } from './limits.schema.ts';
import { isEquals, isFileCheck, referencesOf } from './output-checks.ts';
import type { Entry } from './program.schema.ts';
import type { Sample } from './sample.ts';
import type { OutputCheck } from './validator.schema.ts';

/** A function in a file of the job. */
export interface FunctionAt {
  module: string;
  name: string;
}

/** Returns a function's name as people know it: `accepts in check.py`. */
export const functionWords = ({ module, name }: FunctionAt): string => `${name} in ${module}`;

/** When what a candidate gives is the same as what the original gives. */
interface Agreement {
  tolerance: Tolerance;
  answers: OptimizeJob['answers'];
}

/** Answers to secret cases are compared with the original's, or judged by a check. */
export interface AnswersJudging extends Agreement {
  kind: 'answers';
  /** A `Tree` of all files of the job. The generator, the oracle and the check run beside them, and no candidate does. */
  files: Artifact;
  oracle: FunctionAt;
  generator: FunctionAt;
  /** Judges an answer where several are right; null: it must be the original's. */
  accepts: FunctionAt | null;
  /** What answers are compared with in place of the original's: slower, and more exact; unset: with those. */
  exact?: FunctionAt;
}

/** The files and the standard output of a script are compared with the original's. */
export interface SameFilesJudging extends Agreement {
  kind: 'sameFiles';
  outputs: OptimizeJob['outputs'];
  ignoreLines: string[];
  /** What the original gave back, a `Returned`; null before it ran. */
  reference: Artifact | null;
}

/**
 * A function of the user's, called in the grader's sandbox. It gets the folders of a program's inputs and of
 * its outputs.
 */
export interface OnFolders {
  function: FunctionAt;
  /** A `Tree` of all files of the job, and which of them stand beside the function. No candidate sees those that are hidden. */
  files: Artifact;
  beside: string[];
}

/** Every output must pass its check, then all of them that of the user. */
export interface ChecksJudging {
  kind: 'checks';
  outputs: OutputCheck[];
  /** Unset: the job has none of its own. */
  check?: OnFolders;
  /** A `Tree` of all files of the job, among them those that outputs are to equal; unset: there are none. */
  references?: Artifact;
  /** Of a program that is scored afterwards: it is told a seed. */
  seeded?: true;
  /** Whether it is of a sample, on which an output may be empty, and a pattern may match nothing. */
  ofSample?: true;
  /** The failed program that a candidate is a fix of; unset: it is none. */
  keeps?: Keeping;
}

/** A program that failed, of which others are made that must not only hide that. */
export interface Keeping {
  original: Artifact;
  /** What it gave before it failed, a `Returned`; null before it ran. */
  gave: Artifact | null;
}

/** Every output must pass its check; then a function of the user's says how good they are. */
export interface ScoreJudging
  extends Omit<ChecksJudging, 'kind'>,
    Pick<ScoreObjective, 'metric' | 'direction' | 'repeats'> {
  kind: 'score';
  evaluator: OnFolders;
  constraints: NonNullable<ScoreObjective['constraints']>;
}

/** How what a candidate gives back is judged. Kinds of jobs choose one; activities know no kind of job. */
export type Judging = AnswersJudging | SameFilesJudging | ChecksJudging | ScoreJudging;

/** The bench a job measures on, and what one call of its baseline costs there. */
export interface Bench {
  host: string;
  /** How far the baseline against itself was from 1 at most, as a share: 0.03 is ±3 %. */
  noiseFloor: number;
  baselineProgram: Artifact;
  /** Distinct inputs answered after one "go", so that a "go" of the baseline takes long enough to be timed. */
  batch: number;
}

/** What a C++ module is looked at for beside its answers: its memory under AddressSanitizer, and its time. */
export interface ModuleExam {
  /** Cases that it is tested on. */
  cases: number;
  /** A `Tree`: what a user gets beside the module, which tests and measures it. */
  kept: Artifact;
  /** The user's own tests, which call it from another sandbox, and its name there; unset: there are none. */
  own?: { name: string; tests: OnFolders };
  /** The slow reference as a program, beside which it is measured; null: it is not. */
  baseline: Artifact | null;
}

/**
 * What every candidate of a job goes through. It says what that is given, how it is judged, and where it is
 * measured.
 */
export interface Exam<J extends Judging = Judging> {
  judging: J;
  /** The path of the user's own program: to tell people. */
  program: string;
  /** A `Tree`: all that a candidate may see beside its own program. */
  files: Artifact;
  limits: Limits;
  /** Threads a candidate may use. */
  cores: number;
  /** What it finds beside what every sandbox has; unset: nothing. */
  environment?: Environment | undefined;
  /** Null: a candidate is judged and not measured. */
  bench: Bench | null;
  /** The C++ module that a candidate is; unset: it is none. */
  module?: ModuleExam;
  /** What a candidate must pass on before it sees the full input; unset: there is none. */
  sample?: Sample;
}

/** The user's own program as `packProgram` is asked for it. */
export interface Original {
  /** Whether others are compared with it, or it is tried itself. */
  operator: Extract<Operator, 'baseline' | 'human'>;
  title: string;
  entry: Entry;
  /** Files and folders that are the program. */
  paths: string[];
  /** Files and folders that a candidate may see. */
  inputs: string[];
  /** Files that none may see, wherever they stand. */
  hidden: string[];
}

/** Parses how a job names a function: `cases.py:make_case`, or the file alone. */
export function functionAt(named: string, otherwise: string): FunctionAt {
  const [module = '', name = otherwise] = named.split(':');
  return { module, name };
}

/** Returns the name of the user's function that judges answers; null where they are compared. */
export function checkNamed(job: Pick<OptimizeJob, 'accepts'>): string | null {
  const check = checkOf(job);
  return check === null ? null : functionWords(check);
}

const checkOf = ({ accepts }: Pick<OptimizeJob, 'accepts'>): FunctionAt | null =>
  accepts === undefined ? null : functionAt(accepts, 'accepts');

/** Returns the function that answers are compared with in place of the job's own; null where it has none. */
export const oracleOf = ({
  oracle,
  function: name,
}: Pick<OptimizeJob, 'oracle' | 'function'>): FunctionAt | null =>
  oracle === undefined ? null : functionAt(oracle, name ?? '');

export const optimizeOriginal = (job: OptimizeJob): Original => {
  const { program, args, inputs } = job;
  const apart = [checkOf(job)?.module, oracleOf(job)?.module];
  const hidden = apart.filter((path) => path !== undefined).filter((path) => path !== program);
  const common = { operator: 'baseline', title: 'as it is', inputs, hidden } as const;
  return job.function === undefined
    ? { ...common, entry: { kind: 'script', path: program, args }, paths: [program] }
    : {
        ...common,
        entry: { kind: 'function', module: program, name: job.function },
        paths: [program, ...inputs],
      };
};

/** Returns the exam of a program that is to stay right. `files` are all of the job; `seen` are those a candidate may see. */
export function optimizeExam(job: OptimizeJob, files: Artifact, seen: Artifact): Exam {
  const { program, limits, cores, tolerance, answers, outputs, ignoreLines } = job;
  const common = { program, files: seen, limits, cores, bench: null };
  if (job.function === undefined)
    return {
      ...common,
      judging: { kind: 'sameFiles', outputs, ignoreLines, tolerance, answers, reference: null },
    };
  const oracle = { module: program, name: job.function };
  const generator = functionAt(job.cases ?? '', 'make_case');
  const [accepts, exact] = [checkOf(job), oracleOf(job)];
  const judging: AnswersJudging = {
    ...{ kind: 'answers', files, oracle, generator, accepts, tolerance, answers },
    ...(exact === null ? {} : { exact }),
  };
  return { ...common, judging };
}

export const scriptOriginal = (script: string, job: SolveJob): Original => ({
  operator: job.objective === undefined ? 'human' : 'baseline',
  title: script,
  entry: { kind: 'script', path: script, args: job.args },
  paths: [script],
  inputs: job.inputs,
  hidden: hiddenOf(job),
});

/** Returns the user's own check of what a program wrote; null where the job has none. */
export const outputCheckOf = ({ check }: Pick<SolveJob, 'check'>): FunctionAt | null =>
  check === undefined ? null : functionAt(check, isTestFile(check) ? allTests : 'check');

/** What stands for all that is in a file of tests, where a function would be named. */
const allTests = 'tests';

/** Tells whether a check is a file of tests, by its name. */
export const isTestFile = (path: string): boolean => /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/.test(path);

/** Tells whether a check is a file of tests for pytest, and not a function. */
export const isTests = ({ module, name }: FunctionAt): boolean => name === allTests && isTestFile(module);

/**
 * Returns the modules that tests of a job call, by the first parts of their names. A program is to write them,
 * and the job builds them.
 */
export function modulesTested({
  check,
  outputs,
  module,
}: Pick<SolveJob, 'check' | 'outputs' | 'module'>): string[] {
  if (check === undefined || !isTestFile(check)) return [];
  const written = outputs.filter(isFileCheck).map(({ path }) => path);
  const names = written.filter((path) => path.endsWith('.py')).map((path) => path.replace(/[/.].*/, ''));
  return module === undefined ? names : [module.name, ...names];
}

/** Returns the user's function that scores what a program wrote; null where the job has none. */
export const evaluatorOf = ({ objective }: Pick<SolveJob, 'objective'>): FunctionAt | null =>
  objective === undefined ? null : functionAt(objective.check, 'evaluate');

/**
 * Returns the files and folders of a job that no program sees, wherever they stand. They are its check, what
 * scores, what those read, and what outputs are to equal.
 */
export const hiddenOf = (
  job: Pick<SolveJob, 'check' | 'hidden' | 'objective' | 'module' | 'outputs'>,
): string[] => [
  ...referencesOf(job.outputs),
  ...[job.module?.reference, job.module?.accepts?.split(':')[0]].filter((path) => path !== undefined),
  ...[outputCheckOf(job)?.module, evaluatorOf(job)?.module].filter((path) => path !== undefined),
  ...(job.hidden ?? []),
];

/** Returns the exam of a script whose outputs are checked, or scored. `program` is its path, `seen` are the files it may see, `files` all of the job. */
export function solveExam(
  job: SolveJob,
  { program, seen, files }: { program: string; seen: Artifact; files: Artifact },
): Exam<ChecksJudging | ScoreJudging> {
  const { limits, cores, outputs, objective } = job;
  const [check, evaluator] = [outputCheckOf(job), evaluatorOf(job)];
  const onFolders = (named: FunctionAt): OnFolders => ({
    ...{ function: named, files, beside: [...job.inputs, ...hiddenOf(job)] },
  });
  const checked = {
    outputs,
    ...(check === null ? {} : { check: onFolders(check) }),
    ...(outputs.some(isEquals) ? { references: files } : {}),
  };
  const judging: ChecksJudging | ScoreJudging =
    objective === undefined || evaluator === null
      ? { kind: 'checks', ...checked }
      : {
          ...{ kind: 'score', ...checked, evaluator: onFolders(evaluator) },
          ...{ metric: objective.metric, direction: objective.direction },
          ...{ repeats: objective.repeats, constraints: objective.constraints ?? {} },
        };
  return { judging, program, files: seen, limits, cores, bench: null };
}

/**
 * Returns the exam of a C++ module, whose cases are secret. Its reference answers them, or an example, or a
 * check of the user's judges.
 */
export function moduleExam(
  job: Pick<
    SolveJob,
    'limits' | 'cores' | 'check' | 'hidden' | 'inputs' | 'objective' | 'module' | 'outputs'
  >,
  module: Extension,
  {
    seen,
    files,
    tests,
    kept,
    baseline,
  }: Record<'seen' | 'files' | 'tests' | 'kept', Artifact> & { baseline: Artifact | null },
): Exam<AnswersJudging> {
  const { limits, cores } = job;
  const own = outputCheckOf(job);
  const beside = [...job.inputs, ...hiddenOf(job)];
  const at = (name: string): FunctionAt => ({ module: extensionHarness, name });
  const judging: AnswersJudging = {
    ...{ kind: 'answers', files: tests, oracle: at('expected'), generator: at('make_case') },
    accepts: module.accepts === undefined ? null : at('accepted'),
    tolerance: { relative: toleranceOf(module) },
    answers: 'exact',
  };
  const measured = isMeasured(module) ? baseline : null;
  return {
    ...{ judging, program: `the module ${module.name}`, files: seen, limits, cores, bench: null },
    module: {
      ...{ cases: extensionCases(module), kept, baseline: measured },
      ...(own === null ? {} : { own: { name: module.name, tests: { function: own, files, beside } } }),
    },
  };
}

/** Returns how many inputs without expected answers a measurement on `bench` takes; 0 where nothing is measured. */
export const timedCases = (bench: Pick<Bench, 'batch'> | null, pairs: number = defaults.pairs): number =>
  bench === null ? 0 : defaults.warmUps + pairs * bench.batch;
