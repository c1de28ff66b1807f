import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import type { FitJob } from '../domain/kinds/fit.schema.ts';
import { type Conclusion, runJob } from './job/frame.ts';
import { learningActivities } from './job/proxies.ts';
import { giveBlend } from './loop/give-blend.ts';
import { askForPlan } from './loop/plan-by-model.ts';
import { searchByFolds } from './loop/search-by-folds.ts';

/**
 * Looks at a table, splits it, and searches for what predicts its target best. The blend of what helps is scored once, on rows that
 * nothing could see. A job that is cancelled gives what it has.
 */
export async function fit(input: JobInput<FitJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job, placeOf, steering } = running;
    const { prepareTable, coolLearning } = learningActivities(job.limits);
    running.tell(`looking at ${job.table}, and splitting it`);
    const seconds = (steering.endsAt() - Date.now()) / 1000;
    const table = await prepareTable({ ...placeOf('table'), job, files: input.files, seconds });
    const end = async (stopped: string): Promise<Conclusion> => {
      const given = await giveBlend(running, table, stopped);
      await coolLearning(placeOf('cool'));
      return given;
    };
    const asked = askForPlan(running, table);
    try {
      const { stopped } = await searchByFolds(running, table, asked.plan);
      asked.end();
      return await end(stopped);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      await CancellationScope.nonCancellable(() => end('it was cancelled'));
      throw error;
    }
  });
}
