import type { Kysely, Transaction } from 'kysely';
import type { ProviderLimits } from '../../domain/provider-limits.schema.ts';
import type { LedgerSchema } from '../ledger-schema.ts';

/** A request that asks to be let through to its provider. */
export interface Admission {
  provider: string;
  limits: ProviderLimits;
  /** At most, input and output. */
  tokens: number;
}

export interface Rates {
  /** After a 429: nobody asks this provider before `untilMs` (since 1970). An earlier time than one given before changes nothing. */
  slowDown(provider: string, untilMs: number): Promise<void>;
}

/** When to ask again where all places are taken; nobody knows when a request will end. */
const inFlightWaitMs = 250;

export function createRates(db: Kysely<LedgerSchema>): Rates {
  return {
    async slowDown(provider, untilMs) {
      await db
        .insertInto('providers')
        .values({ provider, requestsFullAt: 0, tokensFullAt: 0, slowUntil: untilMs })
        .onConflict((conflict) =>
          conflict
            .column('provider')
            .doUpdateSet({ slowUntil: untilMs })
            .where('providers.slowUntil', '<', untilMs),
        )
        .execute();
    },
  };
}

/**
 * Takes a request, its tokens and a place from the provider, and returns 0. Or it returns how many milliseconds
 * to wait, having taken nothing. The provider's row stays locked until the transaction ends, so that places are
 * counted right.
 */
export async function admit(
  transaction: Transaction<LedgerSchema>,
  { provider, limits, tokens }: Admission,
  now: number,
): Promise<number> {
  const state = await transaction
    .insertInto('providers')
    .values({ provider, requestsFullAt: 0, tokensFullAt: 0, slowUntil: 0 })
    .onConflict((conflict) => conflict.column('provider').doUpdateSet({ provider }))
    .returningAll()
    .executeTakeFirstOrThrow();
  const requests = take(state.requestsFullAt, limits.requestsPerMinute, 1, now);
  const ofTokens = take(state.tokensFullAt, limits.tokensPerMinute, tokens, now);
  const waitMs = Math.max(state.slowUntil - now, requests.waitMs, ofTokens.waitMs);
  if (waitMs > 0) return Math.ceil(waitMs);

  const { inFlight } = await transaction
    .selectFrom('modelCalls')
    .select((select) => select.fn.countAll<number>().as('inFlight'))
    .where('status', '=', 'started')
    .where('provider', '=', provider)
    .executeTakeFirstOrThrow();
  if (inFlight >= limits.inFlight) return inFlightWaitMs;

  await transaction
    .updateTable('providers')
    .set({ requestsFullAt: requests.fullAt, tokensFullAt: ofTokens.fullAt })
    .where('provider', '=', provider)
    .execute();
  return 0;
}

/**
 * A token bucket in one number. It holds ten seconds' worth, or one request's where that is more, and fills at
 * `perMinute`. `fullAt` is when it is full. A request of any size goes as soon as the bucket is not empty, and
 * may leave a debt. Large requests would else wait for ever behind small ones.
 */
export function take(
  fullAt: number,
  perMinute: number | null,
  amount: number,
  now: number,
): { waitMs: number; fullAt: number } {
  if (perMinute === null) return { waitMs: 0, fullAt };
  const msEach = 60_000 / perMinute;
  const capacityMs = Math.max(60_000 / 6, msEach);
  const from = Math.max(fullAt, now);
  const waitMs = Math.max(0, from + msEach - capacityMs - now);
  return { waitMs, fullAt: from + amount * msEach };
}
