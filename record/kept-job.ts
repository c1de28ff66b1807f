import { z } from 'zod';
import type { Job } from '../domain/job.schema.ts';
import { type JobInput, JobResult } from '../domain/job-input.schema.ts';
import { stepOfKey } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import { strategiesIn } from '../domain/strategies.ts';
import type { Trial } from '../domain/trial.schema.ts';
import { readInput } from '../store/documents.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { trialsOf } from '../store/trials-of.ts';

/** A job as the store keeps it. */
export interface KeptJob {
  record: JobRecord;
  job: Job;
  /** In the order they were recorded, later verifications' of its best among them. */
  trials: Trial[];
  /** What strategies can do for its program; null where they were not looked for. */
  strategies: StrategyList | null;
  /** In the order of the pipeline; those that have not started are missing. */
  stages: KeptJob[];
  /** Stages whose job and files were done before, by an earlier job, with what came out then. */
  takenOver: Record<string, JobResult>;
  /** Later verifications of its best. */
  verifications: JobRecord[];
}

/** What the job was started with, as `openJob` stored it. */
export const inputOf = ({ blobs }: Store, record: JobRecord): Promise<JobInput> => readInput(blobs, record);

/** What came out, as `closeJob` recorded it; null while the job runs. */
export const resultOf = (record: JobRecord): JobResult | null => record.result;

/** Reads a job with its trials, its stages and theirs. */
export async function readJob(store: Store, record: JobRecord): Promise<KeptJob> {
  const { job } = await inputOf(store, record);
  const trials = (await trialsOf(store.ledger, record.id)).map(({ trial }) => trial);
  const children = await store.ledger.children(record.id);
  const stages = children.filter(({ role }) => role === 'stage');
  const order = job.kind === 'pipeline' ? job.stages.map(({ name }) => name) : [];
  stages.sort((a, b) => order.indexOf(a.stage ?? '') - order.indexOf(b.stage ?? ''));
  return {
    record,
    job,
    trials,
    strategies: strategiesIn(await store.ledger.steps(record.id)),
    stages: await Promise.all(stages.map((stage) => readJob(store, stage))),
    takenOver: job.kind === 'pipeline' ? await stagesTakenOver(store, record.id) : {},
    verifications: children.filter(({ role }) => role === 'verification'),
  };
}

const Merged = z.object({ known: JobResult.nullable() });

/** What `mergeFiles` found known before it would have started a stage. */
async function stagesTakenOver(store: Store, id: string): Promise<Record<string, JobResult>> {
  const taken: Record<string, JobResult> = {};
  for (const { key, kind, end } of await store.ledger.steps(id)) {
    if (kind !== 'files' || end.kind !== 'done') continue;
    const { known } = Merged.safeParse(end.result).data ?? { known: null };
    const { stage } = stepOfKey(key);
    if (known !== null && stage !== null) taken[stage] = known;
  }
  return taken;
}
