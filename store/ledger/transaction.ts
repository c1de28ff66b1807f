import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';

/**
 * Another process got in the way of a transaction, which was taken back. It may go through when it is done
 * anew.
 */
export class TryAgain extends Error {
  override name = 'TryAgain';
}

const mostTries = 10;

/**
 * Does `work` in one transaction, and anew where another process got in its way. Two may wait for each other,
 * both may number a row alike, or the server was restarted. Returns what `work` does. Only SQLite's
 * transactions follow one another. What `work` decides by must be a row that it has written or locked before.
 */
export async function inTransaction<T>(
  db: Kysely<LedgerSchema>,
  work: (transaction: Transaction<LedgerSchema>) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (!(error instanceof TryAgain)) throw error;
      if (tries === mostTries) throw error.cause;
      await sleep(tries * 5 * (0.5 + Math.random()));
    }
  }
}
