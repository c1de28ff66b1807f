import { afterEach, beforeEach } from 'vitest';
import { until } from '../support/crucible.ts';
import type { Answer } from '../support/model-servers.ts';
import {
  allRoles,
  type ModelJobs,
  optimizeWorkflows,
  replyWith,
  type StubProvider,
  startModelJobs,
  startProvider,
} from './model-jobs.ts';

export const routes = allRoles('one/stub', 'other/stub');
export const down: Answer = { kind: 'status', status: 500 };
export const program: Answer = { kind: 'text', text: replyWith('print("less work")\n') };

/** Stands in the text of `slow`, and nowhere else. */
export const marker = 'quiet-otter-4711';
/** A reply that takes most of a minute to come. */
export const slow: Answer = {
  kind: 'text',
  text: replyWith(`print("${marker}")\n${'# and so on\n'.repeat(400)}`),
  pieceMs: 100,
};

/** Two providers for the jobs of each test in the file, and what they run on. */
export function twoRoutes(): { one: StubProvider; other: StubProvider; jobs: ModelJobs } {
  const two = {} as ReturnType<typeof twoRoutes>; // filled before each test
  beforeEach(async () => {
    const [one, other] = [await startProvider(), await startProvider()];
    Object.assign(two, { one, other, jobs: await startModelJobs({ one, other }, optimizeWorkflows) });
  });
  afterEach(async () => {
    await two.jobs?.stop();
  });
  return two;
}

/** Waits until those who watch see the marker. */
export const partOf = ({ store }: ModelJobs, jobId: string): Promise<boolean> =>
  until('the first part of the reply', 30_000, async () => {
    const [partial] = await store.ledger.partials(jobId);
    return partial?.text.includes(marker);
  });
