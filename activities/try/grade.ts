import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { CaseSet } from '../../domain/case-set.schema.ts';
import { JobRejected } from '../../domain/errors.ts';
import {
  type AnswersJudging,
  type ChecksJudging,
  type Exam,
  functionWords,
  type OnFolders,
  type SameFilesJudging,
  type ScoreJudging,
} from '../../domain/judging.ts';
import { limitsOf } from '../../domain/limits.schema.ts';
import type { Checks, Outcome } from '../../domain/outcome.schema.ts';
import { referencesOf } from '../../domain/output-checks.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { pick } from '../../domain/tree.ts';
import type { RunResult } from '../../sandbox/sandbox.ts';
import { readJson, readProgram, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { diagnosedVerdict } from '../diagnose/diagnosed.ts';
import type { PreparedCases } from './cases.ts';
import { guest, threads } from './command.ts';
import {
  type AnsweredCase,
  answersOfRun,
  answersTask,
  type Called,
  type ComparedRun,
  callFiles,
  checksTask,
  emptyTask,
  type GraderTask,
  judgeOf,
  moduleTask,
  type OwnFiles,
  referencesTask,
  sameFilesTask,
  timedAnswers,
  timedRuns,
} from './judgings.ts';
import { createHiding } from './kept.ts';
import { Conducted } from './measure.ts';
import { outcomeOfEnding, saidBy } from './outcome-of-ending.ts';
import { Returned } from './run.ts';
import { secretSeed } from './seed.ts';

/** The grader's finding; `verdict` is the whole of it, with what was compared and the largest error. */
export type Graded =
  /** `scored` is what a function of the user's gave, and the seed that it was told. */
  | { kind: 'right'; verdict: Artifact; scored?: { score: number; seed: number } }
  | { kind: 'refused'; outcome: Outcome };

/** What came of asking the grader: a verdict, or how it ended without one. */
type Asked =
  | { kind: 'verdict'; verdict: Artifact }
  | { kind: 'none'; ended: Outcome | null; why: string; said: string };

/** Turns that tests and what they call may take: one more than answers rest on each other. */
const mostTurns = 40;

/** The grader's exit status for a plan, or an expected side, that it cannot judge by. */
const unusablePlan = 2;

export type GradeActivities = ReturnType<typeof createGradeActivities>;

export const createGradeActivities = ({ store, sandbox }: ActivityContext) => {
  const hiding = createHiding({ store, sandbox });

  /**
   * Runs the grader in a sandbox of its own. That holds the plan, the expected and the returned bytes, and
   * nothing of the candidate's code.
   */
  async function ask(place: Place, task: GraderTask, exam: Exam, signal: AbortSignal): Promise<Asked> {
    return task.called === undefined
      ? askedIn(await runGrader(place, task, exam, signal))
      : askInTurns(place, task, task.called, exam, signal);
  }

  async function runGrader(
    place: Place,
    { program, plan, files, check }: GraderTask,
    { limits, environment }: Exam,
    signal: AbortSignal,
  ): Promise<RunResult> {
    return sandbox.run(
      {
        key: stepKey(place),
        label: place.step,
        argv: guest(program, '--plan', '/in/plan.json', '--out', 'verdict.json'),
        files: { ...files, 'plan.json': await writeJson(store.blobs, plan) },
        limits,
        // A user's own check may import what the job names; the grader itself needs nothing of that.
        environment: check === null ? undefined : environment,
        outputs: ['verdict.json', 'calls'],
      },
      signal,
    );
  }

  /**
   * Has tests and the modules that they call run in turns, each in sandboxes of its own. What was called is
   * noted down, answered by the modules from the first call on, and read in the next turn. The tests have a
   * verdict once each call was answered, in that very order.
   */
  async function askInTurns(
    place: Place,
    task: GraderTask,
    { modules, files }: Called,
    exam: Exam,
    signal: AbortSignal,
  ): Promise<Asked> {
    let asked: Artifact | undefined;
    for (let turn = 1; turn <= mostTurns; turn += 1) {
      const below = asked === undefined ? {} : { asked };
      const answering = { ...place, step: `${place.step}/answer-${turn}` };
      const answers = await sandbox.run(
        {
          key: stepKey(answering),
          label: answering.step,
          argv: guest(
            'answer_calls',
            '--modules',
            modules.join(','),
            '--calls',
            callFiles.asked,
            '--out',
            '.answers',
          ),
          env: threads(exam.cores),
          files: below,
          workspace: files,
          limits: limitsOf(exam),
          environment: exam.environment,
          outputs: ['.answers'],
        },
        signal,
      );
      const answered = answers.outputs['.answers'] ?? (await store.blobs.put(''));
      const at = { ...place, step: `${place.step}/turn-${turn}` };
      const ran = await runGrader(
        at,
        { ...task, files: { ...task.files, ...below, answered } },
        exam,
        signal,
      );
      if (ran.outputs.calls === undefined) return askedIn(ran);
      asked = ran.outputs.calls;
    }
    const why = `its calls rest on each other's answers more than ${mostTurns} deep, or differ each time: make each case a test of its own`;
    return { kind: 'none', ended: null, why, said: why };
  }

  function askedIn(ran: RunResult): Asked {
    const verdict = ran.outputs['verdict.json'];
    if (verdict !== undefined) return { kind: 'verdict', verdict };
    if (ran.ending.kind === 'exited' && ran.ending.code === unusablePlan)
      throw new JobRejected(
        `nothing can be judged by what this job asks for: ${whyUnusable(ran.stderr.tail)}`,
      );
    const ended = outcomeOfEnding(ran.ending, saidBy(ran));
    const why = ended !== null && 'reason' in ended ? ended.reason : 'it ended before it had judged';
    return { kind: 'none', ended, why, said: `${ran.ending.kind} without a verdict: ${ran.stderr.tail}` };
  }

  async function judge(place: Place, task: GraderTask, exam: Exam, signal: AbortSignal): Promise<Graded> {
    const { program, check, written } = task;
    const asked = await ask(place, task, exam, signal);
    if (asked.kind === 'none') {
      const { ended, why } = asked;
      // A check of the user's got through with the original's answers, so it is this answer that it fails on.
      if (check !== null)
        return refused({ kind: 'invalidOutput', reason: `${check} does not get through with it: ${why}` });
      // Bytes that take more to read than a program may use are no answer. Any other end is the grader's own trouble.
      if (ended?.kind === 'outOfMemory' || ended?.kind === 'timedOut' || ended?.kind === 'resourceLimit')
        return refused({ kind: 'invalidOutput', reason: `it cannot be read and compared: ${why}` });
      throw new Error(`the grader ended as ${asked.said}`);
    }
    const { verdict } = asked;
    const found = await readJson(store.blobs, verdict, Verdict);
    if (found.kind === 'right') return { kind: 'right', verdict };
    const { reason, ...passed } =
      program === 'validate'
        ? { reason: allFailed(found), passed: passedIn(found) }
        : { reason: found.firstMismatch ?? noReason };
    return refused(
      found.kind === 'wrong'
        ? { kind: 'wrong', reason, verdict, ...passed }
        : { kind: 'invalidOutput', reason, ...passed },
      written,
    );
  }

  /** Compares runs of a script with those of the original, of which there must be something. */
  async function judgeRuns(
    place: Place,
    exam: Exam,
    judging: SameFilesJudging,
    runs: readonly ComparedRun[],
    signal: AbortSignal,
  ): Promise<Graded> {
    const task = sameFilesTask(exam.program, judging, runs, await store.blobs.put(''));
    const graded = await judge(place, task, exam, signal);
    if (graded.kind === 'right' && (await readJson(store.blobs, graded.verdict, Verdict)).checked === 0)
      throw new JobRejected(
        `${exam.program} leaves nothing to compare a candidate with: its files are empty, and \`ignoreLines\` covers all it prints`,
      );
    return graded;
  }

  async function judgeAnswers(
    place: Place,
    exam: Exam,
    judging: AnswersJudging,
    { arguments: names }: CaseSet,
    answered: readonly AnsweredCase[],
    signal: AbortSignal,
  ): Promise<Graded> {
    const job = judging.accepts === null ? {} : await readTree(store.blobs, judging.files);
    return judge(place, answersTask(judging, job, names, answered), exam, signal);
  }

  async function caseSetOf(cases: PreparedCases | null): Promise<CaseSet> {
    if (cases === null) throw new Error('expected the cases that were answered, got none');
    return readJson(store.blobs, cases.caseSet, CaseSet);
  }

  /** Returns what a run gave back. Throws where it is not of the `kind` that its judging asks for. */
  async function returnedAs<K extends Returned['kind']>(
    kind: K,
    artifact: Artifact | null,
  ): Promise<Extract<Returned, { kind: K }>> {
    if (artifact === null)
      throw new Error('expected what the original gave back, got nothing to compare with');
    const returned = await readJson(store.blobs, artifact, Returned);
    if (!isReturned(returned, kind)) throw new Error(`expected ${kind} of a run, got ${returned.kind}`);
    return returned;
  }

  /** Returns why a candidate only hides the failure that it is meant to mend; null where it does not. */
  async function hides(
    place: Place,
    { keeps }: ChecksJudging,
    program: Artifact,
    returned: Artifact,
    signal: AbortSignal,
  ): Promise<string | null> {
    if (keeps?.gave == null) return null;
    const gave = await returnedAs('files', keeps.gave);
    const tried = { program, returned: await returnedAs('files', returned) };
    return hiding(place, { ...keeps, gave }, tried, signal);
  }

  /** Returns the finding on outputs with their score. */
  async function scored(graded: Graded, seed: number): Promise<Graded> {
    if (graded.kind === 'refused') return graded;
    const score = scoreIn((await readJson(store.blobs, graded.verdict, Verdict)).cases);
    if (score === null) throw new Error('expected a score in the verdict, found none');
    return { ...graded, scored: { score, seed } };
  }

  /** Returns the user's files that outputs are to equal. */
  async function referencesIn({ references, outputs }: ChecksJudging | ScoreJudging): Promise<Tree> {
    return references === undefined
      ? {}
      : pick(await readTree(store.blobs, references), referencesOf(outputs));
  }

  /** Returns the user's files that outputs are judged by. */
  async function ownFiles({ files, judging }: Exam<ChecksJudging | ScoreJudging>): Promise<OwnFiles> {
    const own = judgeOf(judging);
    const references = await referencesIn(judging);
    if (own === undefined) return { references, inputs: {}, job: {} };
    return {
      references,
      inputs: await readTree(store.blobs, files),
      job: pick(await readTree(store.blobs, own.files), own.beside),
    };
  }

  return {
    /**
     * Has the user's own check look at an empty folder, before anything is tried. Each file that an output is
     * to equal is read, too. Throws `JobRejected` where it is mistaken, or does not end; says in the job's log
     * where it accepts that.
     */
    async tryCheck({
      exam,
      ...place
    }: Place & { exam: Exam<ChecksJudging | ScoreJudging> }): Promise<{ acceptsNothing: boolean }> {
      return takeStep(store, place, 'check', async ({ signal }) => {
        const { judging } = exam;
        const references = await referencesIn(judging);
        if (Object.keys(references).length > 0) {
          const at = { ...place, step: `${place.step}/references` };
          const compared = await judge(at, referencesTask(judging, references), exam, signal);
          if (compared.kind === 'refused')
            throw new JobRejected(`nothing can equal it: ${reasonOf(compared.outcome)}`);
        }
        const own = judgeOf(judging);
        if (own === undefined) return { acceptsNothing: false };
        const named = functionWords(own.function);
        const task = emptyTask(judging, { ...(await ownFiles(exam)), seed: secretSeed(store, place) });
        const asked = await ask(place, task, exam, signal);
        if (asked.kind === 'none')
          throw new JobRejected(`${named} does not get through with an empty folder: ${asked.why}`);
        const { kind, cases } = await readJson(store.blobs, asked.verdict, Verdict);
        if (kind !== 'right') return { acceptsNothing: false };
        const score = scoreIn(cases);
        const said =
          score === null
            ? `warning: ${named} accepts an empty folder: with it alone, a program that writes nothing passes`
            : `warning: ${named} gives an empty folder the score ${score}: a program that writes nothing is scored, too`;
        await store.ledger.say(place.jobId, stepKey(place), said, Date.now());
        return { acceptsNothing: true };
      });
    },

    /** Judges what a run gave back. */
    async gradeRun({
      exam,
      cases,
      returned,
      candidate,
      ...place
    }: Place & {
      exam: Exam;
      cases: PreparedCases | null;
      returned: Artifact;
      /** The program that gave it, where what it does is looked at, too. */
      candidate?: Artifact;
    }): Promise<Graded> {
      return takeStep<Graded>(store, place, 'grade', async ({ signal }) => {
        const { judging, program } = exam;
        switch (judging.kind) {
          case 'answers': {
            const caseSet = await caseSetOf(cases);
            const answered = answersOfRun(caseSet, await returnedAs('answers', returned));
            return judgeAnswers(place, exam, judging, caseSet, answered, signal);
          }
          case 'sameFiles': {
            const expected = await returnedAs('files', judging.reference);
            const actual = await returnedAs('files', returned);
            return judgeRuns(place, exam, judging, [{ named: (what) => what, expected, actual }], signal);
          }
          case 'score': {
            const seed = secretSeed(store, place);
            const own = { ...(await ownFiles({ ...exam, judging })), seed };
            const task = checksTask(program, judging, own, await returnedAs('files', returned));
            return scored(await judge(place, task, exam, signal), seed);
          }
          case 'checks': {
            const hidden =
              candidate === undefined ? null : await hides(place, judging, candidate, returned, signal);
            if (hidden !== null) return refused({ kind: 'rejected', reason: hidden });
            if (judging.outputs.length === 0 && judging.check === undefined)
              return { kind: 'right', verdict: await writeJson(store.blobs, nothingToCheck) };
            const own = { ...(await ownFiles({ ...exam, judging })), seed: secretSeed(store, place) };
            const task = checksTask(program, judging, own, await returnedAs('files', returned));
            return judge(place, task, exam, signal);
          }
        }
      });
    },

    /** Has tests of the user's call a module that was built, which is in another sandbox. */
    async gradeModule({
      exam,
      module: { name, tests },
      program,
      ...place
    }: Place & {
      exam: Exam;
      module: { name: string; tests: OnFolders };
      program: Artifact;
    }): Promise<Graded> {
      return takeStep<Graded>(store, place, 'grade', async ({ signal }) => {
        const { files } = await readProgram(store.blobs, program);
        const inputs = await readTree(store.blobs, exam.files);
        const job = pick(await readTree(store.blobs, tests.files), tests.beside);
        const own = { inputs, job, name, files, seed: secretSeed(store, place) };
        return judge(place, moduleTask(tests, own), exam, signal);
      });
    },

    /**
     * Judges all that was timed beside what the baseline gave. That is for the same input, or in the run of the
     * same pair.
     */
    async gradeTimed({
      exam,
      cases,
      conducted: artifact,
      ...place
    }: Place & { exam: Exam; cases: PreparedCases | null; conducted: Artifact }): Promise<Graded> {
      return takeStep<Graded>(store, place, 'grade', async ({ signal }) => {
        const { judging } = exam;
        const conducted = await readJson(store.blobs, artifact, Conducted);
        switch (judging.kind) {
          case 'answers': {
            const caseSet = await caseSetOf(cases);
            const answered = timedAnswers(caseSet, conducted);
            return judgeAnswers(place, exam, judging, caseSet, answered, signal);
          }
          case 'sameFiles':
            return judgeRuns(place, exam, judging, timedRuns(conducted), signal);
          case 'checks':
          case 'score':
            throw new Error(`expected a baseline that what was timed is compared with, got ${judging.kind}`);
        }
      });
    },
  };
};

const reasonOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason : outcome.kind);

