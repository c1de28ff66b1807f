import type { Kysely } from 'kysely';
import { ModelRateLimited } from '../../domain/errors.ts';
import type { LedgerSchema } from '../ledger-schema.ts';

/** How a route did in its last 1,000 requests that ended, without those its rate limit refused. Null: nothing to measure. */
export interface RouteStats {
  route: string;
  calls: number;
  failed: number;
  /** Of all that ended, from 0 to 1. */
  successRate: number | null;
  /** From sending to the end, of those answered. */
  p50Ms: number | null;
  p95Ms: number | null;
  firstTokenP50Ms: number | null;
  /** The median of output tokens a second, reasoning included, after the first token. */
  tokensPerSecond: number | null;
}

/** What is usual on a route. */
export interface Usual {
  /** How many requests it is taken from, at most 100. */
  calls: number;
  /** Of those whose price is known; null where none is. */
  microUsd: number | null;
  /** Read and written together; null where none reported them. */
  tokens: number | null;
  /** From 0 to 1. */
  failedShare: number;
}

export interface RouteStatistics {
  /** All routes ever asked, by name. */
  routeStats(): Promise<RouteStats[]>;
  /** What is usual on a route, from its last 100 requests that ended. */
  usualOf(route: string): Promise<Usual>;
}

const statsOver = 1_000;
const medianOver = 100;

export function createRouteStats(db: Kysely<LedgerSchema>): RouteStatistics {
  /** The route's last requests that ended. A refusal for the rate says nothing about the route. */
  const ended = (route: string, limit: number) =>
    db
      .selectFrom('modelCalls')
      .select(['status', 'startedAt', 'doneAt', 'firstTokenMs', 'inputTokens', 'outputTokens', 'microUsd'])
      .where('route', '=', route)
      .where('cached', '=', 0)
      .where('status', 'in', ['done', 'failed'])
      .where((where) => where.or([where('error', 'is', null), where('error', '!=', ModelRateLimited.name)]))
      .orderBy('startedAt', 'desc')
      .limit(limit)
      .execute();

  return {
    async routeStats() {
      const routes = await db.selectFrom('modelCalls').select('route').distinct().orderBy('route').execute();
      const stats: RouteStats[] = [];
      for (const { route } of routes) {
        const calls = await ended(route, statsOver);
        const answered = calls.filter(({ status }) => status === 'done');
        const tookMs = answered.map(({ startedAt, doneAt }) => (doneAt ?? startedAt) - startedAt);
        const firstTokens = answered.flatMap(({ firstTokenMs }) => firstTokenMs ?? []);
        const speeds = answered.flatMap(({ startedAt, doneAt, firstTokenMs, outputTokens }) => {
          const ms = (doneAt ?? startedAt) - startedAt - (firstTokenMs ?? 0);
          return outputTokens !== null && ms > 0 ? outputTokens / (ms / 1000) : [];
        });
        stats.push({
          route,
          calls: calls.length,
          failed: calls.length - answered.length,
          successRate: calls.length === 0 ? null : answered.length / calls.length,
          p50Ms: quantile(tookMs, 0.5),
          p95Ms: quantile(tookMs, 0.95),
          firstTokenP50Ms: quantile(firstTokens, 0.5),
          tokensPerSecond: quantile(speeds, 0.5),
        });
      }
      return stats;
    },

    async usualOf(route) {
      const calls = await ended(route, medianOver);
      return {
        calls: calls.length,
        microUsd: quantile(
          calls.flatMap(({ microUsd }) => microUsd ?? []),
          0.5,
        ),
        tokens: quantile(
          calls.flatMap(({ inputTokens, outputTokens }) =>
            inputTokens === null || outputTokens === null ? [] : inputTokens + outputTokens,
          ),
          0.5,
        ),
        failedShare:
          calls.length === 0 ? 0 : calls.filter(({ status }) => status === 'failed').length / calls.length,
      };
    },
  };
}

/** Returns the smallest of the values that at least `share` of them do not exceed; null of none. */
function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
