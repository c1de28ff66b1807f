import { ApplicationFailure } from '@temporalio/workflow';
import type { JobResult, VerificationInput } from '../domain/job-input.schema.ts';
import { optimizeExam, optimizeOriginal } from '../domain/judging.ts';
import { clears, foundIn, objectiveOf } from '../domain/objective.ts';
import { anew, findingOf, metricText } from '../domain/trial.ts';
import { withEnvironment } from './job/environment.ts';
import { runJob } from './job/frame.ts';
import { packProgram } from './job/proxies.ts';
import { measureBaseline } from './loop/baseline.ts';
import { runTrial } from './loop/trial.ts';

/**
 * Judges and measures a finished job's best again: a new claim of a bench, new sandboxes, new secret inputs. What it finds is compared
 * with the `claim` that stood.
 */
export async function verify({ candidate, claim, ...input }: VerificationInput): Promise<JobResult> {
  return runJob(input, async (running) => {
    running.steering.refuse(() => 'it is a verification, and that is under way');
    running.tell(`verifying ${candidate.title} once more`);
    const { job } = running;
    const { candidate: packed, seen } = await packProgram({
      ...running.placeOf('c-0/pack'),
      ...{ files: input.files, original: optimizeOriginal(job) },
    });
    const asked = await withEnvironment(running, optimizeExam(job, input.files, seen));
    const { exam } = await measureBaseline(running, packed, asked);
    const trial = await runTrial(running, candidate, 'verification', exam);
    const found = foundIn(trial.outcome);
    const { metric } = found;
    const objective = objectiveOf(job);
    if (metric === null || !clears(found, objective)) {
      const what = metric === null ? found.outcome : metricText(metric, objective);
      throw ApplicationFailure.create({
        message: `${candidate.title} was best, and does not hold when tried again: ${what}`,
        type: 'VerificationFailed',
        nonRetryable: true,
      });
    }
    return {
      summary: findingOf(candidate.title, claim, metric, { anew: anew(trial), objective }),
      best: null,
      refused: 0,
      product: null,
    };
  });
}
