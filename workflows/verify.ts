import { ApplicationFailure } from '@temporalio/workflow';
import type { JobResult, VerificationInput } from '../domain/job-input.schema.ts';
import { type Exam, optimizeExam, optimizeOriginal } from '../domain/judging.ts';
import type { OptimizeJob } from '../domain/kinds/optimize.schema.ts';
import type { SolveJob } from '../domain/kinds/solve.schema.ts';
import { clears, foundIn, objectiveOf } from '../domain/objective.ts';
import { anew, findingOf, metricText } from '../domain/trial.ts';
import { withEnvironment } from './job/environment.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { packProgram } from './job/proxies.ts';
import { measureBaseline } from './loop/baseline.ts';
import { given, givenModule } from './loop/given.ts';
import { runTrial } from './loop/trial.ts';

/** Returns the exam of a program that is measured, on a bench that is claimed anew. */
async function measuredExam(running: RunningJob<OptimizeJob>): Promise<Exam> {
  const { job, input } = running;
  const { candidate: packed, seen } = await packProgram({
    ...running.placeOf('c-0/pack'),
    ...{ files: input.files, original: optimizeOriginal(job) },
  });
  const asked = await withEnvironment(running, optimizeExam(job, input.files, seen));
  return (await measureBaseline(running, packed, asked)).exam;
}

/** Returns the exam of a program, or a module, that is checked. */
const checkedExam = async (running: RunningJob<SolveJob>): Promise<Exam> =>
  (running.job.module === undefined ? await given(running) : await givenModule(running, running.job.module))
    .exam;

/**
 * Judges and measures a finished job's best again. It claims a bench anew, in new sandboxes, with new secret inputs or seeds. What it finds is
 * compared with the `claim` that stood. A program that passed its checks is to pass them once more.
 */
export async function verify({ candidate, claim, ...input }: VerificationInput): Promise<JobResult> {
  return runJob(input, async (running) => {
    running.steering.refuse(() => 'it is a verification, and that is under way');
    running.tell(`verifying ${candidate.title} once more`);
    const { job } = running;
    const exam =
      job.kind === 'solve'
        ? await checkedExam({ ...running, job, input: { ...running.input, job } })
        : await measuredExam({ ...running, job, input: { ...running.input, job } });
    const trial = await runTrial(running, candidate, 'verification', exam);
    const found = foundIn(trial.outcome);
    const { metric } = found;
    const objective = objectiveOf(job);
    if (!clears(found, objective)) {
      const what = metric === null ? found.outcome : metricText(metric, objective);
      throw ApplicationFailure.create({
        message: `${candidate.title} was best, and does not hold when tried again: ${what}`,
        type: 'VerificationFailed',
        nonRetryable: true,
      });
    }
    const how = exam.module === undefined ? anew(trial) : 'with new secret inputs';
    return {
      summary: findingOf(candidate.title, claim, metric, { anew: how, objective }),
      best: null,
      refused: 0,
      product: null,
    };
  });
}
