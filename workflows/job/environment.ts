import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { StageJob } from '../../domain/job.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import { type RunningJob, reasonOf } from './frame.ts';
import { prepareEnvironment, preparePackages } from './proxies.ts';
import { summarized } from './summary.ts';

/** Returns the exam with what the job's `environment` asks for; the same exam where the job asks for nothing. */
export async function withEnvironment<E extends Exam>(running: RunningJob<StageJob>, exam: E): Promise<E> {
  const { job, input } = running;
  const { environment: asked } = job;
  if (asked === undefined) return exam;
  running.tell('making its environment ready');
  const { environment, said } = await summarized('packages for its programs', prepareEnvironment, {
    ...running.placeOf('environment'),
    ...{ files: input.files, asked, add: [], program: null, fresh: input.fresh },
    like: input.role === 'verification' ? (input.parent?.jobId ?? null) : null,
  });
  running.note(said);
  return { ...exam, environment };
}

/**
 * Returns the exam with the package `name`, and whatever else a candidate's program imports that an import may bring in. Null where that
 * cannot be had: the job names a lock, an image or a layer, or no index answers. The candidate's failure then stands as it is.
 */
export async function withPackage<E extends Exam>(
  running: RunningJob<StageJob>,
  exam: E,
  { path, program, name }: { path: string; program: string; name: string },
): Promise<E | null> {
  const { job, input } = running;
  const asked = job.environment ?? null;
  if (asked !== null && asked.requirements === undefined) return null;
  try {
    const { environment, said } = await summarized(`packages for ${path}`, preparePackages, {
      ...running.placeOf(`${path}/environment`),
      ...{ files: input.files, asked, add: [name], program, fresh: false, like: null },
    });
    running.note(`${path}: ${said}`);
    return { ...exam, environment };
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    running.note(`${path}: ${name} cannot be brought in: ${reasonOf(error)}`);
    return null;
  }
}
