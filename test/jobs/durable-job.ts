import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { Strategy } from '../../domain/job-fields.schema.ts';
import { bestTrial } from '../../domain/trial.ts';
import type { StepRecord } from '../../store/ledger/steps.ts';
import { startCrucible, type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const folder = fileURLToPath(new URL('../fixtures/weigh', import.meta.url));

/** What the stub server has the model write: a program that is right and a little faster. */
const reply = JSON.stringify({
  idea: 'Let NumPy do the sum.',
  files: [
    {
      path: 'weigh.py',
      content:
        'import numpy as np\n\n\ndef weigh(values, rounds):\n    places = np.arange(values.shape[0]) % 7\n    return float(sum((values * (places + turn)).sum() for turn in range(rounds)))\n',
    },
  ],
  edits: [],
  removed: [],
  entry: 'weigh.py',
  build: 'none',
});

/** A real job on real parts, whose model is a stub server that counts how often it is asked. */
export interface DurableJob {
  running: TestCrucible;
  asked: ModelServer;
  jobId: string;
  trialCount: number;
  stop(): Promise<void>;
}

/** Starts a job, and a worker for it. Trials that are left when every strategy was tried are the model's. `more` says where the store is. */
export async function startDurableJob(
  strategies: Strategy[],
  trialCount: number,
  more: Record<string, string> = {},
): Promise<DurableJob> {
  const asked = await startModelServer('chat');
  asked.answers = [{ kind: 'text', text: reply }];
  const environment = { ...more, OPENAI_BASE_URL: asked.baseUrl, OPENAI_API_KEY: asked.key };
  const running = await startCrucible(environment);
  const file = await checkedJob(
    {
      kind: 'optimize',
      name: 'weigh',
      program: 'weigh.py',
      function: 'weigh',
      cases: 'cases.py',
      strategies,
      models: { draft: ['openai/stub'] },
      budget: { trials: trialCount },
      tolerance: { relative: 1e-9 },
      limits: { wallMs: 60_000 },
    },
    folder,
  );
  const { store, client } = running;
  await running.startWorker();
  const models = modelConfig(environment);
  const submitted = await submit(file, { store, client, models, fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  const stop = async (): Promise<void> => {
    await running.stop();
    await asked.close();
  };
  return { running, asked, jobId: submitted.jobId, trialCount, stop };
}

/** What must hold however often a worker or the server was killed; `killedCalls` model calls were under way when one was. */
export async function expectNothingLost(
  { running, asked, jobId, trialCount }: DurableJob,
  killedCalls: number,
): Promise<void> {
  const { store } = running;
  const record = await store.ledger.job(jobId);
  expect(record?.status).toBe('finished');

  const trials = (await store.ledger.trials(jobId)).map(({ trial }) => trial);
  expect(bestTrial(trials, { kind: 'ratio', atLeast: 1 })).not.toBeNull();
  const keys = trials.map(({ candidate, purpose }) => `${candidate.id} ${purpose}`);
  expect(keys).toEqual([...new Set(keys)]);
  expect(trials.filter((trial) => trial.purpose === 'trial')).toHaveLength(trialCount);

  const calls = await store.ledger.calls(jobId);
  const finished = calls.filter((call) => call.status === 'done');
  expect(new Set(finished.map((call) => call.key)).size).toBe(finished.length);
  expect(asked.requests.length).toBeLessThanOrEqual(finished.length + killedCalls);
  expect(calls.filter((call) => call.status === 'ambiguous').length).toBeLessThanOrEqual(killedCalls);

  expect((await store.ledger.steps(jobId)).filter((step) => step.end.kind !== 'done')).toEqual([]);
  let left = await running.leftovers();
  for (let waited = 0; left.length > 0 && waited < 60; waited += 1) {
    await wait(1_000);
    left = await running.leftovers();
  }
  expect(left).toEqual([]);
}

export const isOpen = (step: StepRecord): boolean => step.end.kind === 'none';

/**
 * Kills the worker in the middle of a step of each of `kinds`, starts another each time, and waits for the end of the job.
 * Returns how many model calls were under way when it was killed.
 */
export async function killDuring({ running, jobId }: DurableJob, kinds: Set<string>): Promise<number> {
  const { store } = running;
  let killedCalls = 0;
  const kill = async (): Promise<void> => {
    await running.killWorker();
    killedCalls += (await store.ledger.calls(jobId)).filter((call) => call.status === 'started').length;
    await running.startWorker();
  };
  while (kinds.size > 0) {
    const met = await until(`a step of kind ${[...kinds].join(', ')} to be under way`, 200_000, async () =>
      (await store.ledger.steps(jobId)).find((step) => kinds.has(step.kind) && isOpen(step)),
    );
    await kill();
    kinds.delete(met.kind);
  }
  // Between two steps: all that were started are done, and more are to come.
  await until('a moment between steps', 200_000, async () => {
    const steps = await store.ledger.steps(jobId);
    return steps.every((step) => !isOpen(step)) || (await store.ledger.job(jobId))?.status !== 'running';
  });
  await kill();
  await running.client.result(jobId);
  return killedCalls;
}
