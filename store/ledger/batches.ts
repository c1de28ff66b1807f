import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { BatchItemTable, BatchTable, LedgerSchema } from '../ledger-schema.ts';
import { inTransaction } from './transaction.ts';

/** A request in line for a batch, or in one. */
export type BatchItem = Omit<BatchItemTable, 'withdrawn'>;
export type BatchRecord = Omit<BatchTable, 'heldUntil'>;

export interface Batches {
  /** The item of a queued request. */
  batchItem(key: string, request: number): Promise<BatchItem | undefined>;
  /**
   * Makes a batch of what waits on a route, held for whoever asked, and returns its ID. It does so where as
   * many wait as one batch takes, or the first waits since `waitedSince`. Null where neither is so. An item
   * comes into one batch alone, whoever else gathers.
   */
  gatherBatch(asked: {
    route: string;
    waitedSince: number;
    most: { items: number; bytes: number };
    now: number;
    holdMs: number;
  }): Promise<string | null>;
  batch(id: string): Promise<BatchRecord | undefined>;
  /** In the order of their IDs. */
  itemsOfBatch(id: string): Promise<BatchItem[]>;
  /** Lets one caller alone act on a batch for a while; returns whether it is the one. */
  holdBatch(id: string, now: number, holdMs: number): Promise<boolean>;
  /** Lets others act on it again, and keeps when to look next. */
  batchLooked(id: string, lookAt: number): Promise<void>;
  /** Keeps the provider's name of a batch, which nobody is to look at before. Returns whether it had none. */
  batchSubmitted(id: string, name: string, lookAt: number): Promise<boolean>;
  /** What is in a batch that was never made waits again. */
  dissolveBatch(id: string): Promise<void>;
  /** Keeps how requests of a batch ended. */
  endBatchItems(results: readonly { id: string; result: Artifact }[]): Promise<void>;
  /** No request of it is without an end any more. */
  endBatch(id: string): Promise<void>;
  /** The provider's names of the batches begun since then, but of this one. */
  batchNames(since: number, without: string): Promise<Set<string>>;
  /** Batches that nobody waits for any more, and that are not over. */
  abandonedBatches(): Promise<BatchRecord[]>;
}

/** IDs that one statement takes. */
const chunk = 200;

export function createBatchRecords(db: Kysely<LedgerSchema>): Batches {
  const batches = () =>
    db.selectFrom('batches').select(['id', 'route', 'name', 'status', 'createdAt', 'lookAt', 'looks']);

  return {
    batchItem: (key, request) =>
      db
        .selectFrom('batchItems')
        .selectAll()
        .where('key', '=', key)
        .where('request', '=', request)
        .executeTakeFirst(),

    async gatherBatch({ route, waitedSince, most, now, holdMs }) {
      const waiting = await db
        .selectFrom('batchItems')
        .select(['id', 'bytes', 'queuedAt'])
        .where('route', '=', route)
        .where('batchId', 'is', null)
        .orderBy('queuedAt')
        .limit(most.items)
        .execute();
      const fitting = upTo(waiting, most.bytes);
      const isFull = waiting.length === most.items || fitting.length < waiting.length;
      if (fitting[0] === undefined || (!isFull && fitting[0].queuedAt > waitedSince)) return null;
      return inTransaction(db, async (transaction) => {
        const id = `batch_${randomUUID().replaceAll('-', '')}`;
        await transaction
          .insertInto('batches')
          .values({
            ...{ id, route, name: null, status: 'submitting', createdAt: now },
            ...{ lookAt: now, looks: 0, heldUntil: now + holdMs },
          })
          .execute();
        let taken = 0n;
        for (let at = 0; at < fitting.length; at += chunk) {
          const ids = fitting.slice(at, at + chunk).map((item) => item.id);
          const { numUpdatedRows } = await transaction
            .updateTable('batchItems')
            .set({ batchId: id })
            .where('id', 'in', ids)
            .where('batchId', 'is', null)
            .executeTakeFirst();
          taken += numUpdatedRows;
        }
        if (taken > 0n) return id;
        // Somebody else took them all.
        await transaction.deleteFrom('batches').where('id', '=', id).execute();
        return null;
      });
    },

    batch: (id) => batches().where('id', '=', id).executeTakeFirst(),

    itemsOfBatch: (id) =>
      db.selectFrom('batchItems').selectAll().where('batchId', '=', id).orderBy('id').execute(),

    async holdBatch(id, now, holdMs) {
      const { numUpdatedRows } = await db
        .updateTable('batches')
        .set({ heldUntil: now + holdMs })
        .where('id', '=', id)
        .where('heldUntil', '<=', now)
        .where('status', '!=', 'ended')
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async batchLooked(id, lookAt) {
      await db
        .updateTable('batches')
        .set((set) => ({ lookAt, looks: set('looks', '+', 1), heldUntil: 0 }))
        .where('id', '=', id)
        .execute();
    },

    async batchSubmitted(id, name, lookAt) {
      const { numUpdatedRows } = await db
        .updateTable('batches')
        .set({ name, status: 'submitted', lookAt, heldUntil: 0 })
        .where('id', '=', id)
        .where('status', '=', 'submitting')
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    dissolveBatch: (id) =>
      inTransaction(db, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('batches')
          .where('id', '=', id)
          .where('status', '=', 'submitting')
          .executeTakeFirst();
        if (numDeletedRows === 0n) return;
        await transaction
          .deleteFrom('batchItems')
          .where('batchId', '=', id)
          .where('withdrawn', '=', 1)
          .execute();
        await transaction
          .updateTable('batchItems')
          .set({ batchId: null })
          .where('batchId', '=', id)
          .execute();
      }),

    async endBatchItems(results) {
      await inTransaction(db, async (transaction) => {
        for (const { id, result } of results)
          await transaction.updateTable('batchItems').set({ result }).where('id', '=', id).execute();
      });
    },

    async endBatch(id) {
      await db.updateTable('batches').set({ status: 'ended' }).where('id', '=', id).execute();
    },

    async batchNames(since, without) {
      const rows = await db
        .selectFrom('batches')
        .select('name')
        .where('createdAt', '>=', since)
        .where('id', '!=', without)
        .execute();
      return new Set(rows.flatMap(({ name }) => name ?? []));
    },

    abandonedBatches: () =>
      batches()
        .where('status', '=', 'submitted')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('batchItems')
                .select('batchItems.id')
                .whereRef('batchItems.batchId', '=', 'batches.id')
                .where('batchItems.withdrawn', '=', 0),
            ),
          ),
        )
        .execute(),
  };
}

/** The first of these items that come to no more than `bytes`; one alone goes whatever it comes to. */
function upTo<Item extends { bytes: number }>(items: readonly Item[], bytes: number): readonly Item[] {
  let sum = 0;
  const beyond = items.findIndex((item, place) => {
    sum += item.bytes;
    return place > 0 && sum > bytes;
  });
  return beyond < 0 ? items : items.slice(0, beyond);
}
