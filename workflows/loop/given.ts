import type { Candidate } from '../../domain/candidate.schema.ts';
import type { Extension } from '../../domain/extension.schema.ts';
import { environmentFor, toolOf } from '../../domain/extension.ts';
import {
  type AnswersJudging,
  type ChecksJudging,
  type Exam,
  functionWords,
  hiddenOf,
  moduleExam,
  outputCheckOf,
  type ScoreJudging,
  scriptOriginal,
  solveExam,
} from '../../domain/judging.ts';
import type { SolveJob } from '../../domain/kinds/solve.schema.ts';
import type { Sample } from '../../domain/sample.ts';
import { withEnvironment } from '../job/environment.ts';
import type { RunningJob } from '../job/frame.ts';
import {
  packExtension,
  packInputs,
  packProgram,
  packSample,
  proposeByRecipe,
  sandboxActivities,
} from '../job/proxies.ts';

/** What a job begins with. */
interface Given {
  /** The program that the job brings; null where it has a task alone. */
  program: Candidate | null;
  /** What every program is checked for. */
  exam: Exam<ChecksJudging | ScoreJudging>;
}

/** Returns the user's own C++, null where models write it, and what every module is tested for. */
export async function givenModule(
  running: RunningJob<SolveJob>,
  module: Extension,
): Promise<{ program: Candidate | null; exam: Exam<AnswersJudging> }> {
  const { job, input, placeOf } = running;
  const { files } = input;
  const { seen } = await packInputs({
    ...placeOf('c-0/pack'),
    files,
    inputs: job.inputs,
    hidden: hiddenOf(job),
  });
  const tests = outputCheckOf(job)?.module;
  const asked = { ...placeOf('c-0/module'), files, module, task: job.task, ...(tests && { own: tests }) };
  const { candidate, ...given } = await packExtension(asked);
  const environment = environmentFor(job.environment, toolOf(module, job.task));
  const exam = moduleExam(job, module, { ...given, files, seen });
  return {
    program: candidate,
    exam: await withEnvironment({ ...running, job: { ...job, environment } }, exam),
  };
}

/** Returns what the job begins with, once its own check was looked at. */
export async function given(running: RunningJob<SolveJob>): Promise<Given> {
  const { program, exam: asked } = await broughtBy(running);
  const sample = await sampleOf(running, asked);
  const exam = { ...(await withEnvironment(running, asked)), ...(sample === null ? {} : { sample }) };
  await tryOwnCheck(running, exam);
  return { program, exam };
}

async function broughtBy({ job, input: { files }, placeOf }: RunningJob<SolveJob>): Promise<Given> {
  const { script, recipe, with: values = {}, inputs } = job;
  if (script !== undefined) {
    const original = scriptOriginal(script, job);
    const { candidate, seen } = await packProgram({ ...placeOf('c-0/pack'), files, original });
    return { program: candidate, exam: solveExam(job, { program: script, seen, files }) };
  }
  const { seen } = await packInputs({ ...placeOf('c-0/pack'), files, inputs, hidden: hiddenOf(job) });
  if (recipe === undefined)
    return { program: null, exam: solveExam(job, { program: 'the program', seen, files }) };
  const asked = { ...placeOf('c-0/recipe'), id: 'c-0', recipe, with: values, seen };
  const { candidate, ...made } = await proposeByRecipe(asked);
  return { program: candidate, exam: solveExam(job, { seen, ...made, files }) };
}

/** Returns what every program is tried on first; null where none is asked for, or the inputs are as small. */
async function sampleOf(
  { job, input: { files }, placeOf }: RunningJob<SolveJob>,
  { files: seen }: Exam,
): Promise<Sample | null> {
  const { sample, inputs } = job;
  if (sample === undefined) return null;
  return packSample({ ...placeOf('sample'), files, seen, inputs, sample, hidden: hiddenOf(job) });
}

/**
 * Tries the user's own check, what scores, and what outputs are to equal, before any program. One that is mistaken ends the job. One that accepts
 * nothing at all is told of.
 */
async function tryOwnCheck(
  { placeOf, tell }: RunningJob<SolveJob>,
  exam: Exam<ChecksJudging | ScoreJudging>,
): Promise<void> {
  const { judging } = exam;
  const check = judging.kind === 'score' ? judging.evaluator : judging.check;
  if (check === undefined && judging.references === undefined) return;
  if (check !== undefined) tell(`trying ${functionWords(check.function)} on an empty folder`);
  await sandboxActivities(exam.limits).tryCheck({ ...placeOf('check'), exam });
}
