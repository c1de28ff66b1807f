import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';
import { inTransaction } from './transaction.ts';

export interface Garbage {
  /**
   * The jobs at the top of those that ended before `before`, milliseconds since 1970. With all that belongs to
   * them: IDs, oldest first.
   */
  endedBefore(before: number): Promise<string[]>;
  /**
   * Forgets such a job with all that belongs to it, unless some of that is running. Requests to models stay, without what was said:
   * what was paid is not forgotten. Returns whether it did.
   */
  forgetJob(root: string): Promise<boolean>;
  /** Forgets what was remembered across jobs, replies of models among it, and not since `before`. Returns how many of them. */
  forgetMemory(before: number): Promise<number>;
  /**
   * Every text in which the ledger may name an artifact. Left out are those of the jobs `without`, and what was
   * not remembered `since`.
   */
  textsNamingArtifacts(of?: { without?: ReadonlySet<string>; since?: number }): AsyncIterable<string>;
}

/** Whose rows are forgotten with their job. */
const jobTables = ['steps', 'trials', 'decisions', 'messages', 'partials', 'turns', 'batchItems'] as const;

/** Rows that are held at once. */
const page = 500;

export function createGarbage(db: Kysely<LedgerSchema>): Garbage {
  return {
    async endedBefore(before) {
      const rows = await db
        .selectFrom('jobs')
        .select('id')
        .where('parent', 'is', null)
        .where('status', '!=', 'running')
        .where('endedAt', '<', before)
        .orderBy('endedAt')
        .execute();
      return rows.map(({ id }) => id);
    },

    async forgetJob(root) {
      return inTransaction(db, async (transaction) => {
        // Written first, all of them, so that nobody takes one up in between.
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set({ history: null })
          .where('id', '=', root)
          .where('status', '!=', 'running')
          .executeTakeFirst();
        const below = await transaction
          .updateTable('jobs')
          .set((set) => ({ status: set.ref('status') }))
          .where('root', '=', root)
          .returning(['id', 'status'])
          .execute();
        if (numUpdatedRows === 0n || below.some(({ status }) => status === 'running')) return false;
        await transaction.deleteFrom('events').where('root', '=', root).execute();
        for (const { id } of below) {
          for (const table of jobTables)
            await transaction.deleteFrom(table).where('jobId', '=', id).execute();
          await transaction
            .updateTable('modelCalls')
            .set({ prompt: null, reply: null })
            .where('jobId', '=', id)
            .execute();
          await transaction.deleteFrom('jobs').where('id', '=', id).execute();
        }
        return true;
      });
    },

    async forgetMemory(before) {
      let forgotten = 0n;
      for (const table of ['memo', 'replies'] as const) {
        const { numDeletedRows } = await db
          .deleteFrom(table)
          .where('rememberedAt', '<', before)
          .executeTakeFirst();
        forgotten += numDeletedRows;
      }
      return Number(forgotten);
    },

    async *textsNamingArtifacts({ without = new Set(), since = 0 } = {}) {
      const jobs = db.selectFrom('jobs').select(['id', 'root', 'input', 'report', 'history', 'resultJson']);
      const memo = db
        .selectFrom('memo')
        .where('rememberedAt', '>=', since)
        .select(['contentKey', 'valueJson']);
      const replies = db
        .selectFrom('replies')
        .where('rememberedAt', '>=', since)
        .select(['cacheKey', 'reply']);
      for await (const { id, root, ...row } of paged(
        (after) => jobs.where('id', '>', after).orderBy('id').limit(page).execute(),
        (job) => job.id,
      )) {
        if (without.has(root)) continue;
        yield JSON.stringify(row);
        yield* textsOf(id);
      }
      for await (const { valueJson } of paged(
        (after) => memo.where('contentKey', '>', after).orderBy('contentKey').limit(page).execute(),
        (row) => row.contentKey,
      ))
        yield valueJson;
      for await (const { reply } of paged(
        (after) => replies.where('cacheKey', '>', after).orderBy('cacheKey').limit(page).execute(),
        (row) => row.cacheKey,
      ))
        yield reply;
    },
  };

  async function* textsOf(jobId: string): AsyncIterable<string> {
    const [steps, trials, decisions, messages, calls, items] = await Promise.all([
      db.selectFrom('steps').select('resultJson').where('jobId', '=', jobId).execute(),
      db.selectFrom('trials').select('trialJson').where('jobId', '=', jobId).execute(),
      db.selectFrom('decisions').select('decisionJson').where('jobId', '=', jobId).execute(),
      db.selectFrom('messages').select('messageJson').where('jobId', '=', jobId).execute(),
      db.selectFrom('modelCalls').select(['prompt', 'reply']).where('jobId', '=', jobId).execute(),
      db.selectFrom('batchItems').select(['body', 'result']).where('jobId', '=', jobId).execute(),
    ]);
    for (const each of [...steps, ...trials, ...decisions, ...messages, ...calls, ...items])
      yield Object.values(each).join(' ');
  }
}

/** All rows of a table, in the order of their keys. `read` gives the next page of those behind a key. */
async function* paged<Row>(
  read: (after: string) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): AsyncIterable<Row> {
  for (let after = ''; ; ) {
    const rows = await read(after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    after = keyOf(last);
  }
}
