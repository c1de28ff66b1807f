import { ApplicationFailure } from '@temporalio/activity';
import { defaults } from '../../domain/defaults.ts';
import {
  BudgetExhausted,
  errorsToRetry,
  ModelContextTooLong,
  ModelQuotaExceeded,
  ModelRateLimited,
  ModelRefused,
  ModelReplyUnusable,
  ModelRequestRejected,
  ModelWindowClosed,
  RouteUnavailable,
} from '../../domain/errors.ts';
import { dollars } from '../../domain/money.ts';
import type { ModelFailure } from '../../llm/providers/failure.ts';
import type { AccountRecord } from '../../store/ledger/accounts.ts';
import type { RouteOutcome } from '../../store/ledger/breakers.ts';
import type { CallRecord, CallStart } from '../../store/ledger/model-calls.ts';

const { retryDelaysMs, rateLimitDelayMs, longestRetryMs, longestRateLimitMs, longestWindowMs, heldDelayMs } =
  defaults.model;
const longestMessage = 1_000;

/** Returns a failure that Temporal does not try again. Its message is cut: a history has to be short, and the whole is on record. */
export const finalFailure = (type: string, message: string): ApplicationFailure =>
  ApplicationFailure.create({
    type,
    message: message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`,
    nonRetryable: true,
  });

/** Returns a failure that Temporal tries again after `delayMs`. */
const later = (type: string, message: string, delayMs: number): ApplicationFailure =>
  ApplicationFailure.create({ type, message, nextRetryDelay: delayMs, nonRetryable: false });

/** Up to a quarter longer, so that those who wait for the same do not come back together. */
const jittered = (ms: number): number => Math.ceil(ms * (1 + Math.random() / 4));

/**
 * Returns the error for a request that was not sent. Where there is a route after this one, that is asked at
 * once. `accounts` are the job's and those above it.
 */
export function afterRefusal(
  refused: Exclude<CallStart, { kind: 'started' }>,
  { route, isLast }: { route: string; isLast: boolean },
  accounts: readonly AccountRecord[],
): Error {
  switch (refused.kind) {
    case 'wait':
      return later(
        'ModelRateLimited',
        `${route}: at its provider's limit, waiting ${refused.ms} ms`,
        jittered(refused.ms),
      );
    case 'open': {
      const ms = Math.max(0, refused.untilMs - Date.now());
      const why = `${route}: failed too often; it is tried again in ${Math.ceil(ms / 1000)} s`;
      // Without a valid key, or money, waiting is no help.
      return isLast && !refused.broken
        ? later('ModelUnavailable', why, jittered(ms))
        : new RouteUnavailable(why);
    }
    case 'held':
      return later(
        'BudgetHeld',
        `what is left of the budget is held for calls under way: ${spentText(accounts)}`,
        heldDelayMs,
      );
    case 'exhausted':
      return new BudgetExhausted(`${spentText(accounts)} is spent; the next call may cost more than is left`);
  }
}

/** Returns what is spent and held of each budget that the request falls under. */
function spentText(accounts: readonly AccountRecord[]): string {
  return accounts
    .flatMap(({ id, cap, spent, held }) => {
      const parts = [
        ...(cap.microUsd === null ? [] : [partText(dollars, spent.microUsd, held.microUsd, cap.microUsd)]),
        ...(cap.tokens === null ? [] : [`${partText(count, spent.tokens, held.tokens, cap.tokens)} tokens`]),
      ];
      return parts.length === 0 ? [] : [`${id}: ${parts.join(' and ')}`];
    })
    .join('; ');
}

const partText = (text: (value: number) => string, spent: number, held: number, cap: number): string =>
  `${text(spent)}${held === 0 ? '' : ` and ${text(held)} held`} of ${text(cap)}`;

const count = (value: number): string => value.toLocaleString('en');

/**
 * Returns the error for a request that failed, which says when Temporal tries again. That is after the
 * provider's own wait where it named one, else after the default delays. It is never once the route had its
 * `tries`. `before` are the call's earlier requests; rate limits do not count as tries.
 */
export function afterFailure(failure: ModelFailure, before: readonly CallRecord[], tries: number): Error {
  if (failure.reply !== null) return finalFailure(failure.name, failure.message);
  const opensAt = windowOf(failure, Date.now());
  if (opensAt !== null) return untilLater(ModelWindowClosed.name, failure.message, opensAt);
  if (failure.name === 'ModelRateLimited')
    return later(failure.name, failure.message, jittered(rateLimitWaitMs(failure)));
  if (!isPassing(failure)) return failure;
  const failed = before.filter(({ status, error }) => status === 'failed' && error !== 'ModelRateLimited');
  const tried = failed.length + 1;
  if (tried >= tries) return new RouteUnavailable(`${failure.message} (tried ${tried} times)`);
  const ownMs = retryDelaysMs[tried - 1] ?? retryDelaysMs.at(-1) ?? 0;
  const delayMs = Math.min(failure.retryAfterMs ?? ownMs, longestRetryMs);
  return later('ModelUnavailable', failure.message, delayMs);
}

/** Returns a failure that has the workflow ask again at `opensAt`, milliseconds since 1970. */
export const untilLater = (type: string, message: string, opensAt: number): ApplicationFailure =>
  ApplicationFailure.create({
    type,
    message: finalFailure('', message).message,
    details: [{ opensAt } satisfies WindowClosed],
    nonRetryable: true,
  });

/** What tells the workflow when a route can be asked again, milliseconds since 1970. */
export interface WindowClosed {
  opensAt: number;
}

/**
 * Returns when the quota that a request hit is open again, milliseconds since 1970. Null where it hit none, or
 * the provider did not say. A time that no quota takes is no time.
 */
export function windowOf({ name, retryAfterMs }: ModelFailure, now: number): number | null {
  if (retryAfterMs === null || retryAfterMs > longestWindowMs) return null;
  const isQuota = name === ModelQuotaExceeded.name;
  const isLong = name === ModelRateLimited.name && retryAfterMs > longestRateLimitMs;
  return isQuota || isLong ? now + retryAfterMs : null;
}

/** Returns how long nobody is to ask a provider after a 429. Longer ones are asked for again by the next 429, and some are nonsense. */
export const rateLimitWaitMs = ({ retryAfterMs }: ModelFailure): number =>
  Math.min(retryAfterMs ?? rateLimitDelayMs, longestRateLimitMs);

/**
 * Returns whether another try may help. The provider was not there, or what came was no reply at all that could
 * be repaired.
 */
const isPassing = ({ name, reply }: ModelFailure): boolean =>
  errorsToRetry('wait').includes(name) || (name === ModelReplyUnusable.name && reply === null);

/** Returns what a failure says of its route; null for nothing. */
export function routeOutcomeOf(failure: ModelFailure): RouteOutcome | null {
  if (failure.name === 'ModelRateLimited' || windowOf(failure, 0) !== null) return null;
  if (isPassing(failure)) return 'failed';
  const isBroken = failure.name === 'ModelQuotaExceeded' || failure.name === 'ModelUnauthenticated';
  return isBroken ? 'broken' : 'answered';
}

const refusals: readonly string[] = [ModelRequestRejected.name, ModelRefused.name, ModelContextTooLong.name];

/** Returns whether a request was refused for what it says: the same again would be. A model that is not there, or not allowed, is the account's matter. */
export const isRefusal = ({ name, reply, status }: ModelFailure): boolean =>
  refusals.includes(name) && reply === null && ![403, 404].includes(status ?? 0);
