import { ApplicationFailure } from '@temporalio/workflow';
import type { Candidate } from '../domain/candidate.schema.ts';
import type { SolveJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { type Exam, scriptOriginal, solveExam } from '../domain/judging.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { packInputs, packProgram, proposeByRecipe } from './job/proxies.ts';
import { runTrial } from './loop/trial.ts';

/** Runs the job's script, or its recipe, once and has the outputs checked; a program that fails its checks fails the job. */
export async function solve(input: JobInput<SolveJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { candidate, exam } = await programOf(running);
    running.tell(`running ${candidate.title}`);
    const { outcome, artifacts } = await runTrial(running, candidate, 'trial', 'c-0', exam);
    if (outcome.kind !== 'passed') {
      const why = outcome.kind === 'scored' ? 'not judged' : outcome.reason;
      throw ApplicationFailure.create({
        message: `${candidate.title} ended as ${outcome.kind}: ${why}`,
        type: 'ProgramFailed',
        nonRetryable: true,
      });
    }
    const isChecked = exam.judging.kind === 'checks' && exam.judging.outputs.length > 0;
    return {
      summary: isChecked
        ? `${candidate.title} ran and its outputs passed every check`
        : `${candidate.title} ran to its end; it names no outputs, so what it printed is what it gave`,
      best: null,
      refused: 0,
      product: artifacts.outputs ?? null,
    };
  });
}

/** Returns the program that the job names, and what is checked of it: a recipe brings checks of its own. */
async function programOf({
  job,
  input: { files },
  placeOf,
}: RunningJob<SolveJob>): Promise<{ candidate: Candidate; exam: Exam }> {
  const { script, recipe = '', with: values = {}, inputs, outputs } = job;
  if (script !== undefined) {
    const original = scriptOriginal(script, job);
    const { candidate, seen } = await packProgram({ ...placeOf('c-0/pack'), files, original });
    return { candidate, exam: solveExam(job, { program: script, outputs, seen }) };
  }
  const asked = { ...placeOf('c-0/recipe'), id: 'c-0', recipe, with: values };
  const { candidate, program, outputs: own } = await proposeByRecipe(asked);
  const { seen } = await packInputs({ ...placeOf('c-0/pack'), files, inputs });
  return { candidate, exam: solveExam(job, { program, outputs: [...own, ...outputs], seen }) };
}
