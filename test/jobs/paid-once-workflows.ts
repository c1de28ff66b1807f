import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ModelActivities } from '../../activities/propose/by-model.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import { optimizeOriginal } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { endingIn, modelQueue } from '../../domain/queues.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { runJob } from '../../workflows/job/frame.ts';
import { packProgram, recordTrial } from '../../workflows/job/proxies.ts';

/** As in a job, but that a killed worker is noticed sooner, and its call made again at once. */
const { proposeByModel } = proxyActivities<ModelActivities>({
  taskQueue: `${modelQueue('stub')}${endingIn(workflowInfo().taskQueue)}`,
  startToCloseTimeout: '5m',
  heartbeatTimeout: '2s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '100ms', backoffCoefficient: 1 },
});

export interface AskMany extends JobInput<OptimizeJob> {
  calls: number;
  atOnce: number;
}

/** How the program of call `c-17` is named in its prompt, by which the server can tell the calls apart. */
export const scriptOf = (id: string): string => `slow-${id}.py`;

/** A job that asks a model `calls` times, `atOnce` at a time, and does nothing with the programs. */
export const askMany = (input: AskMany) =>
  runJob(input, async ({ job, placeOf }) => {
    const { files } = input;
    const { candidate } = await packProgram({
      ...{ ...placeOf('c-0/pack'), files, original: optimizeOriginal(job) },
    });
    await recordTrial({ ...placeOf('c-0/record'), trial: baselineOf(candidate) });
    let asked = 0;
    const lane = async (): Promise<void> => {
      while (asked < input.calls) {
        asked += 1;
        const id = `c-${asked}`;
        await proposeByModel({
          ...placeOf(`${id}/propose-0`),
          ...{ id, files, route: 'stub/stub', fresh: false, sample: null, repairs: null, isLast: true },
          job: { ...job, program: scriptOf(id) },
          decision: { kind: 'draft' },
        });
      }
    };
    await Promise.all(Array.from({ length: input.atOnce }, lane));
    return { summary: `${asked} calls`, best: null, refused: 0, product: null };
  });

function baselineOf(candidate: Trial['candidate']): Trial {
  const none = { value: 1, low: 1, high: 1 };
  return {
    ...{ candidate, purpose: 'baseline', artifacts: {}, timings: {}, seeds: [] },
    outcome: { kind: 'scored', metric: none, verdict: candidate.program },
    measurement: {
      ...{ baselineMs: none, candidateMs: none, speedup: none, askingMs: none },
      ...{ noiseFloor: 0, pairs: 1, host: 'none', samples: candidate.program },
    },
  };
}
