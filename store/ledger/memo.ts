import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';
import { toJson } from './json.ts';

/** Builds and deterministic runs by what went into them, across jobs. Nothing that judges or measures is kept here. */
export interface Memo {
  /** What was remembered under the key; undefined where nothing was. The caller parses it. */
  recall(contentKey: string): Promise<unknown>;
  /** Remembers `value` (not undefined); what was there is replaced, since its artifacts may be damaged. */
  remember(contentKey: string, value: unknown): Promise<void>;
}

export function createMemo(db: Kysely<LedgerSchema>): Memo {
  return {
    async recall(contentKey) {
      const row = await db
        .selectFrom('memo')
        .select('valueJson')
        .where('contentKey', '=', contentKey)
        .executeTakeFirst();
      return row && JSON.parse(row.valueJson);
    },

    async remember(contentKey, value) {
      const entry = { valueJson: toJson(value, `memo ${contentKey}`), rememberedAt: Date.now() };
      await db
        .insertInto('memo')
        .values({ contentKey, ...entry })
        .onConflict((conflict) => conflict.column('contentKey').doUpdateSet(entry))
        .execute();
    },
  };
}
