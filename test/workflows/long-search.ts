import { expect } from 'vitest';
import type { Store } from '../../store/store.ts';
import { start, storedActivities, storedInput, tell } from './stored-job.ts';
import type { StubbedWorkers } from './stubbed-workers.ts';

/**
 * Runs a search of so many cheap trials, tells it something on the way, and expects it to end as one with a single history would:
 * each number tried once, the best found, no history of 10,000 events. Returns how many histories it had.
 */
export async function searchLong(workers: StubbedWorkers, store: Store, trials: number): Promise<number> {
  const { activities, seen } = storedActivities(store, { fast: { speedups: [3] } });
  const input = storedInput(store, {
    ...{ kind: 'optimize', name: 'long', program: 'slow.py', function: 'f', cases: 'cases.py' },
    budget: { trials, wallMs: 36_000_000 },
  });
  const { jobId } = input;
  const runs = await workers.during(activities, async () => {
    const handle = await start(workers, input);
    await tell(workers, jobId, { kind: 'hint', text: 'use tables' }, 'h-1');
    const result = await handle.result();
    expect(result.summary).toContain('fast is 3× faster');
    expect(result.summary).toContain(
      `${trials} tried, ${trials} right; stopped because all ${trials} trials`,
    );
    const found: number[] = [];
    for await (const { runId } of workers.client.workflow.list({ query: `WorkflowId = '${jobId}'` })) {
      const { historyLength } = await workers.client.workflow.getHandle(jobId, runId).describe();
      found.push(historyLength);
    }
    return found;
  });
  expect(Math.max(...runs)).toBeLessThan(10_000);
  const tried = seen.trials.filter(({ purpose }) => purpose === 'trial').map(({ candidate }) => candidate.id);
  expect(tried).toHaveLength(trials);
  expect(new Set(tried).size).toBe(trials);
  const decided = (await store.ledger.decisions(jobId)).map(({ number }) => number);
  expect(decided).toEqual(Array.from({ length: trials }, (_, index) => index + 1));
  expect((await store.ledger.messages(jobId)).map(({ id }) => id)).toEqual(['h-1']);
  return runs.length;
}