const isReturned = <K extends Returned['kind']>(
  returned: Returned,
  kind: K,
): returned is Extract<Returned, { kind: K }> => returned.kind === kind;

const refused = (outcome: Outcome, written?: GraderTask['written']): Graded => ({
  ...{ kind: 'refused', outcome: diagnosedVerdict(outcome, written) },
});

/** Without outputs to check, a script is right where it ends well. */
const nothingToCheck = { kind: 'right', checked: 0, largestError: null, firstMismatch: null, cases: [] };

const passedIn = ({ cases }: z.infer<typeof Verdict>): Checks => ({
  count: cases.filter(({ kind }) => kind === 'right').length,
  of: cases.length,
});

/**
 * Returns why the grader cannot judge by a plan. These are its last words, behind all that a check of the
 * user's printed.
 */
const whyUnusable = (stderr: string): string =>
  (stderr.split('/in/plan.json: the plan cannot be judged: ').at(-1) ?? stderr).trim();

const scoreIn = (cases: z.infer<typeof Verdict>['cases']): number | null =>
  cases.find(({ score }) => score !== undefined)?.score ?? null;

const noReason = 'the grader gave no reason';
const mostFailed = 10;

/** Returns the first check that failed with the number of others, and those below it. */
function allFailed({ cases, firstMismatch }: z.infer<typeof Verdict>): string {
  const [, ...others] = cases.filter(({ kind, mismatch }) => kind !== 'right' && mismatch !== null);
  if (others.length === 0) return firstMismatch ?? noReason;
  const more = others.length === 1 ? '1 more check failed' : `${others.length} more checks failed`;
  const told = others.slice(0, mostFailed).map(({ name, mismatch }) => `also ${name}, ${mismatch}`);
  return [`${firstMismatch} (${more})`, ...told].join('\n');
}

/** What the grader writes; the rest of its verdict is for the report. */
const Verdict = z.object({
  /** Values that were compared. */
  checked: z.number(),
  kind: z.enum(['right', 'wrong', 'invalid']),
  firstMismatch: z.string().nullable(),
  cases: z
    .array(
      z.object({
        ...{ name: z.string(), kind: z.string(), mismatch: z.string().nullable() },
        score: z.number().optional(),
      }),
    )
    .default([]),
});
