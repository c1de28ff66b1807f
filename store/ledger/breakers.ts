import type { Kysely, Transaction } from 'kysely';
import { defaults } from '../../domain/defaults.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import { inTransaction } from './transaction.ts';

/**
 * How a request on a route ended. `answered`: also where the answer was of no use; `failed`: as by `ModelUnavailable`. `broken`: no
 * request can succeed for now, as without quota or a valid key. A rate limit does not count as an end.
 */
export type RouteOutcome = 'answered' | 'failed' | 'broken';

export interface Breakers {
  /**
   * Notes how a request on the route ended. Five failures in a row, or one `broken`, open its breaker for 30 s.
   * Then one request tries the route again. Each failure of that doubles the time, up to ten minutes. An answer
   * closes it. `now` is in milliseconds since 1970.
   */
  noteRoute(route: string, outcome: RouteOutcome, now?: number): Promise<void>;
}

const { failures: mostFailures, openMs: firstOpenMs, longestMs: longestOpenMs } = defaults.model.breaker;
/** How long a trying request keeps the others away; one whose worker died never reports. */
const probeMs = 60_000;

export function createBreakers(db: Kysely<LedgerSchema>): Breakers {
  return {
    async noteRoute(route, outcome, now = Date.now()) {
      if (outcome === 'answered') return answered(db, route);
      await inTransaction(db, async (transaction) => {
        // Inserting, or setting a column to itself, locks the row before it is judged.
        const state = await transaction
          .insertInto('routes')
          .values({ route, failures: 0, opens: 0, openUntil: null, probing: 0, broken: 0 })
          .onConflict((conflict) => conflict.column('route').doUpdateSet({ route }))
          .returningAll()
          .executeTakeFirstOrThrow();
        // Requests that were under way when it opened fail one after another, and say nothing new.
        if (state.openUntil !== null && state.probing === 0) return;
        const failures = state.failures + 1;
        const opening = state.probing === 1 || outcome === 'broken' || failures >= mostFailures;
        const openMs = Math.min(firstOpenMs * 2 ** state.opens, longestOpenMs);
        await transaction
          .updateTable('routes')
          .set(
            opening
              ? {
                  ...{ failures, opens: state.opens + 1, openUntil: now + openMs, probing: 0 },
                  broken: outcome === 'broken' ? 1 : 0,
                }
              : { failures },
          )
          .where('route', '=', route)
          .execute();
      });
    },
  };
}

/** Closes the breaker. Nearly always there is nothing to change, and then nothing is written. */
async function answered(db: Kysely<LedgerSchema>, route: string): Promise<void> {
  const state = await db
    .selectFrom('routes')
    .select(['failures', 'openUntil'])
    .where('route', '=', route)
    .executeTakeFirst();
  if (state === undefined || (state.failures === 0 && state.openUntil === null)) return;
  await db
    .updateTable('routes')
    .set({ failures: 0, opens: 0, openUntil: null, probing: 0, broken: 0 })
    .where('route', '=', route)
    .execute();
}

/** Returns until when the route's breaker keeps requests away, and whether none can succeed; null where this one may pass. After that time one request passes, to try the route again. */
export async function passBreaker(
  transaction: Transaction<LedgerSchema>,
  route: string,
  now: number,
): Promise<{ untilMs: number; broken: boolean } | null> {
  const state = await transaction
    .selectFrom('routes')
    .select(['openUntil', 'broken'])
    .where('route', '=', route)
    .executeTakeFirst();
  const openUntil = state?.openUntil ?? null;
  if (openUntil === null) return null;
  const broken = state?.broken === 1;
  if (openUntil > now) return { untilMs: openUntil, broken };
  const probe = await transaction
    .updateTable('routes')
    .set({ probing: 1, openUntil: now + probeMs })
    .where('route', '=', route)
    .where('openUntil', '=', openUntil)
    .returning('route')
    .executeTakeFirst();
  return probe === undefined ? { untilMs: now + probeMs, broken } : null;
}
