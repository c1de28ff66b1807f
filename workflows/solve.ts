import { ApplicationFailure } from '@temporalio/workflow';
import type { Candidate } from '../domain/candidate.schema.ts';
import type { SolveJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { candidatesIn, type Journal, rowOf } from '../domain/journal.ts';
import { type Exam, scriptOriginal, solveExam } from '../domain/judging.ts';
import { checksText } from '../domain/leaderboard.ts';
import { best, closest, objectiveOf } from '../domain/objective.ts';
import { refine } from '../domain/search-policy.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { type Conclusion, type RunningJob, runJob } from './job/frame.ts';
import { packInputs, packProgram, proposeByRecipe } from './job/proxies.ts';
import { searchFor } from './loop/search-for.ts';
import { runTrial } from './loop/trial.ts';

/**
 * Runs the job's script, or its recipe, and has its outputs checked. A task in words has models write programs until one passes. A job
 * without a program that passes its checks fails.
 */
export async function solve(input: JobInput<SolveJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job } = running;
    if (job.task === undefined) running.steering.refuse(() => 'it runs one program, and that is under way');
    const { program, exam } = await given(running);
    if (program !== null) running.tell(`running ${program.title}`);
    const first = program === null ? null : await runTrial(running, program, 'trial', exam);
    if (first !== null && (job.task === undefined || first.outcome.kind === 'passed'))
      return ranOnce(job, first);

    const { draft, debug } = input.routes;
    const { journal, stopped } = await searchFor(running, {
      ...{ exam, original: program?.program ?? null, policy: refine, sample: null, atOnce: 1 },
      first: first === null ? [] : [rowOf(first, objectiveOf(job))],
      models: draft.length + debug.length > 0,
    });
    return solved(job, journal, stopped);
  });
}

/** Returns the program that the job brings, null where it has a task alone, and what every program is checked for. */
async function given({
  job,
  input: { files },
  placeOf,
}: RunningJob<SolveJob>): Promise<{ program: Candidate | null; exam: Exam }> {
  const { script, recipe, with: values = {}, inputs } = job;
  if (script !== undefined) {
    const original = scriptOriginal(script, job);
    const { candidate, seen } = await packProgram({ ...placeOf('c-0/pack'), files, original });
    return { program: candidate, exam: solveExam(job, { program: script, seen }) };
  }
  const { seen } = await packInputs({ ...placeOf('c-0/pack'), files, inputs });
  if (recipe === undefined) return { program: null, exam: solveExam(job, { program: 'the program', seen }) };
  const asked = { ...placeOf('c-0/recipe'), id: 'c-0', recipe, with: values };
  const { candidate, program } = await proposeByRecipe(asked);
  return { program: candidate, exam: solveExam(job, { program, seen }) };
}

/** What a job came to whose own program was all it took, or all there is. */
function ranOnce({ outputs }: SolveJob, { candidate: { title }, outcome, artifacts }: Trial): Conclusion {
  if (outcome.kind !== 'passed')
    throw failed(`${title} ended as ${outcome.kind}: ${'reason' in outcome ? outcome.reason : 'not judged'}`);
  return {
    summary:
      outputs.length === 0
        ? `${title} ran to its end; it names no outputs, so what it printed is what it gave`
        : `${title} ran and its outputs passed every check`,
    ...{ best: null, refused: 0, product: artifacts.outputs ?? null },
  };
}

/** What a search came to: a program that passes, or the one that came nearest. */
function solved({ outputs, ...job }: SolveJob, journal: Journal, stopped: string): Conclusion {
  const objective = objectiveOf(job);
  const tried = candidatesIn(journal);
  const top = best(journal, objective);
  if (top !== undefined) {
    const how = outputs.length === 0 ? 'ran to its end' : 'passed every check';
    const summary = `solved in ${tried.length}: ${top.id} ${how}: ${top.title}`;
    return { summary, best: null, refused: 0, product: null };
  }
  const near = closest(tried, objective) ?? tried.at(-1);
  const found = near?.passed == null ? near?.outcome : checksText(near.passed);
  const nearest = near === undefined ? '' : `: ${near.id} came nearest (${found}): ${near.title}`;
  throw failed(`not solved in ${tried.length}${nearest}; stopped because ${stopped}`);
}

const failed = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type: 'ProgramFailed', nonRetryable: true });
