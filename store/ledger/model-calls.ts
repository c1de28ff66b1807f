import { randomUUID } from 'node:crypto';
import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { ModelUnavailable } from '../../domain/errors.ts';
import type { Usage } from '../../domain/usage.ts';
import type { LedgerSchema, ModelCallTable } from '../ledger-schema.ts';
import {
  type Amounts,
  checkAmounts,
  endHold,
  hold,
  Refused,
  type Reservation,
  type UnsureAmounts,
} from './accounts.ts';
import { passBreaker } from './breakers.ts';
import { type Admission, admit } from './rates.ts';
import { inTransaction } from './transaction.ts';
/** One physical request. `ambiguous`: started, and its end never seen; it may have been paid for. */
import { usageColumns, usageOf } from './usage.ts';

export interface CallRecord {
  /** The logical call, the same for all its requests. */
  key: string;
  /** 1, 2, … within the key. */
  request: number;
  jobId: string;
  route: string;
  /** Null where it was started without an admission. */
  provider: string | null;
  status: ModelCallTable['status'];
  /** The reply came from the cache: no request was sent, and nothing was paid. */
  cached: boolean;
  /** The prompt and its version: `improve-function@1`. */
  prompt: string | null;
  /** Milliseconds since 1970, as `doneAt`. */
  startedAt: number;
  /** Where its end was not seen by then, it is lost. Milliseconds since 1970. */
  lostAt: number;
  /** From the start to the first sign of the reply. */
  firstTokenMs: number | null;
  doneAt: number | null;
  usage: Usage | null;
  /** Millionths of a dollar; null where the price is not known. */
  microUsd: number | null;
  /** What was held for it, in millionths of a dollar. */
  estimateMicroUsd: number | null;
  reply: Artifact | null;
  /** The name of the error it failed with. */
  error: string | null;
  /** What was wrong with the reply, in words. */
  problem: string | null;
  /** How long the provider asked to wait. */
  retryAfterMs: number | null;
}

export interface NewCall {
  key: string;
  jobId: string;
  route: string;
  /** What it may cost at most, held on the account until the request ends. */
  estimate?: { accountId: string; amounts: Amounts };
  /** Given, the request keeps to the provider's limits. */
  admission?: Admission;
  prompt?: string | null;
  /** Given, it is not sent but queued for a batch. It says what is to be sent, and how many bytes that is. */
  queued?: { body: Artifact; bytes: number };
  /** How long it may take at most; without an end by then it is lost. Milliseconds. */
  longestMs?: number;
  /** Milliseconds since 1970. */
  now?: number;
}

/**
 * Whether a request may be sent. `held`: the budget has room once requests under way end; `exhausted`: it has none. `wait`: ask again in
 * `ms`, for a rate, a place or after a 429. `open`: the route's circuit breaker keeps requests away until then; `broken` where none
 * could succeed.
 */
export type CallStart =
  | { kind: 'started'; request: number }
  | { kind: Exclude<Reservation, 'reserved'> }
  | { kind: 'wait'; ms: number }
  | { kind: 'open'; untilMs: number; broken: boolean };

export interface CallEnd {
  /** Null where the provider reported none; then the estimated tokens count. */
  usage: Usage | null;
  /** Null where the price is not known; then the estimated money counts. */
  microUsd: number | null;
  firstTokenMs: number | null;
  reply: Artifact;
  now?: number;
}

export interface CallFailure {
  /** The name of the error. */
  error: string;
  /** What was wrong, in words. */
  problem?: string | null;
  /** What came and could not be used, where it is kept. */
  reply?: Artifact | null;
  usage?: Usage | null;
  microUsd?: number | null;
  firstTokenMs?: number | null;
  retryAfterMs?: number | null;
  now?: number;
}

export interface ModelCalls {
  /**
   * Records that a request is about to be sent, or returns why not. The route's breaker, the provider's limits
   * or the budget may be in the way. A refusal records and takes nothing. A request of the same key found
   * started is marked ambiguous, and its estimate counts as spent. One found queued is that request.
   */
  startCall(call: NewCall): Promise<CallStart>;
  /** Records the reply and settles the hold. The first end of a request stands. */
  finishCall(key: string, request: number, end: CallEnd): Promise<void>;
  /**
   * Records a failure. Where the provider counted tokens, charged, or had begun to reply, the hold is settled
   * as by `finishCall`. Else it is given back. What it took of the provider's rate is not.
   */
  failCall(key: string, request: number, failure: CallFailure): Promise<void>;
  /** Records a call that was answered from the cache: no request was sent, and nothing is paid. */
  recordCached(
    call: Pick<NewCall, 'key' | 'jobId' | 'route' | 'prompt' | 'now'> & { reply: Artifact },
  ): Promise<void>;
  /**
   * Ends the requests that a job leaves open when it closes, and returns how many. They become ambiguous and their holds count
   * as spent; unfinished replies are shown no more.
   */
  closeCalls(jobId: string): Promise<number>;
  /** All requests of a call in the order they were sent. */
  requestsOf(key: string): Promise<CallRecord[]>;
  /** The job's requests in the order they were sent. */
  calls(jobId: string): Promise<CallRecord[]>;
}

