import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { JobResult } from '../../domain/job-input.schema.ts';
import { randomStream } from '../../domain/random.ts';
import type { CallRecord } from '../../store/ledger/model-calls.ts';
import type { Answer } from '../support/model-servers.ts';
import {
  allRoles,
  type ModelJobs,
  optimizeWorkflows,
  replyWith,
  startModelJobs,
  startProvider,
} from './model-jobs.ts';

const jobCount = 200;
const providerCount = 8;
const limits = { inFlight: 4 };
const cap = { microUsd: 1_000_000, tokens: null };
const experiment = 'experiment/shared/1';
/** Each job asks twice; a call costs half a cent or so, and a whole one at most. */
const budget = { trials: 2 };
const maxOutput = 1_000;

const none = { microUsd: 0, tokens: 0 };

let jobs: ModelJobs | undefined;

afterEach(async () => {
  await jobs?.stop();
});

it('200 jobs that share a dollar on 8 routes spend no more of it, and each ends with a verdict or out of budget', async () => {
  const names = Array.from({ length: providerCount }, (_, index) => `stub-${index + 1}`);
  const providers = await Promise.all(
    names.map(async (name, index) => {
      const provider = await startProvider({ limits, maxOutput });
      provider.server.answers = answersOf(index);
      return [name, provider] as const;
    }),
  );
  jobs = await startModelJobs(Object.fromEntries(providers), optimizeWorkflows);
  const { store, inputOf, start } = jobs;
  const { ledger } = store;
  await openExperiment();
  const running = await Promise.all(
    Array.from({ length: jobCount }, async (_, index) => {
      const name = `cell-${index}`;
      const routes = allRoles(...[0, 1].map((next) => `${names[(index + next) % providerCount]}/stub`));
      const input = await inputOf(name, { budget }, { routes, parent: { jobId: experiment, stage: name } });
      return start('optimize', input);
    }),
  );
  const ended = Promise.all(running.map((job): Promise<JobResult> => job.result()));
  const looked = watchAccount(ended);
  await Promise.all([jobs.startWorker(), jobs.startWorker()]);
  const summaries = await ended;
  const most = await looked;

  const outOfBudget = summaries.filter(({ summary }) => summary.includes('out of budget'));
  const judged = summaries.filter(({ best }) => best !== null);
  for (const { jobId, status, summary, best } of summaries) {
    expect([jobId, status]).toEqual([jobId, 'finished']);
    expect(best !== null || summary.includes('out of budget'), `${jobId}: ${summary}`).toBe(true);
    expect((await ledger.job(jobId))?.status).toBe('finished');
  }
  expect(judged.length).toBeGreaterThan(jobCount / 4);
  expect(outOfBudget.length).toBeGreaterThan(jobCount / 4);

  const calls = (await Promise.all(summaries.map(({ jobId }) => ledger.calls(jobId)))).flat();
  expect(calls.filter(({ doneAt }) => doneAt === null)).toEqual([]);
  const spent = sum(calls.map(({ microUsd }) => microUsd ?? 0));
  const account = await ledger.account(experiment);
  expect(account?.spent.microUsd).toBe(spent);
  expect(account?.held).toEqual(none);
  expect((await ledger.spend({ by: 'experiment' }))[0]).toMatchObject({ name: experiment, microUsd: spent });

  // When the last call was admitted, what was spent and held was within the dollar: beyond it there can only be what calls under
  // way by then cost more than was estimated. Times are taken before a write waits for its turn, hence the second.
  const lastStart = Math.max(...calls.map(({ startedAt }) => startedAt));
  const underWay = calls.filter(({ doneAt }) => (doneAt ?? 0) >= lastStart - 1_000);
  expect(spent).toBeLessThanOrEqual(cap.microUsd + sum(underWay.map(excess)));
  expect(most.taken).toBeLessThanOrEqual(cap.microUsd + sum(calls.map(excess)));
  expect(most.held).toBeGreaterThan(0);
  // And it ended because there was no room, not before.
  const largest = Math.max(...calls.map(({ estimateMicroUsd }) => estimateMicroUsd ?? 0));
  expect(spent).toBeGreaterThan(cap.microUsd - largest);

  // The requests that failed were of every kind, and a rate limit ended no call.
  const failed = (error: string): number => calls.filter((call) => call.error === error).length;
  const kinds = ['ModelRateLimited', 'ModelUnavailable', 'ModelReplyUnusable'].map((kind) => [
    kind,
    failed(kind),
  ]);
  for (const [kind, count] of kinds) expect(count, `${kind}`).toBeGreaterThan(0);
  const broke = new Set(outOfBudget.map(({ jobId }) => jobId));
  const last = new Map(calls.map((call) => [call.key, call]));
  const endedByRate = [...last.values()].filter(
    ({ error, jobId }) => error === 'ModelRateLimited' && !broke.has(jobId),
  );
  expect(endedByRate).toEqual([]);
  for (const [name, { server }] of providers)
    expect(server.requests.length).toBe(calls.filter(({ provider }) => provider === name).length);
  console.log(
    `$${spent / 1e6} spent, at most $${most.held / 1e6} held, $${most.taken / 1e6} held and spent; ${calls.length} requests (${kinds.map((each) => each.join(' ')).join(', ')}); ${judged.length} jobs with a verdict, ${outOfBudget.length} out of budget`,
  );

  /** Looks at the experiment's account while its jobs run: the most that was held, and held and spent, at any time. */
  async function watchAccount(until: Promise<unknown>): Promise<{ held: number; taken: number }> {
    let over = false;
    const stop = (): void => {
      over = true;
    };
    until.then(stop, stop);
    const seen = { held: 0, taken: 0 };
    while (!over) {
      const { held, spent } = (await ledger.account(experiment)) ?? { held: none, spent: none };
      seen.held = Math.max(seen.held, held.microUsd);
      seen.taken = Math.max(seen.taken, held.microUsd + spent.microUsd);
      await wait(25);
    }
    return seen;
  }

  async function openExperiment(): Promise<void> {
    await ledger.openJob({
      ...{ id: experiment, series: 'experiment/shared', run: 1, name: 'shared', kind: 'pipeline' },
      ...{ role: 'job', input: await store.blobs.put('{}'), startedAt: Date.now() },
    });
    await ledger.openAccount({ id: experiment, cap });
  }
});

/** Of ten answers one asks to wait, one is an error and one makes no program; now and then one uses more than it was allowed. */
function answersOf(seed: number): Answer[] {
  const random = randomStream(seed);
  return Array.from({ length: 500 }, (_, index): Answer => {
    const place = (index + seed) % 10;
    if (place === 3) return { kind: 'status', status: 429, headers: { 'retry-after': '1' } };
    if (place === 6) return { kind: 'status', status: 500 };
    const output = Math.round((index % 25 === 24 ? 1.5 : 0.1 + 0.9 * random()) * maxOutput);
    const input = 600 + Math.round(600 * random());
    const text = place === 8 ? '{"idea": "none"}' : replyWith(`print("${seed} ${index}")\n`);
    const usage = { input, cached: 0, written: 0, output, reasoning: 0 };
    return { kind: 'text', text, usage, pieceMs: 100, pieceChars: 40 };
  });
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);

/** What a request cost more than was held for it. */
const excess = ({ microUsd, estimateMicroUsd }: CallRecord): number =>
  Math.max(0, (microUsd ?? 0) - (estimateMicroUsd ?? 0));
