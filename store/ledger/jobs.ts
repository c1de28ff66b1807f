import type { Kysely, Selectable } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { JobResult } from '../../domain/job-input.schema.ts';
import type { JobRole } from '../../domain/job-input.ts';
import type { JobTable, LedgerSchema } from '../ledger-schema.ts';
import { toJson } from './json.ts';
import type { ReadRow } from './rows.ts';

export type JobStatus = JobTable['status'];

/** What opens a job; `parent` and `stage` where it belongs to another. */
export interface NewJob {
  /** The workflow ID. */
  id: string;
  /** What the runs of one job have in common. */
  series: string;
  /** 1, then 2 where the job was started anew. */
  run: number;
  name: string;
  kind: string;
  role: JobRole;
  /** What the workflow was started with. */
  input: Artifact;
  parent?: string | null;
  stage?: string | null;
  /** Milliseconds since 1970, as `endedAt`. */
  startedAt: number;
}

export interface JobEnd {
  status: Exclude<JobStatus, 'running'>;
  endedAt: number;
  /** What its workflow gave back, or would have; small. */
  result?: JobResult;
  /** The metric of the best trial. */
  best?: number | null;
}

export interface JobRecord {
  id: string;
  series: string;
  run: number;
  name: string;
  kind: string;
  role: JobRole;
  status: JobStatus;
  input: Artifact;
  parent: string | null;
  stage: string | null;
  startedAt: number;
  endedAt: number | null;
  report: Artifact | null;
  result: JobResult | null;
  best: number | null;
  history: Artifact | null;
}

export interface Jobs {
  /** Opens the job and returns its record; a job already open, or closed, is returned as it is. */
  openJob(job: NewJob): Promise<JobRecord>;
  /** Takes up a job that has ended, with what it is started with now; one that runs is left alone. */
  reopenJob(id: string, input: Artifact): Promise<void>;
  /** Closes a running job, with `only` just where it was started with that; the first close stands. Returns whether this one does. */
  closeJob(id: string, end: JobEnd, only?: { input: Artifact }): Promise<boolean>;
  /** Replaces the result of a closed job, and the metric of its best, with what is known since. */
  keepResult(id: string, result: Pick<JobEnd, 'result' | 'best'>): Promise<void>;
  /** Keeps the report, which is written from the closed job. */
  keepReport(id: string, report: Artifact): Promise<void>;
  /** Keeps the workflow's history, which is complete only after the job was closed. */
  keepHistory(id: string, history: Artifact): Promise<void>;
  /** Closed jobs whose history is not kept yet, the oldest first. */
  withoutHistory(limit: number): Promise<JobRecord[]>;
  job(id: string): Promise<JobRecord | undefined>;
  /** Every job that is open, stages and verifications too, oldest first. */
  openJobs(): Promise<JobRecord[]>;
  /** Jobs without a parent, newest first. */
  jobs(filter: { status?: JobStatus; limit: number }): Promise<JobRecord[]>;
  latestRun(series: string): Promise<JobRecord | undefined>;
  /** The jobs that have `parent`, of one role alone where it is given, in the order they were started. */
  children(parent: string, role?: JobRole): Promise<JobRecord[]>;
}

export function createJobs(db: Kysely<LedgerSchema>, readRow: ReadRow): Jobs {
  const toRecord = ({ resultJson, eventCount: _, ...row }: Selectable<JobTable>): JobRecord => ({
    ...row,
    result:
      readRow(`the result of job ${row.id}`, () =>
        JobResult.nullable().parse(JSON.parse(resultJson ?? 'null')),
      ) ?? null,
  });
  const select = () => db.selectFrom('jobs').selectAll();

  async function job(id: string): Promise<JobRecord | undefined> {
    const row = await select().where('id', '=', id).executeTakeFirst();
    return row && toRecord(row);
  }

  return {
    async openJob(opened) {
      const { id } = opened;
      await db
        .insertInto('jobs')
        .values({
          id,
          series: opened.series,
          run: opened.run,
          name: opened.name,
          kind: opened.kind,
          role: opened.role,
          status: 'running',
          input: opened.input,
          parent: opened.parent ?? null,
          stage: opened.stage ?? null,
          startedAt: opened.startedAt,
          eventCount: 0,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      return toRecord(await select().where('id', '=', id).executeTakeFirstOrThrow());
    },

    async reopenJob(id, input) {
      await db
        .updateTable('jobs')
        .set({ status: 'running', endedAt: null, input, report: null, history: null })
        .where('id', '=', id)
        .where('status', '!=', 'running')
        .execute();
    },

    async closeJob(id, end, only) {
      const update = db
        .updateTable('jobs')
        .set({
          status: end.status,
          endedAt: end.endedAt,
          resultJson: toJson(end.result, `result of job ${id}`),
          best: end.best ?? null,
        })
        .where('id', '=', id)
        .where('status', '=', 'running');
      const { numUpdatedRows } = await (only === undefined
        ? update
        : update.where('input', '=', only.input)
      ).executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async keepResult(id, { result, best }) {
      await db
        .updateTable('jobs')
        .set({ resultJson: toJson(result, `result of job ${id}`), best: best ?? null })
        .where('id', '=', id)
        .where('status', '!=', 'running')
        .execute();
    },

    async keepReport(id, report) {
      await db.updateTable('jobs').set({ report }).where('id', '=', id).execute();
    },

    async keepHistory(id, history) {
      await db.updateTable('jobs').set({ history }).where('id', '=', id).execute();
    },

    async withoutHistory(limit) {
      const rows = await select()
        .where('status', '!=', 'running')
        .where('history', 'is', null)
        .orderBy('endedAt')
        .limit(limit)
        .execute();
      return rows.map(toRecord);
    },

    job,

    async jobs({ status, limit }) {
      const all = select().where('parent', 'is', null);
      const rows = await (status === undefined ? all : all.where('status', '=', status))
        .orderBy('startedAt', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toRecord);
    },

    async openJobs() {
      const rows = await select()
        .where('status', '=', 'running')
        .orderBy('startedAt')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },

    async latestRun(series) {
      const row = await select()
        .where('series', '=', series)
        .orderBy('run', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toRecord(row);
    },

    async children(parent, role) {
      const all = select().where('parent', '=', parent);
      const rows = await (role === undefined ? all : all.where('role', '=', role))
        .orderBy('startedAt')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },
  };
}
