import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { objectiveOf } from '../../domain/objective.ts';
import type { SplitTable } from '../../domain/table.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { metricText } from '../../domain/trial.ts';
import { type Conclusion, type RunningJob, reasonOf } from '../job/frame.ts';
import { learningActivities, recordTrial } from '../job/proxies.ts';
import { withWords, wordsMs } from './words-by-model.ts';

/** A step of the end may always take so long: nothing that was found is lost for a second. */
const leastMs = 20_000;
/** So many rows, each by itself, tell how long one takes to be predicted. */
export const timedRows = 5;
/** What comes after the test takes so long at least, or so many times what scoring the test took. */
const closing = { leastMs: 3_000, steps: 1.5 };
/** An explanation is worth a share of what is left, and nothing below this. */
const leastToExplainMs = 2_500;

/**
 * Blends what helps, scores it once on the rows that were kept apart, explains it and puts together what predicts. A member that cannot
 * predict them is left out, and the rest is blended anew. Fails where nothing has a score.
 */
export async function giveBlend(
  running: RunningJob<FitJob>,
  table: SplitTable,
  stopped: string,
): Promise<Conclusion> {
  const { job, placeOf, tell, note, known } = running;
  const activities = learningActivities(job.limits);
  const objective = objectiveOf(job);
  const leftMs = (): number => running.steering.endsAt() - Date.now();
  const within = (wallMs: number) => ({
    table,
    cores: job.cores,
    limits: { ...job.limits, wallMs: Math.ceil(wallMs) },
  });
  const enough = () => within(Math.max(leastMs, leftMs()));
  const path = (step: string): string => `end-${running.input.resumed}-${known.decided}/${step}`;

  const { maxLatencyMs, interpretable } = job;
  const keepTo = {
    ...(maxLatencyMs === undefined ? {} : { maxLatencyMs }),
    // The mean of what several say is no model that a person can read.
    ...(interpretable === undefined ? {} : { most: 1 }),
  };
  const timed = maxLatencyMs === undefined ? {} : { timedRows };

  const without: string[] = [];
  for (;;) {
    tell('blending what helps');
    const nth = without.length;
    const blended = await activities.blendFits({
      ...{ ...placeOf(path(`blend-${nth}`)), ...enough(), without },
      ...(Object.keys(keepTo).length === 0 ? {} : { keepTo }),
    });
    const { members, models, tooSlow = [] } = blended;
    if (nth === 0 && tooSlow.length > 0)
      note(
        `left out, since a row takes longer than ${maxLatencyMs} ms to be predicted: ${tooSlow.join(', ')}`,
      );
    if (members.length === 0) throw nothing(stopped, tooSlow.length > 0 ? maxLatencyMs : undefined);
    tell('predicting the rows that were kept apart');
    const applied = await activities.applyMembers({
      ...{ ...placeOf(path(`apply-${nth}`)), ...enough(), members },
      ...(models === undefined ? {} : { models }),
      ...timed,
    });
    if (applied.kind === 'failed') {
      note(`${applied.id} cannot predict other rows, and is left out: ${applied.reason}`);
      without.push(applied.id);
      continue;
    }
    const over = tooLong(applied.rowMs ?? {}, maxLatencyMs);
    if (over !== null) {
      note(
        `${over.id} is left out: a row took the blend ${over.tookMs.toFixed(1)} ms, ${maxLatencyMs} may be`,
      );
      without.push(over.id);
      continue;
    }
    tell('scoring the test, once');
    const judging = Date.now();
    const { predictions } = applied;
    const { trial: judged, says } = await activities.judgeTest({
      ...placeOf(path('test')),
      ...enough(),
      blended,
      predictions,
    });
    const stepMs = Date.now() - judging;
    const explained = await explain(judged, stepMs);
    tell('putting together what predicts');
    const delivered = await activities.deliverModel({
      ...placeOf(path('deliver')),
      ...{ ...enough(), blended, trial: explained },
    });
    const trial = await withWords(running, table, delivered, leftMs());
    running.spent(await recordTrial({ ...placeOf(path('record')), trial }));
    return { summary: summaryOf(trial, says), best: null, refused: 0, product: null };

    async function explain(trial: Trial, stepMs: number): Promise<Trial> {
      const beforeClosingMs = (): number =>
        leftMs() - wordsMs(running) - Math.max(closing.leastMs, stepMs * (closing.steps + 1));
      const wallMs = Math.min((leftMs() - wordsMs(running)) / 2, beforeClosingMs());
      if (wallMs < leastToExplainMs) {
        note('no time was left to explain it: give it more with --minutes');
        return trial;
      }
      tell('explaining what it goes by');
      try {
        const probed = await activities.probeMembers({
          ...placeOf(path('probe')),
          ...within(wallMs),
          blended,
        });
        const forCurve = beforeClosingMs() / 2;
        const curve =
          forCurve < leastToExplainMs
            ? null
            : await activities.drawCurve({ ...placeOf(path('curve')), ...within(forCurve), blended });
        return await activities.explainBlend({
          ...{ ...placeOf(path('explain')), ...enough(), trial, probed, curve },
        });
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        note(`it could not be explained: ${reasonOf(error)}`);
        return trial;
      }
    }
  }

  function summaryOf({ candidate: { title, note: members }, outcome }: Trial, says: string): string {
    const folds = outcome.kind === 'scored' ? `; ${metricText(outcome.metric, objective)} out of fold` : '';
    return `test, scored once: ${says}${folds}; ${title}: ${members}; stopped because ${stopped}`;
  }
}

/** Returns the slowest member of a blend that takes too long as it would be used; null otherwise. */
function tooLong(
  rowMs: Record<string, number>,
  maxLatencyMs = Number.POSITIVE_INFINITY,
): { id: string; tookMs: number } | null {
  const took = Object.entries(rowMs).toSorted(([, a], [, b]) => b - a);
  const tookMs = took.reduce((sum, [, each]) => sum + each, 0);
  const [slowest] = took;
  return slowest === undefined || tookMs <= maxLatencyMs ? null : { id: slowest[0], tookMs };
}

const nothing = (stopped: string, maxLatencyMs?: number): ApplicationFailure =>
  ApplicationFailure.create({
    message:
      maxLatencyMs === undefined
        ? `nothing that was fitted has a score; stopped because ${stopped}`
        : `nothing that was fitted predicts a row within ${maxLatencyMs} ms: raise --max-latency-ms`,
    type: 'ProgramFailed',
    nonRetryable: true,
  });
