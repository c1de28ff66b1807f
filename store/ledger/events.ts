import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';

/** What was done and why, in words. `number` rises within a job, with gaps, in the order events became visible. */
export interface EventRecord {
  number: number;
  key: string;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Events {
  /** Adds an event; the same key again changes nothing. Throws where the job was not opened. */
  say(jobId: string, key: string, text: string, at: number): Promise<void>;
  /** The job's events with a number above `after` (0 by default), in order. */
  events(jobId: string, after?: number): Promise<EventRecord[]>;
}

export function createEvents(db: Kysely<LedgerSchema>): Events {
  return {
    async say(jobId, key, text, at) {
      await db.transaction().execute(async (transaction) => {
        // Counting on the job's row locks it until the commit, so that no lower number can appear later.
        const job = await transaction
          .updateTable('jobs')
          .set((set) => ({ eventCount: set('eventCount', '+', 1) }))
          .where('id', '=', jobId)
          .returning('eventCount')
          .executeTakeFirst();
        if (job === undefined)
          throw new Error(`event ${key}: expected job ${jobId} to be open, found no such job`);
        await transaction
          .insertInto('events')
          .values({ jobId, number: job.eventCount, key, text, at })
          .onConflict((conflict) => conflict.columns(['jobId', 'key']).doNothing())
          .execute();
      });
    },

    events(jobId, after = 0) {
      return db
        .selectFrom('events')
        .select(['number', 'key', 'text', 'at'])
        .where('jobId', '=', jobId)
        .where('number', '>', after)
        .orderBy('number')
        .execute();
    },
  };
}
