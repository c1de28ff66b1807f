import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Kysely, Selectable } from 'kysely';
import { failpoint } from '../failpoint.ts';
import type { LedgerSchema, StepTable } from '../ledger-schema.ts';
import { toJson } from './json.ts';
import type { ReadRow } from './rows.ts';

export interface StepRecord {
  key: string;
  jobId: string;
  kind: string;
  /** `HOST:PID:RANDOM` of the process that started it last. */
  worker: string;
  startedAt: number;
  /** How often it was started; above 1 where a worker died in it. */
  starts: number;
  end: { kind: 'none' } | { kind: 'done'; doneAt: number; result: unknown };
}

export interface Steps {
  /**
   * The result of the step `key`. A step that is done is not computed again, by any process. Where several compute
   * it at once, the first to finish decides and all get its result. What comes back has been through JSON.
   * An error of `compute` rises; the step can then be started anew. Throws `PayloadTooLarge` above 64 KB.
   */
  once<T>(key: string, step: { jobId: string; kind: string }, compute: () => Promise<T>): Promise<T>;
  /** Whether the step has a result. */
  isDone(key: string): Promise<boolean>;
  /** The job's steps, or those of a kind, in the order they were last started. */
  steps(jobId: string, kind?: string): Promise<StepRecord[]>;
}

const worker = `${hostname()}:${process.pid}:${randomUUID()}`;

export function createSteps(db: Kysely<LedgerSchema>, readRow: ReadRow): Steps {
  async function result(key: string): Promise<string | null | undefined> {
    const row = await db.selectFrom('steps').select('resultJson').where('key', '=', key).executeTakeFirst();
    return row?.resultJson;
  }

  /** False where the step is done meanwhile. */
  async function start(key: string, { jobId, kind }: { jobId: string; kind: string }): Promise<boolean> {
    const startedAt = Date.now();
    const started = await db
      .insertInto('steps')
      .values({ key, jobId, kind, status: 'started', worker, startedAt, starts: 1 })
      .onConflict((conflict) =>
        conflict
          .column('key')
          .doUpdateSet((set) => ({ worker, startedAt, starts: set('steps.starts', '+', 1) }))
          .where('steps.status', '=', 'started'),
      )
      .returning('key')
      .executeTakeFirst();
    return started !== undefined;
  }

  async function finish(key: string, resultJson: string): Promise<void> {
    await db
      .updateTable('steps')
      .set({ status: 'done', doneAt: Date.now(), resultJson })
      .where('key', '=', key)
      .where('status', '=', 'started')
      .execute();
  }

  return {
    async once<T>(key: string, step: { jobId: string; kind: string }, compute: () => Promise<T>): Promise<T> {
      let stored = await result(key);
      if (typeof stored !== 'string') {
        if (await start(key, step)) {
          failpoint('step-begun');
          const computed = toJson(await compute(), `result of step ${key}`);
          failpoint('step-done');
          await finish(key, computed);
          failpoint('step-kept');
        }
        stored = await result(key);
      }
      if (typeof stored !== 'string') throw new Error(`step ${key}: its row was removed while it ran`);
      // The row was written by a compute of the same key, whose result is a T.
      return JSON.parse(stored) as T;
    },

    isDone: async (key) => typeof (await result(key)) === 'string',

    async steps(jobId, kind) {
      const rows = await db
        .selectFrom('steps')
        .selectAll()
        .where('jobId', '=', jobId)
        .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
        .orderBy('startedAt')
        .orderBy('key')
        .execute();
      return rows.map((row) => toRecord(row, readRow));
    },
  };
}

function toRecord(
  { status: _, doneAt, resultJson, ...row }: Selectable<StepTable>,
  readRow: ReadRow,
): StepRecord {
  if (doneAt === null || resultJson === null) return { ...row, end: { kind: 'none' } };
  const result = readRow(`step ${row.key}`, () => JSON.parse(resultJson));
  return { ...row, end: { kind: 'done', doneAt, result } };
}
