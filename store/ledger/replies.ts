import type { Kysely } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { LedgerSchema } from '../ledger-schema.ts';

export interface Replies {
  /**
   * The reply to the request that `cacheKey` is the hash of: provider, model, parameters, prompt, schema and sample
   * index. Undefined where there is none.
   */
  recallReply(cacheKey: string): Promise<Artifact | undefined>;
  /** Remembers a reply; what was there is replaced, since its artifact may be damaged. */
  rememberReply(cacheKey: string, reply: Artifact): Promise<void>;
}

export function createReplies(db: Kysely<LedgerSchema>): Replies {
  /** In front of the table; the least recently used first. */
  const recent = new Map<string, Artifact>();

  function keep(cacheKey: string, reply: Artifact): void {
    recent.delete(cacheKey);
    recent.set(cacheKey, reply);
    const [oldest] = recent.keys();
    if (recent.size > defaults.model.cachedReplies && oldest !== undefined) recent.delete(oldest);
  }

  return {
    async recallReply(cacheKey) {
      let reply = recent.get(cacheKey);
      if (reply === undefined) {
        const row = await db
          .selectFrom('replies')
          .select('reply')
          .where('cacheKey', '=', cacheKey)
          .executeTakeFirst();
        reply = row?.reply;
      }
      if (reply !== undefined) keep(cacheKey, reply);
      return reply;
    },

    async rememberReply(cacheKey, reply) {
      const entry = { reply, rememberedAt: Date.now() };
      await db
        .insertInto('replies')
        .values({ cacheKey, ...entry })
        .onConflict((conflict) => conflict.column('cacheKey').doUpdateSet(entry))
        .execute();
      keep(cacheKey, reply);
    },
  };
}
