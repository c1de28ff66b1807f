import { createHash, randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { createJobActivities } from '../../activities/job.ts';
import { Job } from '../../domain/job.schema.ts';
import type { JobInput, Routes } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import type { Message } from '../../domain/message.schema.ts';
import type { Program } from '../../domain/program.schema.ts';
import { queues } from '../../domain/queues.ts';
import type { Store } from '../../store/store.ts';
import { type AllActivities, artifact, type Script, type Seen, stubActivities } from './stub-activities.ts';
import type { StubbedWorkers } from './stubbed-workers.ts';

const nameOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A `Tree` of no files. */
const noFiles = nameOf('{}');

/** Activities that run nothing, over a ledger that is real. */
export interface StoredActivities {
  activities: AllActivities;
  seen: Seen;
  /** Holds every candidate back before it is run, until it is let go. */
  hold(): void;
  letGo(): void;
  /** How many candidates are held back, or were. */
  readonly held: number;
}

/** A candidate by a model has the title `idea c-N`, and is no faster where the script does not say so. */
export function storedActivities(store: Store, script: Script = {}): StoredActivities {
  const kept: Promise<unknown>[] = [store.blobs.put('{}')];
  const programOf = (id: string): string => {
    const program: Program = {
      files: {},
      entry: { kind: 'script', path: `${id}.py`, args: [] },
      build: null,
    };
    const text = JSON.stringify(program);
    kept.push(store.blobs.put(text));
    return nameOf(text);
  };
  const { activities, seen } = stubActivities(script, { programOf });
  const { runProgram } = activities;
  const own = createJobActivities({ store });
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let held = 0;
  const overrides = {
    ...own,
    packProgram: activities.packProgram,
    mergeFiles: async () => ({ files: noFiles, known: null }),
    async recordTrial(input: Parameters<AllActivities['recordTrial']>[0]) {
      await Promise.all(kept);
      seen.trials.push(input.trial);
      return own.recordTrial(input);
    },
    async closeJob(input: Parameters<AllActivities['closeJob']>[0]) {
      seen.closed.push({ status: input.status, summary: input.ended.summary });
      return own.closeJob(input);
    },
    async runProgram(input: Parameters<AllActivities['runProgram']>[0]) {
      held += 1;
      await gate.promise;
      return runProgram(input);
    },
    async proposeByModel(input: Parameters<AllActivities['proposeByModel']>[0]) {
      const { id, decision } = input;
      seen.asked.push(input);
      const title = `idea ${id}`;
      return { id, parents: [], operator: decision.kind, title, note: title, program: programOf(id) };
    },
  } satisfies Partial<AllActivities>;
  for (const [name, activity] of Object.entries(overrides))
    Object.assign(activities, {
      [name]: (input: never) => {
        seen.activities.push(name);
        return (activity as (input: never) => Promise<unknown>)(input);
      },
    });
  return {
    ...{ activities, seen },
    hold: () => {
      gate = Promise.withResolvers<void>();
      held = 0;
    },
    letGo: () => gate.resolve(),
    get held() {
      return held;
    },
  };
}

export const upRoutes: Routes = { ...noRoutes, draft: ['up/one'], debug: ['up/one'], improve: ['up/one'] };

/** What a job's workflow is started with; models are asked at `up`. */
export function storedInput(store: Store, asked: object, given: Partial<JobInput> = {}): JobInput {
  const job = Job.parse(asked);
  const series = `${job.kind}/${job.name}/${randomUUID().slice(0, 10)}`;
  return {
    ...{ jobId: `${series}.1`, series, run: 1, role: 'job', storeId: store.id, job, files: noFiles },
    ...{ beside: artifact, parent: null, routes: upRoutes, stageRoutes: {}, searchable: false, fresh: false },
    ...{ resumed: 0, ...given },
  };
}

export const start = ({ client }: StubbedWorkers, input: JobInput): Promise<WorkflowHandle> =>
  client.workflow.start(input.job.kind, {
    ...{ workflowId: input.jobId, taskQueue: queues.orchestrate, args: [input] },
  });

/** Tells a job something; throws what it is refused with. */
export async function tell(
  { client }: StubbedWorkers,
  jobId: string,
  message: Message,
  updateId: string = randomUUID(),
): Promise<void> {
  await client.workflow.getHandle(jobId).executeUpdate(message.kind, { args: [message], updateId });
}
