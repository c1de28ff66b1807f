import { ApplicationFailure } from '@temporalio/workflow';
import type { SolveJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { solveExam, solveOriginal } from '../domain/judging.ts';
import { runJob } from './job/frame.ts';
import { packProgram } from './job/proxies.ts';
import { runTrial } from './loop/trial.ts';

/** Runs the job's script once and has its outputs checked; a script that fails its checks fails the job. */
export async function solve(input: JobInput<SolveJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job } = running;
    running.tell(`running ${job.script}`);
    const { candidate, seen } = await packProgram({
      ...running.placeOf('c-0/pack'),
      ...{ files: input.files, original: solveOriginal(job) },
    });
    const trial = await runTrial(running, candidate, 'trial', 'c-0', solveExam(job, seen));
    if (trial.outcome.kind !== 'passed') {
      const why = trial.outcome.kind === 'scored' ? 'not judged' : trial.outcome.reason;
      throw ApplicationFailure.create({
        message: `${job.script} ended as ${trial.outcome.kind}: ${why}`,
        type: 'ProgramFailed',
        nonRetryable: true,
      });
    }
    const product = trial.artifacts.outputs ?? null;
    return {
      summary:
        job.outputs.length === 0
          ? `${job.script} ran to its end; it names no outputs, so what it printed is what it gave`
          : `${job.script} ran and its outputs passed every check`,
      best: null,
      refused: 0,
      product,
    };
  });
}
