import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';

export interface Garbage {
  /** The jobs at the top of those that ended before `before`, milliseconds since 1970, with all that belongs to them: IDs, oldest first. */
  endedBefore(before: number): Promise<string[]>;
  /**
   * Forgets such a job with all that belongs to it, unless some of that is running. Requests to models stay, without what was said:
   * what was paid is not forgotten. Returns whether it did.
   */
  forgetJob(root: string): Promise<boolean>;
  /** Forgets what was remembered across jobs, replies of models among it, and not since `before`. Returns how many of them. */
  forgetMemory(before: number): Promise<number>;
  /** Every text in which the ledger may name an artifact, but for those of the jobs `without`, and what was not remembered `since`. */
  textsNamingArtifacts(of?: { without?: ReadonlySet<string>; since?: number }): AsyncIterable<string>;
}

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
      return db.transaction().execute(async (transaction) => {
        // Written first, so that nobody takes the job up in between.
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set({ history: null })
          .where('id', '=', root)
          .where('status', '!=', 'running')
          .executeTakeFirst();
        const below = await transaction
          .selectFrom('jobs')
          .select(['id', 'status'])
          .where('root', '=', root)
          .execute();
        if (numUpdatedRows === 0n || below.some(({ status }) => status === 'running')) return false;
        await transaction.deleteFrom('events').where('root', '=', root).execute();
        for (const { id } of below) {
          for (const table of ['steps', 'trials', 'decisions', 'messages', 'partials', 'turns'] as const)
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
      let after = '';
      for (;;) {
        const jobs = await db
          .selectFrom('jobs')
          .select(['id', 'root', 'input', 'report', 'history', 'resultJson'])
          .where('id', '>', after)
          .orderBy('id')
          .limit(page)
          .execute();
        for (const { id, root, ...row } of jobs) {
          after = id;
          if (without.has(root)) continue;
          yield JSON.stringify(row);
          const [steps, trials, decisions, messages, calls] = await Promise.all([
            db.selectFrom('steps').select('resultJson').where('jobId', '=', id).execute(),
            db.selectFrom('trials').select('trialJson').where('jobId', '=', id).execute(),
            db.selectFrom('decisions').select('decisionJson').where('jobId', '=', id).execute(),
            db.selectFrom('messages').select('messageJson').where('jobId', '=', id).execute(),
            db.selectFrom('modelCalls').select(['prompt', 'reply']).where('jobId', '=', id).execute(),
          ]);
          for (const each of [...steps, ...trials, ...decisions, ...messages, ...calls])
            yield Object.values(each).join(' ');
        }
        if (jobs.length < page) break;
      }
      for (after = ''; ; ) {
        const rows = await db
          .selectFrom('memo')
          .select(['contentKey', 'valueJson'])
          .where('contentKey', '>', after)
          .where('rememberedAt', '>=', since)
          .orderBy('contentKey')
          .limit(page)
          .execute();
        for (const { contentKey, valueJson } of rows) {
          after = contentKey;
          yield valueJson;
        }
        if (rows.length < page) break;
      }
      for (after = ''; ; ) {
        const rows = await db
          .selectFrom('replies')
          .select(['cacheKey', 'reply'])
          .where('cacheKey', '>', after)
          .where('rememberedAt', '>=', since)
          .orderBy('cacheKey')
          .limit(page)
          .execute();
        for (const { cacheKey, reply } of rows) {
          after = cacheKey;
          yield reply;
        }
        if (rows.length < page) break;
      }
    },
  };
}
