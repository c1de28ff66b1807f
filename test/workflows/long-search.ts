import type { Client } from '@temporalio/client';
import { expect } from 'vitest';
import type { NextDecision } from '../../domain/decision.schema.ts';
import type { BestFound, JobInput } from '../../domain/job-input.schema.ts';
import type { Store } from '../../store/store.ts';
import { start, storedActivities, storedInput, tell } from './stored-job.ts';
import type { Script } from './stub-activities.ts';
import type { StubbedWorkers } from './stubbed-workers.ts';

export const longScript: Script = { fast: { speedups: [3] } };

export const longInput = (store: Store, trials: number): JobInput =>
  storedInput(store, {
    ...{ kind: 'optimize', name: 'long', program: 'slow.py', function: 'f', cases: 'cases.py' },
    budget: { trials, wallMs: 36_000_000 },
  });

export interface Whole {
  histories: number;
  /** Events of the longest history. */
  longest: number;
  decided: NextDecision[];
  /** What was tried, by its number: what it is, what it was made of, and how it ended. */
  journal: { id: string; title: string; parents: string[]; outcome: string; speedup: number | null }[];
  best: BestFound | null;
}

/**
 * Runs a search of so many cheap trials, tells it something on the way, and expects it to end as one with a single history would.
 * Returns what it was in the end.
 */
export async function searchLong(workers: StubbedWorkers, store: Store, trials: number): Promise<Whole> {
  const { activities, seen } = storedActivities(store, longScript);
  const input = longInput(store, trials);
  const { jobId } = input;
  const whole = await workers.during(activities, async () => {
    const handle = await start(workers, input);
    await tell(workers, jobId, { kind: 'hint', text: 'use tables' }, 'h-1');
    const { summary } = await handle.result();
    return expectWhole(workers.client, { store, jobId, trials, summary });
  });
  const tried = seen.trials.filter(({ purpose }) => purpose === 'trial').map(({ candidate }) => candidate.id);
  expect(tried).toHaveLength(trials);
  expect(new Set(tried).size).toBe(trials);
  return whole;
}

/** Expects of a search that ended: each number tried once, the best found, the hint taken once, no history of 10,000 events. */
export async function expectWhole(
  { workflow }: Client,
  { store, jobId, trials, summary }: { store: Store; jobId: string; trials: number; summary: string },
): Promise<Whole> {
  expect(summary).toContain('fast is 3× faster');
  expect(summary).toContain(`${trials} tried, ${trials} right; stopped because all ${trials} trials`);
  const lengths: number[] = [];
  for await (const { runId } of workflow.list({ query: `WorkflowId = '${jobId}'` }))
    lengths.push((await workflow.getHandle(jobId, runId).describe()).historyLength);
  const longest = Math.max(...lengths);
  expect(longest).toBeLessThan(10_000);
  const numbers = Array.from({ length: trials }, (_, index) => index + 1);
  const tried = (await store.ledger.trials(jobId)).filter(({ trial }) => trial.purpose === 'trial');
  const found = tried.map(({ index }) => index).filter((index) => index > 0);
  expect(found).toEqual(numbers);
  const decisions = await store.ledger.decisions(jobId);
  expect(decisions.map(({ number }) => number)).toEqual(numbers);
  expect((await store.ledger.messages(jobId)).map(({ id }) => id)).toEqual(['h-1']);
  const rows = tried.toSorted((one, other) => one.index - other.index);
  return {
    ...{ histories: lengths.length, longest, decided: decisions.map(({ decision }) => decision) },
    journal: rows.map(({ trial: { candidate, outcome, measurement } }) => ({
      ...{ id: candidate.id, title: candidate.title, parents: candidate.parents, outcome: outcome.kind },
      speedup: measurement?.speedup.value ?? null,
    })),
    best: (await store.ledger.job(jobId))?.result?.best ?? null,
  };
}