export function createModelCalls(db: Kysely<LedgerSchema>): ModelCalls {
  const select = () => db.selectFrom('modelCalls').selectAll();

  /**
   * Marks what an earlier worker left open. It is a transaction of its own, since it stands even if the new
   * request is refused.
   */
  async function closeLost(key: string): Promise<void> {
    const lost = await select().where('key', '=', key).where('status', '=', 'started').executeTakeFirst();
    if (lost !== undefined) await inTransaction(db, (transaction) => lose(transaction, { key }));
  }

  async function tryStart(call: NewCall): Promise<CallStart> {
    try {
      const request = await inTransaction(db, (transaction) => start(transaction, call));
      return { kind: 'started', request };
    } catch (error) {
      if (error instanceof Refused) return { kind: error.reservation };
      if (error instanceof NotNow) return error.start;
      throw error;
    }
  }

  return {
    async startCall(call) {
      const queued = await select()
        .where('key', '=', call.key)
        .where('status', '=', 'queued')
        .executeTakeFirst();
      if (queued !== undefined) return { kind: 'started', request: queued.request };
      await closeLost(call.key);
      const begun = await tryStart(call);
      if (begun.kind !== 'held' && begun.kind !== 'wait') return begun;
      // What stands in the way may be requests of jobs that were ended from outside, and will never settle them.
      const lostBy = call.now ?? Date.now();
      const stale = await select()
        .where('status', '=', 'started')
        .where('lostAt', '<', lostBy)
        .executeTakeFirst();
      if (stale === undefined) return begun;
      await inTransaction(db, (transaction) => lose(transaction, { lostBy }));
      return tryStart(call);
    },

    async finishCall(key, request, { usage, now = Date.now(), ...end }) {
      await inTransaction(db, async (transaction) => {
        await transaction
          .updateTable('modelCalls')
          .set({ ...end, ...usageColumns(usage), status: 'done', doneAt: now })
          .where('key', '=', key)
          .where('request', '=', request)
          .where('status', 'in', ['started', 'queued', 'ambiguous'])
          .execute();
        await endHold(transaction, holdId(key, request), 'settled', amountsOf(usage, end.microUsd));
      });
    },

    async failCall(key, request, { usage = null, microUsd = null, now = Date.now(), ...failure }) {
      const replied = failure.reply != null || failure.firstTokenMs != null;
      const charged = usage !== null || microUsd !== null || replied;
      await inTransaction(db, async (transaction) => {
        await transaction
          .updateTable('modelCalls')
          .set({ ...failure, ...usageColumns(usage), microUsd, status: 'failed', doneAt: now })
          .where('key', '=', key)
          .where('request', '=', request)
          .where('status', 'in', ['started', 'queued'])
          .execute();
        await leaveLine(transaction, { key });
        await endHold(
          transaction,
          holdId(key, request),
          charged ? 'settled' : 'released',
          amountsOf(usage, microUsd),
        );
      });
    },

    async recordCached({ key, jobId, route, prompt = null, reply, now = Date.now() }) {
      await inTransaction(db, (transaction) =>
        transaction
          .insertInto('modelCalls')
          .values((values) => ({
            ...{ key, jobId, route, prompt, reply, request: nextRequest(values, key) },
            ...{ status: 'done', cached: 1, startedAt: now, lostAt: now, doneAt: now, microUsd: 0 },
          }))
          .execute(),
      );
    },

    closeCalls: (jobId) =>
      inTransaction(db, async (transaction) => {
        const unsent = await leaveLine(transaction, { jobId });
        for (const { key, request } of unsent) await giveUp(transaction, key, request);
        await transaction
          .updateTable('batchItems')
          .set({ withdrawn: 1 })
          .where('jobId', '=', jobId)
          .execute();
        const lost = await lose(transaction, { jobId });
        await transaction.deleteFrom('partials').where('jobId', '=', jobId).execute();
        return lost;
      }),

    async requestsOf(key) {
      const rows = await select().where('key', '=', key).orderBy('request').execute();
      return rows.map(toRecord);
    },

    async calls(jobId) {
      const rows = await select()
        .where('jobId', '=', jobId)
        .orderBy('startedAt')
        .orderBy('key')
        .orderBy('request')
        .execute();
      return rows.map(toRecord);
    },
  };
}

