import type { Artifact } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { parseRoute } from '../../domain/route.ts';
import { BatchedEnd, type Batching } from '../../llm/batching.ts';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import { batchingOf } from '../../llm/catalogue/catalogue.ts';
import { asModelFailure } from '../../llm/providers/failure.ts';
import { readJson, writeJson } from '../../store/documents.ts';
import { failpoint } from '../../store/failpoint.ts';
import type { BatchItem, BatchRecord } from '../../store/ledger/batches.ts';
import type { Store } from '../../store/store.ts';

const { longestLookMs, mostBytes, holdMs, longestMs } = defaults.model.batch;
/** A submission, or a look, that takes longer is given up, while it is still ours alone. */
const actMs = holdMs - 60_000;
/** Ends that are put on record at once. */
const atOnce = 100;

/** How a queued request stands: not to be looked for before `until`, or ended. */
export type BatchedStanding =
  | { kind: 'waits'; until: number; why: string }
  | { kind: 'ended'; end: BatchedEnd };

/**
 * Brings a queued request a step further: gathers what waits on its route, submits that as one batch, or looks
 * at the batch it is in. Brings a queued request a step further. It gathers what waits on its route, submits
 * that as one batch, or looks at the batch it is in. Throws a `ModelFailure` where the batch was refused, and
 * so never made.
 */
