import { randomUUID } from 'node:crypto';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { Job } from '../../domain/job.schema.ts';
import type { JobInput, JobResult } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { type AllActivities, artifact, type Seen, stubActivities } from './stub-activities.ts';
import { stubbedWorkers } from './stubbed-workers.ts';

const workers = stubbedWorkers();

const faster = { kind: 'optimize', name: 'faster', program: 'slow.py', function: 'f', cases: 'cases.py' };
const draw = { kind: 'solve', name: 'draw', script: 'draw.py' };

function inputOf(asked: object): JobInput {
  const job = Job.parse(asked);
  const series = `${job.kind}/${job.name}/${randomUUID()}`;
  return {
    ...{ jobId: `${series}.1`, series, run: 1, storeId: 'store', job, parent: null },
    ...{ role: 'job', files: artifact, beside: artifact, routes: noRoutes, stageRoutes: {} },
    ...{ searchable: false, fresh: false, resumed: 0 },
  };
}

/** Runs a job to its end, and throws what it ended with. */
const run = (activities: AllActivities, input: JobInput): Promise<JobResult> =>
  workers.during(activities, () =>
    workers.client.workflow.execute(input.job.kind, {
      ...{ workflowId: input.jobId, taskQueue: 'orchestrate', args: [input] },
    }),
  );

const broken = (message: string) =>
  ApplicationFailure.create({ message, type: 'Broken', nonRetryable: true });

/** Lasts until it is cancelled, and says in `seen` that it was. */
async function untilCancelled(seen: Seen, what: string): Promise<never> {
  seen.activities.push(what);
  const beating = setInterval(() => heartbeat(), 100);
  try {
    await new Promise((resolve) => cancellationSignal().addEventListener('abort', resolve));
  } finally {
    clearInterval(beating);
  }
  seen.activities.push(`${what} was cancelled`);
  throw new CancelledFailure(what);
}

const started = async (seen: Seen, activity: string): Promise<void> => {
  while (!seen.activities.includes(activity)) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('a job', () => {
  it('that fails in one trial ends the others before it is closed', async () => {
    const { activities, seen } = stubActivities({ one: { speedups: [2] }, other: { speedups: [3] } });
    const { gradeRun } = activities;
    activities.measure = () => untilCancelled(seen, 'measure');
    activities.gradeRun = async (input) => {
      if (!seen.activities.includes('gradeRun')) return gradeRun(input);
      await started(seen, 'measure');
      throw broken('the disk is gone');
    };
    await expect(run(activities, inputOf(faster))).rejects.toMatchObject({
      cause: { message: 'the disk is gone' },
    });
    expect(seen.closed).toEqual([{ status: 'failed', summary: 'the disk is gone' }]);
    const cancelled = seen.activities.indexOf('measure was cancelled');
    expect(cancelled).toBeGreaterThan(0);
    expect(cancelled).toBeLessThan(seen.activities.indexOf('closeJob'));
  });

  it('whose stage fails ends the other stages first, and says which it was', async () => {
    const { activities, seen } = stubActivities({ one: { speedups: [2] } });
    activities.measure = () => untilCancelled(seen, 'measure');
    const { runProgram } = activities;
    activities.runProgram = async (input) => {
      if (input.exam.judging.kind !== 'checks') return runProgram(input);
      await started(seen, 'measure');
      throw broken('the disk is gone');
    };
    const stages = [faster, draw];
    await expect(run(activities, inputOf({ kind: 'pipeline', name: 'two', stages }))).rejects.toMatchObject({
      cause: { message: 'stage draw failed: the disk is gone' },
    });
    expect(seen.closed.map(({ status }) => status)).toEqual(['failed', 'cancelled', 'failed']);
  });

  it('that fails after it was asked to end is cancelled', async () => {
    const { activities, seen } = stubActivities({ one: { speedups: [2] } });
    activities.measure = async () => {
      await untilCancelled(seen, 'measure').catch(() => undefined);
      throw broken('the sandbox was gone');
    };
    const input = inputOf(faster);
    const ended = run(activities, input);
    ended.catch(() => undefined);
    await started(seen, 'measure');
    await workers.client.workflow.getHandle(input.jobId).cancel();
    await expect(ended).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    expect(seen.closed).toEqual([{ status: 'cancelled', summary: 'cancelled' }]);
  });

  it('that cannot be opened is closed all the same, without a report', async () => {
    const { activities, seen } = stubActivities({});
    activities.openJob = () => Promise.reject(broken('no room in the ledger'));
    await expect(run(activities, inputOf(faster))).rejects.toThrow();
    expect(seen.closed).toEqual([{ status: 'failed', summary: 'no room in the ledger' }]);
    expect(seen.activities).toEqual(['closeJob']);
  });
});
