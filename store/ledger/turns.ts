import type { Kysely } from 'kysely';
import { jobOfStep } from '../../domain/step.ts';
import type { LedgerSchema, TurnTable } from '../ledger-schema.ts';

/** A sandbox waited for its turn on its host; times are milliseconds since 1970. */
export type TurnRecord = TurnTable;

export interface Turns {
  /** The sandbox `key` has to wait for the one of `behind`, or for another; said again, it still does. */
  waits(key: string, behind: string | null, now?: number): Promise<void>;
  /** It waits no longer. */
  goesOn(key: string, now?: number): Promise<void>;
  /** Every wait of a job's sandboxes, in the order they began. */
  turns(jobId: string): Promise<TurnRecord[]>;
}

export function createTurns(db: Kysely<LedgerSchema>): Turns {
  return {
    async waits(key, behind, now = Date.now()) {
      const { numUpdatedRows } = await db
        .updateTable('turns')
        .set({ behind })
        .where('key', '=', key)
        .where('until', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) return;
      await db
        .insertInto('turns')
        .values({ key, jobId: jobOfStep(key), behind, since: now, until: null })
        .onConflict((conflict) => conflict.columns(['key', 'since']).doNothing())
        .execute();
    },

    async goesOn(key, now = Date.now()) {
      await db
        .updateTable('turns')
        .set({ until: now })
        .where('key', '=', key)
        .where('until', 'is', null)
        .execute();
    },

    turns: (jobId) =>
      db.selectFrom('turns').selectAll().where('jobId', '=', jobId).orderBy('since').execute(),
  };
}
