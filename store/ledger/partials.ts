import type { Kysely } from 'kysely';
import type { LedgerSchema } from '../ledger-schema.ts';

/** The text so far of a request under way. */
export interface UnfinishedReply {
  /** Of the logical call. */
  key: string;
  jobId: string;
  route: string;
  /** Its end, where it is long. */
  text: string;
  /** Milliseconds since 1970. */
  at: number;
}

export interface Partials {
  /** Replaces what is shown of the call `key`; the last 16,000 characters of the text are kept. */
  showPartial(key: string, partial: Omit<UnfinishedReply, 'key'>): Promise<void>;
  /** What is shown of the job's own calls, by key. */
  partials(jobId: string): Promise<UnfinishedReply[]>;
  /** Shows nothing of the call any more. */
  clearPartial(key: string): Promise<void>;
}

const mostCharacters = 16_000;

export function createPartials(db: Kysely<LedgerSchema>): Partials {
  return {
    async showPartial(key, { jobId, route, text, at }) {
      // The cut may fall within a character of two code units.
      const shown = { jobId, route, text: text.slice(-mostCharacters).toWellFormed(), at };
      await db
        .insertInto('partials')
        .values({ key, ...shown })
        .onConflict((conflict) => conflict.column('key').doUpdateSet(shown))
        .execute();
    },

    partials: (jobId) =>
      db.selectFrom('partials').selectAll().where('jobId', '=', jobId).orderBy('key').execute(),

    async clearPartial(key) {
      await db.deleteFrom('partials').where('key', '=', key).execute();
    },
  };
}
