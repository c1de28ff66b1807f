import type { ExpressionBuilder, Kysely, Selectable } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { JobKind } from '../../domain/job.schema.ts';
import { JobResult } from '../../domain/job-input.schema.ts';
import type { JobRole } from '../../domain/job-input.ts';
import { Extension } from '../../domain/message.schema.ts';
import type { Steered } from '../../domain/steered.ts';
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
  kind: JobKind;
  role: JobRole;
  /** What the workflow was started with. */
  input: Artifact;
  parent?: string | null;
  stage?: string | null;
  /** What it may use; without limit where it is not given. */
  budget?: Extension;
  /** Milliseconds since 1970, as `endedAt`. */
  startedAt: number;
  /** Since when its time runs; since it was started where it is not given. */
  beganAt?: number;
}

export interface JobEnd {
  status: Exclude<JobStatus, 'running'>;
  endedAt: number;
  /** What its workflow gave back, or would have; small. */
  result?: JobResult;
  /** The metric of the best trial. */
  best?: number | null;
}

export interface JobRecord extends Steered {
  id: string;
  series: string;
  run: number;
  name: string;
  kind: JobKind;
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
  /** Takes up a job that has ended, with what it is started with now: its time begins anew. One that runs is left alone. */
  reopenJob(id: string, again: { input: Artifact; budget: Extension; at: number }): Promise<void>;
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
  /**
   * A page of the jobs that are open, stages and verifications too, oldest first. It has at most `limit`, those
   * behind `after` where it is given.
   */
  openJobs(page: { after?: Spot | undefined; limit: number }): Promise<JobRecord[]>;
  /** A page of the jobs without a parent, newest first: at most `limit`, those behind `after` where it is given. */
  jobs(page: JobFilter & { after?: Spot; limit: number }): Promise<JobRecord[]>;
  /** How many jobs without a parent there are. */
  countJobs(filter?: JobFilter): Promise<number>;
  latestRun(series: string): Promise<JobRecord | undefined>;
  /** The jobs that have `parent`, in the order they were started: all, or a page as `jobs` gives them. */
  children(parent: string, page?: ChildFilter & { after?: Spot; limit?: number }): Promise<JobRecord[]>;
  /** How the cells of `parent` stand, without what they came to: there may be thousands. */
  endsBelow(parent: string): Promise<Pick<JobRecord, 'stage' | 'status' | 'endedAt'>[]>;
}

/** Which jobs are meant; a field that is left out leaves none out. */
export interface JobFilter {
  status?: JobStatus;
  /** Their name or their series. */
  called?: string;
  /** What their ID begins with. */
  startsWith?: string;
  kind?: readonly JobKind[];
}

export interface ChildFilter {
  role?: JobRole | readonly JobRole[];
  status?: JobStatus;
  stage?: string;
}

/** Where a page ended: its last job. */
export type Spot = Pick<JobRecord, 'id' | 'startedAt'>;

/** What comes behind a spot where the oldest come first. */
const behind = (is: ExpressionBuilder<LedgerSchema, 'jobs'>, { id, startedAt }: Spot) =>
  is.or([is('startedAt', '>', startedAt), is.and([is('startedAt', '=', startedAt), is('id', '>', id)])]);

