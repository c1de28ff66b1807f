import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import type { SplitTable } from '../../domain/table.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { RunningJob } from '../job/frame.ts';
import { summarized } from '../job/summary.ts';
import { askRoutes } from './ask.ts';

/** Below this a model is not asked: it would not have answered. */
const leastMs = 3_000;

/** What of a search's time is kept for words, where routes explain. */
export const wordsMs = ({ input, job }: RunningJob<FitJob>): number =>
  input.routes.explain.length === 0 ? 0 : Math.min(20_000, 0.15 * job.budget.wallMs);

/** Has the results told in words, where routes explain; within `leftMs()`, for nothing waits for words. Returns the trial with them, or as it was. */
export async function withWords(
  running: RunningJob<FitJob>,
  table: SplitTable,
  trial: Trial,
  leftMs: number,
): Promise<Trial> {
  if (running.input.routes.explain.length === 0) return trial;
  if (leftMs < leastMs) {
    running.note('no time was left to have it explained in words: give it more with --minutes');
    return trial;
  }
  running.tell('having it explained in words');
  const scope = new CancellationScope();
  const asking = scope.run(() =>
    askRoutes(running, {
      ...{ role: 'explain', about: 'the words', step: 'words' },
      ask: ({ explainByModel }, attempt, doing) =>
        summarized(doing, explainByModel, { ...attempt, job: running.job, table, trial }),
    }),
  );
  const over = new CancellationScope();
  void over
    .run(() => sleep(leftMs))
    .then(() => scope.cancel())
    .catch(() => {});
  try {
    const asked = await asking;
    if (asked.kind === 'answered')
      return { ...trial, artifacts: { ...trial.artifacts, words: asked.answer } };
    running.note('no model explained it in words whose every number is of the record');
  } catch (error) {
    running.note(
      isCancellation(error)
        ? 'no model explained it in words within the time'
        : 'a model could not be asked to explain it in words',
    );
  } finally {
    over.cancel();
  }
  return trial;
}
