import type { StageJob } from '../../domain/job-input.ts';
import type { Exam } from '../../domain/judging.ts';
import type { RunningJob } from './frame.ts';
import { prepareEnvironment } from './proxies.ts';
import { summarized } from './summary.ts';

/** Returns the exam with what the job's `environment` asks for; the same exam where the job asks for nothing. */
export async function withEnvironment<J extends StageJob, E extends Exam>(
  running: RunningJob<J>,
  exam: E,
): Promise<E> {
  const { environment: asked } = running.job;
  if (asked === undefined) return exam;
  running.tell('making its environment ready');
  const { input } = running;
  const { environment, said } = await summarized('packages for its programs', prepareEnvironment, {
    ...running.placeOf('environment'),
    ...{ files: input.files, asked, add: [] },
    like: input.role === 'verification' ? (input.parent?.jobId ?? null) : null,
    fresh: input.fresh,
  });
  running.note(said);
  return { ...exam, environment };
}