export function createJobs(db: Kysely<LedgerSchema>, readRow: ReadRow): Jobs {
  const toRecord = ({
    resultJson,
    budgetJson,
    eventCount: _,
    root: __,
    ...row
  }: Selectable<JobTable>): JobRecord => ({
    ...row,
    budget: readRow(`the budget of job ${row.id}`, () => Extension.parse(JSON.parse(budgetJson))) ?? {},
    result:
      readRow(`the result of job ${row.id}`, () =>
        JobResult.nullable().parse(JSON.parse(resultJson ?? 'null')),
      ) ?? null,
  });
  const select = () => db.selectFrom('jobs').selectAll();

  const meant = ({ status, called, startsWith, kind }: JobFilter) => {
    let query = db.selectFrom('jobs').where('parent', 'is', null);
    if (status !== undefined) query = query.where('status', '=', status);
    if (kind !== undefined) query = query.where('kind', 'in', kind);
    if (called !== undefined)
      query = query.where((is) => is.or([is('name', '=', called), is('series', '=', called)]));
    // Text is compared by its bytes, and no character comes after the last: an index can be used.
    if (startsWith !== undefined)
      query = query.where('id', '>=', startsWith).where('id', '<', `${startsWith}\u{10FFFF}`);
    return query;
  };

  async function job(id: string): Promise<JobRecord | undefined> {
    const row = await select().where('id', '=', id).executeTakeFirst();
    return row && toRecord(row);
  }

  return {
    async openJob(opened) {
      const { id } = opened;
      const above = await db
        .selectFrom('jobs')
        .select('root')
        .where('id', '=', opened.parent ?? '')
        .executeTakeFirst();
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
          root: above?.root ?? id,
          startedAt: opened.startedAt,
          eventCount: 0,
          budgetJson: JSON.stringify(opened.budget ?? {}),
          beganAt: opened.beganAt ?? opened.startedAt,
          pausedMs: 0,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      return toRecord(await select().where('id', '=', id).executeTakeFirstOrThrow());
    },

    async reopenJob(id, { input, budget, at }) {
      await db
        .updateTable('jobs')
        .set({
          ...{ status: 'running', endedAt: null, input, report: null, history: null },
          ...{ budgetJson: JSON.stringify(budget), beganAt: at, pausedAt: null, pausedMs: 0 },
        })
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

    keepResult: (id, result) => keepResult(db, id, result),

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

    async jobs({ after, limit, ...filter }) {
      let query = meant(filter).selectAll();
      if (after !== undefined)
        query = query.where((is) =>
          is.or([
            is('startedAt', '<', after.startedAt),
            is.and([is('startedAt', '=', after.startedAt), is('id', '<', after.id)]),
          ]),
        );
      const rows = await query.orderBy('startedAt', 'desc').orderBy('id', 'desc').limit(limit).execute();
      return rows.map(toRecord);
    },

    async countJobs(filter = {}) {
      const { count } = await meant(filter)
        .select((of) => of.fn.countAll<number | bigint>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    async openJobs({ after, limit }) {
      let query = select().where('status', '=', 'running');
      if (after !== undefined) query = query.where((is) => behind(is, after));
      const rows = await query.orderBy('startedAt').orderBy('id').limit(limit).execute();
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

    async endsBelow(parent) {
      return db
        .selectFrom('jobs')
        .select(['stage', 'status', 'endedAt'])
        .where('parent', '=', parent)
        .where('role', '=', 'cell')
        .execute();
    },

    async children(parent, { role, status, stage, after, limit } = {}) {
      let query = select().where('parent', '=', parent);
      if (role !== undefined) query = query.where('role', 'in', [role].flat());
      if (status !== undefined) query = query.where('status', '=', status);
      if (stage !== undefined) query = query.where('stage', '=', stage);
      if (after !== undefined) query = query.where((is) => behind(is, after));
      if (limit !== undefined) query = query.limit(limit);
      const rows = await query.orderBy('startedAt').orderBy('id').execute();
      return rows.map(toRecord);
    },
  };
}

/** Replaces the result of a closed job; one that runs is left alone. */
export async function keepResult(
  db: Pick<Kysely<LedgerSchema>, 'updateTable'>,
  id: string,
  { result, best }: Pick<JobEnd, 'result' | 'best'>,
): Promise<void> {
  await db
    .updateTable('jobs')
    .set({ resultJson: toJson(result, `result of job ${id}`), best: best ?? null })
    .where('id', '=', id)
    .where('status', '!=', 'running')
    .execute();
}