/** A request has to wait; thrown so that the transaction takes back what it already took. */
class NotNow extends Error {
  override name = 'NotNow';
  readonly start: CallStart;

  constructor(start: CallStart) {
    super(start.kind);
    this.start = start;
  }
}

/** Throws `NotNow` or `Refused` where the request may not be sent. Locks go: route, provider, call, accounts. */
async function start(transaction: Transaction<LedgerSchema>, call: NewCall): Promise<number> {
  const { key, jobId, route, estimate, admission, queued, prompt = null, now = Date.now() } = call;
  const { longestMs = defaults.model.longestRequestMs } = call;
  if (estimate !== undefined) checkAmounts(key, estimate.amounts);
  const open = await passBreaker(transaction, route, now);
  if (open !== null) throw new NotNow({ kind: 'open', ...open });
  const ms = admission === undefined ? 0 : await admit(transaction, admission, now);
  if (ms > 0) throw new NotNow({ kind: 'wait', ms });

  const { request } = await transaction
    .insertInto('modelCalls')
    .values((values) => ({
      ...{ key, jobId, route, prompt, request: nextRequest(values, key) },
      ...{ status: queued === undefined ? 'started' : 'queued' },
      ...{ cached: 0, startedAt: now, lostAt: now + longestMs },
      provider: admission?.provider ?? null,
      estimateMicroUsd: estimate?.amounts.microUsd ?? null,
    }))
    .returning('request')
    .executeTakeFirstOrThrow();
  if (estimate !== undefined)
    await hold(transaction, estimate.accountId, estimate.amounts, holdId(key, request));
  if (queued !== undefined)
    await transaction
      .insertInto('batchItems')
      .values({
        ...{ id: `item_${randomUUID().replaceAll('-', '')}`, key, request, jobId, route, ...queued },
        ...{ queuedAt: now, batchId: null, result: null, withdrawn: 0 },
      })
      .execute();
  return request;
}

/** Takes what is in no batch yet out of the line; returns which requests. */
const leaveLine = (transaction: Transaction<LedgerSchema>, of: { key: string } | { jobId: string }) =>
  transaction
    .deleteFrom('batchItems')
    .where('batchId', 'is', null)
    .where(({ eb }) => ('key' in of ? eb('key', '=', of.key) : eb('jobId', '=', of.jobId)))
    .returning(['key', 'request'])
    .execute();

/** A request that was never sent costs nothing. */
async function giveUp(transaction: Transaction<LedgerSchema>, key: string, request: number): Promise<void> {
  await transaction
    .updateTable('modelCalls')
    .set({ status: 'failed', error: ModelUnavailable.name, problem: 'its job ended before it was sent' })
    .where('key', '=', key)
    .where('request', '=', request)
    .where('status', '=', 'queued')
    .execute();
  await endHold(transaction, holdId(key, request), 'released');
}

const nextRequest = (values: ExpressionBuilder<LedgerSchema, 'modelCalls'>, key: string) =>
  values
    .selectFrom('modelCalls')
    .where('key', '=', key)
    .select((select) => select(select.fn.countAll<number>(), '+', sql.lit(1)).as('request'));

/**
 * Gives up started requests of a call or of a job, or those lost by a time. Returns how many. They are
 * ambiguous, and spent at their estimates.
 */
async function lose(
  transaction: Transaction<LedgerSchema>,
  of: { key: string } | { jobId: string } | { lostBy: number },
): Promise<number> {
  // What is queued is with the provider, or ours: it ends with its job alone.
  const open = 'jobId' in of ? (['started', 'queued'] as const) : (['started'] as const);
  const started = transaction
    .updateTable('modelCalls')
    .set({ status: 'ambiguous' })
    .where('status', 'in', open);
  const those =
    'key' in of
      ? started.where('key', '=', of.key)
      : 'jobId' in of
        ? started.where('jobId', '=', of.jobId)
        : started.where('lostAt', '<', of.lostBy);
  const lost = await those.returning(['key', 'request']).execute();
  for (const { key, request } of lost) await endHold(transaction, holdId(key, request), 'settled');
  return lost.length;
}

/** Returns what a request counts as; null for what is not known. */
const amountsOf = (usage: Usage | null, microUsd: number | null): UnsureAmounts => ({
  microUsd,
  tokens: usage && usage.input + usage.output,
});

const holdId = (key: string, request: number): string => `${key}#${request}`;

function toRecord({
  inputTokens,
  cachedTokens,
  writtenTokens,
  outputTokens,
  reasoningTokens,
  cached,
  ...call
}: Selectable<ModelCallTable>): CallRecord {
  const usage = usageOf({ inputTokens, cachedTokens, writtenTokens, outputTokens, reasoningTokens });
  return { ...call, cached: cached === 1, usage };
}
