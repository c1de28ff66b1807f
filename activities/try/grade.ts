import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { OptimizeJob, Validator } from '../../domain/job.schema.ts';
import type { StageJob } from '../../domain/job-input.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { placeBelow } from '../../domain/tree.ts';
import type { Answer, Sample, SampleResult } from '../../sandbox/sandbox.ts';
import { readJson, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import type { Cases } from './cases.ts';
import { Conducted } from './measure.ts';
import { outcomeOfEnding, saidBy } from './outcome-of-ending.ts';
import { isOf, pathOf, type WantedOutput, writtenText } from './outputs.ts';
import { guest } from './player.ts';
import { Returned } from './run.ts';

/** The grader's finding; `verdict` is the whole of it, with what was compared and the largest error. */
export type Graded = { kind: 'right'; verdict: Artifact } | { kind: 'refused'; outcome: Outcome };

/** The grader's exit status for a plan, or an expected side, that it cannot judge by. */
const unusablePlan = 2;

export type GradeActivities = ReturnType<typeof createGradeActivities>;

export const createGradeActivities = ({ store, sandbox }: ActivityContext) => {
  /**
   * Runs the grader in a sandbox of its own, which holds the plan, the expected and the returned bytes, and nothing of the
   * candidate's code.
   */
  async function judge(
    place: Place,
    program: 'grade' | 'validate',
    plan: unknown,
    files: Tree,
    job: StageJob,
    signal: AbortSignal,
  ): Promise<Graded> {
    const ran = await sandbox.run(
      {
        key: stepKey(place),
        label: place.step,
        argv: guest(program, '--plan', '/in/plan.json', '--out', 'verdict.json'),
        files: { ...files, 'plan.json': await writeJson(store.blobs, plan) },
        limits: job.limits,
        outputs: ['verdict.json'],
      },
      signal,
    );
    const verdict = ran.outputs['verdict.json'];
    if (verdict === undefined) {
      const ended = outcomeOfEnding(ran.ending, saidBy(ran));
      // Bytes that take more to read than a program may use are no answer. Any other end is the grader's own trouble.
      if (ended?.kind === 'outOfMemory' || ended?.kind === 'timedOut' || ended?.kind === 'resourceLimit')
        return refused({ kind: 'invalidOutput', reason: `it cannot be read and compared: ${ended.reason}` });
      if (ran.ending.kind === 'exited' && ran.ending.code === unusablePlan)
        throw new JobRejected(`nothing can be judged by what this job asks for: ${ran.stderr.tail.trim()}`);
      throw new Error(`the grader ended as ${ran.ending.kind} without a verdict: ${ran.stderr.tail}`);
    }
    const found = await readJson(store.blobs, verdict, Verdict);
    if (found.kind === 'right') return { kind: 'right', verdict };
    const reason = program === 'validate' ? allFailed(found) : (found.firstMismatch ?? noReason);
    return refused(
      found.kind === 'wrong' ? { kind: 'wrong', reason, verdict } : { kind: 'invalidOutput', reason },
    );
  }

  /** Compares answers case by case. */
  async function judgeAnswers(
    place: Place,
    job: OptimizeJob,
    argumentNames: readonly string[],
    pairs: readonly { input: Artifact; expected: Answer; actual: Answer }[],
    signal: AbortSignal,
  ): Promise<Graded> {
    const { files, pathOf } = laidOut('frames');
    const plan = {
      ...agreement(job),
      arguments: argumentNames,
      cases: pairs.map(({ input, expected, actual }) => ({
        case: pathOf(input),
        expected: pathOf(expected.output),
        actual: pathOf(actual.output),
        expectedInput: pathOf(expected.mutatedInput),
        actualInput: pathOf(actual.mutatedInput),
      })),
    };
    return judge(place, 'grade', plan, files, job, signal);
  }

  /** Compares the files and the standard output that runs of a script gave with those of the baseline. */
  async function judgeRuns(
    place: Place,
    job: OptimizeJob,
    runs: readonly ComparedRun[],
    signal: AbortSignal,
  ): Promise<Graded> {
    const { files, pathOf: placeOf } = laidOut('written');
    const nothing = await store.blobs.put('');
    for (const { expected } of runs) requireOutputs(job, expected);
    const plan = {
      ...agreement(job),
      files: runs.flatMap(({ named, expected, actual }) =>
        [...new Set([...Object.keys(expected.files), ...Object.keys(actual.files)])].sort().map((path) => ({
          path,
          name: named(path),
          expected: placeOf(expected.files[path]),
          actual: placeOf(actual.files[path]),
          ...(actual.written === undefined
            ? {}
            : { missing: `the file is missing; ${writtenText('the program', actual.written)}` }),
          check: job.outputs.find((output) => typeof output !== 'string' && isOf(path, output)),
        })),
      ),
      stdout: runs.map(({ named, expected, actual }) => ({
        name: named('standard output'),
        expected: placeOf(expected.stdout ?? nothing),
        actual: placeOf(actual.stdout ?? nothing),
        ignore: job.ignoreLines,
      })),
    };
    const graded = await judge(place, 'grade', plan, files, job, signal);
    if (graded.kind === 'right' && (await readJson(store.blobs, graded.verdict, Verdict)).checked === 0)
      throw new JobRejected(
        `${job.program} leaves nothing to compare a candidate with: its files are empty, and \`ignoreLines\` covers all it prints`,
      );
    return graded;
  }

  return {
    /** Judges what a run gave back: answers against the oracle's, a stage's outputs by its validators. */
    async gradeRun({
      job,
      cases,
      ran,
      reference,
      ...place
    }: Place & {
      job: StageJob;
      cases: Cases | null;
      ran: Artifact;
      reference: Artifact | null;
    }): Promise<Graded> {
      return takeStep<Graded>(store, place, 'grade', async ({ signal }) => {
        const returned = await readJson(store.blobs, ran, Returned);
        if (returned.kind === 'answers') {
          if (cases === null || job.kind !== 'optimize')
            throw new Error('expected the cases that were answered, got none');
          const {
            arguments: names,
            cases: inputs,
            expected,
          } = await readJson(store.blobs, cases.caseSet, CaseSet);
          const pairs = expected.map((each, index) => ({
            input: caseAt(inputs, index),
            expected: { output: each.answer, mutatedInput: each.input },
            actual: returned.answers[index] ?? noAnswer,
          }));
          return judgeAnswers(place, job, names, pairs, signal);
        }
        if (job.kind === 'solve') {
          if (job.outputs.length === 0)
            return { kind: 'right', verdict: await writeJson(store.blobs, nothingToCheck) };
          const outputs = job.outputs.flatMap((output) => checksOf(output, job.script, returned));
          // Said once, of the first file that is missing.
          const missing = outputs.find(({ missing }) => missing !== undefined && !missing.includes(asPlaced));
          if (missing !== undefined) missing.missing += `; ${writtenText(job.script, returned.written)}`;
          return judge(place, 'validate', { outputs }, placeBelow('files', returned.files), job, signal);
        }
        if (reference === null)
          throw new Error('expected what the baseline returned, got nothing to compare with');
        const expected = await readJson(store.blobs, reference, Returned);
        if (expected.kind !== 'files') throw new Error('expected the files of the baseline, got answers');
        return judgeRuns(place, job, [{ named: (what) => what, expected, actual: returned }], signal);
      });
    },

    /** Judges all that was timed: answers against the baseline's to the same input, runs of a script against the baseline's. */
    async gradeTimed({
      job,
      cases,
      conducted,
      ...place
    }: Place & { job: OptimizeJob; cases: Cases | null; conducted: Artifact }): Promise<Graded> {
      return takeStep<Graded>(store, place, 'grade', async ({ signal }) => {
        const { plan, samples } = await readJson(store.blobs, conducted, Conducted);
        const of = (player: string) =>
          samples.flatMap((sample, index) =>
            sample.player === player && sample.timed ? [{ ...sample, cases: plan[index]?.cases ?? [] }] : [],
          );
        if (cases === null)
          return judgeRuns(place, job, distinctRuns(of('baseline'), of('candidate')), signal);
        const caseSet = await readJson(store.blobs, cases.caseSet, CaseSet);
        const { arguments: names, cases: inputs } = caseSet;
        const candidate = of('candidate');
        const pairs = of('baseline').flatMap((sample, pair) =>
          sample.answers.map((expected, index) => ({
            input: caseAt(inputs, sample.cases[index]),
            expected,
            actual: candidate[pair]?.answers[index] ?? noAnswer,
          })),
        );
        return judgeAnswers(place, job, names, [...pairs, ...askedTwice(caseSet, plan, samples)], signal);
      });
    },
  };
};

/** What baseline and candidate gave where they were asked twice. */
function askedTwice({ cases, twice }: CaseSet, plan: readonly Sample[], samples: readonly SampleResult[]) {
  if (twice === null) return [];
  const of = (player: string): Answer[] =>
    samples.flatMap((sample, index) =>
      sample.player === player && plan[index]?.cases[0] === cases.length ? sample.answers : [],
    );
  const actual = of('candidate');
  return of('baseline').map((expected, index) => ({
    input: twice,
    expected,
    actual: actual[index] ?? noAnswer,
  }));
}

/** When two answers agree. */
const agreement = ({ tolerance, answers }: OptimizeJob) => ({ tolerance, answers });

/** Files for the grader's sandbox, below `folder` by their hashes: each is listed when its path is first asked for. */
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

const refused = (outcome: Outcome): Graded => ({ kind: 'refused', outcome });

type WrittenFiles = Extract<Returned, { kind: 'files' }>;
type Written = Pick<WrittenFiles, 'files' | 'stdout'> & Partial<Pick<WrittenFiles, 'written'>>;

const asPlaced = 'as it was placed';

/** What `validate.py` is asked of one file. */
type PlannedCheck = Validator & { file: string | null; missing?: string };

/** The checks of each file that an output names; where there is none, of one that is missing. */
function checksOf(output: Validator, script: string, { files, untouched }: WrittenFiles): PlannedCheck[] {
  const found = Object.keys(files).filter((path) => isOf(path, output));
  if (found.length > 0) return found.sort().map((path) => ({ ...output, path, file: `/in/files/${path}` }));
  const placed = untouched.filter((path) => isOf(path, output));
  const missing =
    placed.length > 0
      ? `${placed.join(', ')} is the input ${asPlaced}; ${script} did not write it`
      : /[*?]/.test(output.path)
        ? 'no file matches'
        : 'the file is missing';
  return [{ ...output, file: null, missing }];
}

/** A `solve` job that names no outputs ends well where its script does. */
const nothingToCheck = { kind: 'right', checked: 0, largestError: null, firstMismatch: null, cases: [] };

const noReason = 'the grader gave no reason';
const mostFailed = 10;

/** The first check that failed, how many others did, and those below. */
function allFailed({ cases, firstMismatch }: z.infer<typeof Verdict>): string {
  const [, ...others] = cases.filter(({ kind, mismatch }) => kind !== 'right' && mismatch !== null);
  if (others.length === 0) return firstMismatch ?? noReason;
  const more = others.length === 1 ? '1 more check failed' : `${others.length} more checks failed`;
  const told = others.slice(0, mostFailed).map(({ name, mismatch }) => `also ${name}, ${mismatch}`);
  return [`${firstMismatch} (${more})`, ...told].join('\n');
}

/** One run of a script beside one of the baseline; `named` is what a verdict calls a file, or the output, of it. */
interface ComparedRun {
  named: (what: string) => string;
  expected: Written;
  actual: Written;
}

/** Each run of the candidate beside the baseline's of the same pair; runs that gave the same bytes as an earlier one are left out. */
function distinctRuns(baseline: readonly SampleResult[], candidate: readonly SampleResult[]): ComparedRun[] {
  const runs = new Map<string, ComparedRun>();
  const writtenIn = ({ outputs, stdout }: SampleResult): Written => ({ files: outputs, stdout });
  for (const [index, sample] of candidate.entries()) {
    const beside = baseline[index];
    if (beside === undefined)
      throw new Error(`run ${index + 1} of the candidate has none of the baseline beside it`);
    const [expected, actual] = [writtenIn(beside), writtenIn(sample)];
    const key = JSON.stringify([expected, actual]);
    if (!runs.has(key)) runs.set(key, { named: (what) => `run ${index + 1}, ${what}`, expected, actual });
  }
  return [...runs.values()];
}

/** Throws `JobRejected` where the baseline leaves nothing that a candidate could be compared with. */
function requireOutputs({ program, outputs }: OptimizeJob, { files, stdout, written }: Written): void {
  const paths = Object.keys(files);
  const unmet = outputs.filter((output: WantedOutput) => !paths.some((path) => isOf(path, output)));
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

const noAnswer: Answer = { output: null, mutatedInput: null };

function caseAt(inputs: readonly Artifact[], index: number | undefined): Artifact {
  const input = inputs[index ?? -1];
  if (input === undefined) throw new Error(`expected case ${index} of ${inputs.length}, found none`);
  return input;
}

/** What the grader writes; the rest of its verdict is for the report. */
const Verdict = z.object({
  /** Values that were compared. */
  checked: z.number(),
  kind: z.enum(['right', 'wrong', 'invalid']),
  firstMismatch: z.string().nullable(),
  cases: z
    .array(z.object({ name: z.string(), kind: z.string(), mismatch: z.string().nullable() }))
    .default([]),
});
