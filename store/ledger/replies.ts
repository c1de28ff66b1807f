import type { Kysely } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Usage } from '../../domain/usage.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import { toJson } from './json.ts';

/** A reply that was paid for, and what it cost then. */
export interface KnownReply {
  reply: Artifact;
  usage: Usage | null;
  /** Null where the price was not known. */
  microUsd: number | null;
}

export interface Replies {
  /**
   * The reply to the request that `cacheKey` is the hash of: provider, model, parameters, prompt, schema and sample
   * index. Undefined where there is none.
   */
  recallReply(cacheKey: string): Promise<KnownReply | undefined>;
  /** Remembers a reply; what was there is replaced, since its artifact may be damaged. */
  rememberReply(cacheKey: string, known: KnownReply): Promise<void>;
}

/** How many replies a process holds in memory, in front of the table. */
const inMemory = 128;

export function createReplies(db: Kysely<LedgerSchema>): Replies {
  /** The least recently used first. */
  const recent = new Map<string, KnownReply>();

  function keep(cacheKey: string, known: KnownReply): void {
    recent.delete(cacheKey);
    recent.set(cacheKey, known);
    const [oldest] = recent.keys();
    if (recent.size > inMemory && oldest !== undefined) recent.delete(oldest);
  }

  return {
    async recallReply(cacheKey) {
      let known = recent.get(cacheKey);
      if (known === undefined) {
        const row = await db
          .selectFrom('replies')
          .selectAll()
          .where('cacheKey', '=', cacheKey)
          .executeTakeFirst();
        known = row && { reply: row.reply, usage: JSON.parse(row.usageJson), microUsd: row.microUsd };
      }
      if (known !== undefined) keep(cacheKey, known);
      return known;
    },

    async rememberReply(cacheKey, { reply, usage, microUsd }) {
      const usageJson = toJson(usage, `usage of reply ${cacheKey}`);
      const entry = { reply, usageJson, microUsd, rememberedAt: Date.now() };
      await db
        .insertInto('replies')
        .values({ cacheKey, ...entry })
        .onConflict((conflict) => conflict.column('cacheKey').doUpdateSet(entry))
        .execute();
      keep(cacheKey, { reply, usage, microUsd });
    },
  };
}
