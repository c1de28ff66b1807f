import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';

export interface Warnings {
  /** True the first time the key is given, to whichever process comes first; false ever after. */
  warnOnce(key: string): Promise<boolean>;
}

export function createWarnings(db: Kysely<LedgerSchema>): Warnings {
  return {
    async warnOnce(key) {
      const inserted = await db
        .insertInto('warnings')
        .values({ key, warnedAt: Date.now() })
        .onConflict((conflict) => conflict.column('key').doNothing())
        .returning('key')
        .executeTakeFirst();
      return inserted !== undefined;
    },
  };
}
