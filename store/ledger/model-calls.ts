import type { Kysely, Selectable } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { LedgerSchema, ModelCallTable } from '../ledger-schema.ts';
import { type Amounts, endHold, hold, Refused, type Reservation } from './accounts.ts';
import { toJson } from './json.ts';

/** One physical request. `ambiguous`: started, and its end never seen; it may have been paid for. */
export interface CallRecord {
  /** The logical call, the same for all its requests. */
  key: string;
  /** 1, 2, … within the key. */
  request: number;
  jobId: string;
  route: string;
  status: ModelCallTable['status'];
  startedAt: number;
  doneAt: number | null;
  /** Tokens by kind, as the provider counted them. */
  usage: Record<string, number> | null;
  /** Millionths of a dollar; null where the price is not known. */
  microUsd: number | null;
  reply: Artifact | null;
  /** The name of the error it failed with. */
  error: string | null;
}

export interface NewCall {
  key: string;
  jobId: string;
  route: string;
  /** What it may cost at most, held on the account until the request ends. */
  estimate?: { accountId: string; amounts: Amounts };
}

export type CallStart = { kind: 'started'; request: number } | { kind: Exclude<Reservation, 'reserved'> };

export interface CallEnd {
  usage: Record<string, number>;
  /** All tokens that count against the budget. */
  tokens: number;
  /** Null where the price is not known; then the estimate counts as spent. */
  microUsd: number | null;
  reply: Artifact;
}

export interface ModelCalls {
  /**
   * Records that a request is about to be sent, and holds its estimate; without room for that nothing is recorded.
   * A request of the same key found started is marked ambiguous, and its estimate counts as spent.
   */
  startCall(call: NewCall): Promise<CallStart>;
  /** Records the reply and settles the hold. The first end of a request stands. */
  finishCall(key: string, request: number, end: CallEnd): Promise<void>;
  /** Records a failure and gives the hold back, or settles it at `spent` where the provider charged for it. */
  failCall(key: string, request: number, error: string, spent?: Amounts): Promise<void>;
  /** The request that answered the call first; undefined where none has. */
  finishedCall(key: string): Promise<CallRecord | undefined>;
  /** The job's requests in the order they were sent. */
  calls(jobId: string): Promise<CallRecord[]>;
}

export function createModelCalls(db: Kysely<LedgerSchema>): ModelCalls {
  /** What an earlier worker left open; a transaction of its own, since it stands even if the new request is refused. */
  const closeLost = (key: string): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      const lost = await transaction
        .updateTable('modelCalls')
        .set({ status: 'ambiguous' })
        .where('key', '=', key)
        .where('status', '=', 'started')
        .returning('request')
        .execute();
      for (const { request } of lost) await endHold(transaction, holdId(key, request), 'settled');
    });

  return {
    async startCall({ key, jobId, route, estimate }) {
      await closeLost(key);
      try {
        const request = await db.transaction().execute(async (transaction) => {
          const { request } = await transaction
            .selectFrom('modelCalls')
            .where('key', '=', key)
            .select((select) => select(select.fn.countAll<number>(), '+', 1).as('request'))
            .executeTakeFirstOrThrow();
          await transaction
            .insertInto('modelCalls')
            .values({ key, request, jobId, route, status: 'started', startedAt: Date.now() })
            .execute();
          if (estimate !== undefined)
            await hold(transaction, estimate.accountId, estimate.amounts, holdId(key, request));
          return request;
        });
        return { kind: 'started', request };
      } catch (error) {
        if (error instanceof Refused) return { kind: error.reservation };
        throw error;
      }
    },

    async finishCall(key, request, { usage, tokens, microUsd, reply }) {
      await db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('modelCalls')
          .set({
            status: 'done',
            doneAt: Date.now(),
            usageJson: toJson(usage, `usage of call ${key}`),
            microUsd,
            reply,
          })
          .where('key', '=', key)
          .where('request', '=', request)
          .where('status', 'in', ['started', 'ambiguous'])
          .execute();
        await endHold(transaction, holdId(key, request), 'settled', { microUsd, tokens });
      });
    },

    async failCall(key, request, error, spent) {
      await db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('modelCalls')
          .set({ status: 'failed', doneAt: Date.now(), error, microUsd: spent?.microUsd ?? null })
          .where('key', '=', key)
          .where('request', '=', request)
          .where('status', '=', 'started')
          .execute();
        await endHold(transaction, holdId(key, request), spent === undefined ? 'released' : 'settled', spent);
      });
    },

    async finishedCall(key) {
      const row = await db
        .selectFrom('modelCalls')
        .selectAll()
        .where('key', '=', key)
        .where('status', '=', 'done')
        .orderBy('doneAt')
        .orderBy('request')
        .limit(1)
        .executeTakeFirst();
      return row && toRecord(row);
    },

    async calls(jobId) {
      const rows = await db
        .selectFrom('modelCalls')
        .selectAll()
        .where('jobId', '=', jobId)
        .orderBy('startedAt')
        .orderBy('key')
        .orderBy('request')
        .execute();
      return rows.map(toRecord);
    },
  };
}

const holdId = (key: string, request: number): string => `${key}#${request}`;

function toRecord({ usageJson, ...row }: Selectable<ModelCallTable>): CallRecord {
  return { ...row, usage: usageJson === null ? null : JSON.parse(usageJson) };
}
