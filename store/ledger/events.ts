import type { Kysely, Transaction } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';
import { inTransaction } from './transaction.ts';

/**
 * What was done and why, in words. `number` rises, with gaps, in the order events became visible: within a job, and over all that belongs to
 * one.
 */
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
  /** The same of the job and of those it is the parent of. */
  eventsBelow(jobId: string, after?: number): Promise<EventBelow[]>;
}

/** An event with the job it belongs to. `stage` names that job below the one asked for; null where it is that one itself. */
export interface EventBelow extends EventRecord {
  jobId: string;
  stage: string | null;
}

/**
 * Returns the number of a job's next event. Counting on the root's row locks it until the commit, so that no lower number can appear
 * later. Throws where the job was not opened; `what` is said of then.
 */
export async function countEvent(
  transaction: Transaction<LedgerSchema>,
  jobId: string,
  what: string,
): Promise<{ root: string; number: number }> {
  const job = await transaction
    .updateTable('jobs')
    .set((set) => ({ eventCount: set('eventCount', '+', 1) }))
    .where('id', '=', (of) => of.selectFrom('jobs as own').select('own.root').where('own.id', '=', jobId))
    .returning(['id', 'eventCount'])
    .executeTakeFirst();
  if (job === undefined) throw new Error(`${what}: expected job ${jobId} to be open, found no such job`);
  return { root: job.id, number: job.eventCount };
}

export function createEvents(db: Kysely<LedgerSchema>): Events {
  return {
    async say(jobId, key, text, at) {
      await inTransaction(db, async (transaction) => {
        const counted = await countEvent(transaction, jobId, `event ${key}`);
        await transaction
          .insertInto('events')
          .values({ jobId, ...counted, key, text, at })
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

    async eventsBelow(jobId, after = 0) {
      const said = await db
        .selectFrom('events')
        .innerJoin('jobs', 'jobs.id', 'events.jobId')
        .select(['number', 'key', 'text', 'at', 'jobId', 'stage'])
        .where('events.root', '=', (of) =>
          of.selectFrom('jobs as top').select('top.root').where('top.id', '=', jobId),
        )
        .where('number', '>', after)
        .where((is) => is.or([is('jobs.id', '=', jobId), is('jobs.parent', '=', jobId)]))
        .orderBy('number')
        .execute();
      return said.map((event) => (event.jobId === jobId ? { ...event, stage: null } : event));
    },
  };
}