export async function advanceBatched(
  { ledger, blobs }: Store,
  catalogue: Catalogue,
  batching: Batching,
  { key, request, signal }: { key: string; request: number; signal: AbortSignal },
): Promise<BatchedStanding> {
  const item = await ledger.batchItem(key, request);
  if (item === undefined) throw new Error(`${key}: expected request ${request} in line for a batch`);
  if (item.result !== null) return ended(item.result);
  const { provider } = parseRoute(item.route);
  const { gatherMs, lookMs, most } = batchingOf(catalogue, provider);
  const now = Date.now();
  const waits = (until: number, why: string): BatchedStanding => ({ kind: 'waits', until, why });

  if (item.batchId === null) {
    const id = await ledger.gatherBatch({
      ...{ route: item.route, waitedSince: now - gatherMs, most: { items: most, bytes: mostBytes } },
      ...{ now, holdMs },
    });
    if (id === null) return waits(Math.max(now, item.queuedAt) + gatherMs, 'in line for a batch');
    failpoint('batch-begun');
    const begun = await found(id);
    return standing(await submit(begun, await ledger.itemsOfBatch(id), { isFirst: true }));
  }
  const batch = await found(item.batchId);
  if (batch.status === 'ended') throw new Error(`${key}: expected an end of it in batch ${batch.id}`);
  if (batch.lookAt > now) return waits(batch.lookAt, standsAs(batch));
  // Somebody looks just now.
  if (!(await ledger.holdBatch(batch.id, now, holdMs))) return waits(now + lookMs / 4, standsAs(batch));
  const items = await ledger.itemsOfBatch(batch.id);
  return standing(
    batch.status === 'submitting' ? await submit(batch, items, { isFirst: false }) : await look(batch, items),
  );

  async function standing(stands: { until: number; why: string } | null): Promise<BatchedStanding> {
    if (stands !== null) return waits(stands.until, stands.why);
    const result = (await ledger.batchItem(key, request))?.result;
    if (result == null) throw new Error(`${key}: expected an end of it`);
    return ended(result);
  }

  async function ended(result: Artifact): Promise<BatchedStanding> {
    return { kind: 'ended', end: await readJson(blobs, result, BatchedEnd) };
  }

  async function found(id: string): Promise<BatchRecord> {
    const batch = await ledger.batch(id);
    if (batch === undefined) throw new Error(`expected batch ${id}, found none`);
    return batch;
  }

  /** Submits a batch that is ours alone for now. */
  async function submit(
    batch: BatchRecord,
    items: readonly BatchItem[],
    { isFirst }: { isFirst: boolean },
  ): Promise<{ until: number; why: string }> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(actMs)]);
    try {
      const name = isFirst ? null : await lost(batch, items, within);
      if (name === 'unsure') return await lookLater(batch, 'it is not known yet whether it was submitted');
      if (name === null) await submitAnew(batch, items, within);
      else await ledger.batchSubmitted(batch.id, name, Date.now());
    } catch (error) {
      const failure = asModelFailure(error);
      if (failure === undefined) throw error;
      if (isRefused(failure.status)) {
        await ledger.dissolveBatch(batch.id);
        throw failure;
      }
      // It may have arrived all the same: whoever looks next finds out.
      return lookLater(batch, failure.message);
    }
    return { until: Date.now() + lookMs, why: `${standsAs(batch)}, of ${items.length}` };
  }

  async function lost(
    { id, createdAt }: BatchRecord,
    items: readonly BatchItem[],
    within: AbortSignal,
  ): Promise<string | 'unsure' | null> {
    const others = await ledger.batchNames(createdAt - 24 * 60 * 60_000, id);
    const requests = items.map((each) => each.id);
    const seen = await batching.find({ id, since: createdAt, requests, others }, within);
    return seen.kind === 'found' ? seen.name : seen.kind === 'unsure' ? 'unsure' : null;
  }

  async function submitAnew(
    { id, route }: BatchRecord,
    items: readonly BatchItem[],
    within: AbortSignal,
  ): Promise<void> {
    const requests = await Promise.all(
      items.map(async (each) => ({ id: each.id, body: JSON.parse(await blobs.text(each.body)) as unknown })),
    );
    const name = await batching.submit(id, parseRoute(route).model, requests, within);
    failpoint('batch-submitted');
    const isOurs = await ledger.batchSubmitted(id, name, Date.now() + lookMs);
    // Somebody took it for lost, and submitted it as well: one of the two is enough.
    if (!isOurs) await batching.cancel(name, within).catch(() => undefined);
  }

  /** Looks at a batch that is ours alone for now. Null where it has ended, and all ends are on record. */
  async function look(
    batch: BatchRecord,
    items: readonly BatchItem[],
  ): Promise<{ until: number; why: string } | null> {
    const { id, name, createdAt } = batch;
    if (name === null) throw new Error(`expected batch ${id} to have a name`);
    const within = AbortSignal.any([signal, AbortSignal.timeout(actMs)]);
    const requests = items.map((each) => each.id);
    const isOver = Date.now() > createdAt + longestMs;
    try {
      const stands = await batching.look(name, requests, within);
      if (stands.kind === 'underWay' && !isOver)
        return await lookLater(batch, `${standsAs(batch)}: ${stands.done} of ${items.length} are done`);
      await keep(items, stands.kind === 'ended' ? stands.ends : new Map());
      await ledger.endBatch(id);
      return null;
    } catch (error) {
      const failure = asModelFailure(error);
      if (failure === undefined) throw error;
      return lookLater(batch, `${standsAs(batch)}, which cannot be looked at: ${failure.message}`);
    }
  }

  async function keep(items: readonly BatchItem[], ends: ReadonlyMap<string, BatchedEnd>): Promise<void> {
    const open = items.filter(({ result }) => result === null);
    for (let at = 0; at < open.length; at += atOnce) {
      const results = open.slice(at, at + atOnce).map(async ({ id }) => {
        const end: BatchedEnd = ends.get(id) ?? { kind: 'expired' };
        return { id, result: await writeJson(blobs, end) };
      });
      await ledger.endBatchItems(await Promise.all(results));
      failpoint('batch-read');
    }
  }

  async function lookLater({ id, looks }: BatchRecord, why: string): Promise<{ until: number; why: string }> {
    const until = Date.now() + Math.min(lookMs * 1.5 ** looks, Math.max(longestLookMs, lookMs));
    await ledger.batchLooked(id, until);
    return { until, why };
  }
}

const standsAs = ({ status, route }: BatchRecord): string =>
  status === 'submitting' ? `a batch is being submitted for ${route}` : `in a batch of ${route}`;

/** Statuses of the 4xx that leave open whether the batch was made. */
const open = new Set([408, 409, 425, 499]);
const isRefused = (status: number | null): boolean =>
  status !== null && status >= 400 && status < 500 && !open.has(status);

/** Cancels batches that nobody waits for any more, of the routes that this process can ask. Returns how many. */
export async function cancelAbandoned(
  { ledger }: Store,
  batchesOf: (route: string) => Batching | null,
): Promise<number> {
  let cancelled = 0;
  for (const { id, route, name } of await ledger.abandonedBatches()) {
    const batching = batchesOf(route);
    if (batching === null || name === null || !(await ledger.holdBatch(id, Date.now(), holdMs))) continue;
    await batching.cancel(name, AbortSignal.timeout(actMs));
    await ledger.endBatch(id);
    cancelled += 1;
  }
  return cancelled;
}
