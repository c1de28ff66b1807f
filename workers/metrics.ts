import type { MetricMeter } from '@temporalio/common';
import type { JobActivities } from '../activities/job.ts';
import type { ModelReply } from '../llm/model.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** What a process counts, beside what Temporal's SDK counts of itself. Where nobody asks, counting does nothing. */
export interface Metrics {
  /** An activity has ended well: what of it is counted is read from what it was given. */
  ended(activity: string, given: unknown): void;
  /** A model answered, for millionths of a dollar where that is known. */
  answered(route: string, reply: ModelReply, microUsd: number | null): void;
  /** A model did not answer; `reason` is the type of the error. */
  unanswered(route: string, reason: string): void;
  /** The same sandbox, whose runs are counted. */
  counted(sandbox: Sandbox): Sandbox;
}

const recording = 'recordTrial' satisfies keyof JobActivities;
const closing = 'closeJob' satisfies keyof JobActivities;

/** Makes the counters. Their names and labels are in docs/observing.md. */
export function createMetrics(meter: MetricMeter): Metrics {
  const trials = meter.createCounter('crucible_trials', undefined, 'Trials that were recorded.');
  const jobs = meter.createCounter('crucible_jobs', undefined, 'Jobs that ended, stages and cells as well.');
  const requests = meter.createCounter('crucible_model_requests', undefined, 'Requests to models.');
  const tokens = meter.createCounter('crucible_model_tokens', undefined, 'Tokens of requests to models.');
  const spend = meter.createCounter('crucible_model_spend_microusd', undefined, 'Spend on models.');
  const running = meter.createGauge('crucible_sandboxes', 'int', undefined, 'Sandboxes that run now.');
  const runs = meter.createHistogram(
    'crucible_sandbox_run_seconds',
    'float',
    undefined,
    'From asking for a sandbox to its end.',
  );
  let open = 0;

  const counting =
    <Asked, Got extends object>(ask: (asked: Asked, signal: AbortSignal) => Promise<Got>) =>
    async (asked: Asked, signal: AbortSignal): Promise<Got> => {
      const began = performance.now();
      running.set(++open);
      let ending = 'platform';
      try {
        const got = await ask(asked, signal);
        ending = endingOf(got);
        return got;
      } finally {
        running.set(--open);
        runs.record((performance.now() - began) / 1_000, { ending });
      }
    };

  return {
    ended(activity, given) {
      if (activity === recording) trials.add(1, trialTags(given));
      if (activity === closing) jobs.add(1, { status: textAt(given, 'status') });
    },
    answered(route, { usage }, microUsd) {
      requests.add(1, { route, result: 'answered' });
      if (microUsd !== null) spend.add(microUsd, { route });
      if (usage === null) return;
      tokens.add(usage.input, { route, direction: 'input' });
      tokens.add(usage.output, { route, direction: 'output' });
    },
    unanswered: (route, reason) => requests.add(1, { route, result: reason }),
    counted: (sandbox) => ({
      ...sandbox,
      run: counting(sandbox.run.bind(sandbox)),
      conduct: counting(sandbox.conduct.bind(sandbox)),
      runWarm: counting(sandbox.runWarm.bind(sandbox)),
    }),
  };
}

/** How a run ended; `ended` where several programs ran. */
const endingOf = (got: object): string =>
  'ending' in got && typeof got.ending === 'object' ? textAt(got.ending, 'kind') : 'ended';

function trialTags(given: unknown): { purpose: string; outcome: string } {
  const trial = at(given, 'trial');
  return { purpose: textAt(trial, 'purpose'), outcome: textAt(at(trial, 'outcome'), 'kind') };
}

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

const textAt = (value: unknown, key: string): string => {
  const found = at(value, key);
  return typeof found === 'string' ? found : 'unknown';
};
