import { ApplicationFailure } from '@temporalio/workflow';
import type { Candidate } from '../domain/candidate.schema.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { measureBaseline } from './baseline.ts';
import { asJob } from './job.ts';
import { packBaseline } from './proxies.ts';
import { runTrial } from './trial.ts';

/** Judges and measures a finished job's best again: a new claim of a bench, new sandboxes, new secret inputs. */
export async function verify({
  candidate,
  ...input
}: JobInput<OptimizeJob> & { candidate: Candidate }): Promise<JobResult> {
  return asJob(input, async (work) => {
    work.tell(`verifying ${candidate.title} once more`);
    const packed = await packBaseline({ ...work.at('c-0/pack'), job: work.job, files: input.files });
    const { bench } = await measureBaseline(work, packed.candidate);
    const { outcome } = await runTrial(work, candidate, 'verification', candidate.id, bench);
    if (outcome.kind !== 'scored' || outcome.metric.low <= 1) {
      const found = outcome.kind === 'scored' ? `only ${outcome.metric.value.toPrecision(3)}×` : outcome.kind;
      throw ApplicationFailure.create({
        message: `${candidate.title} was best, and does not hold when tried again: ${found}`,
        type: 'VerificationFailed',
        nonRetryable: true,
      });
    }
    const { value, low } = outcome.metric;
    return {
      summary: `${candidate.title} holds: ${value.toPrecision(3)}× faster (at least ${low.toPrecision(3)}×) on new secret inputs`,
      best: null,
      refused: 0,
      product: null,
    };
  });
}
