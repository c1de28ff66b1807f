import { z } from 'zod';
import type { ModelReply, ModelRequest } from './model.ts';

/** How one request of a batch ended, as the provider says it. It is kept, and read again by whoever asked. */
export const BatchedEnd = z.discriminatedUnion('kind', [
  /** `body` is the provider's own reply. */
  z.object({ kind: z.literal('succeeded'), body: z.unknown() }),
  z.object({
    kind: z.literal('errored'),
    /** HTTP status, where there is one. */
    status: z.number().nullable(),
    codes: z.array(z.string()),
    message: z.string(),
  }),
  z.object({ kind: z.literal('expired') }),
  z.object({ kind: z.literal('canceled') }),
]);
export type BatchedEnd = z.infer<typeof BatchedEnd>;

/** One request of a batch, under an ID that no other has; `body` is what the provider is sent. */
export interface BatchedRequest {
  id: string;
  body: unknown;
}

/** A batch whose submission's end nobody saw. */
export interface LostBatch {
  id: string;
  /** It was not begun before; milliseconds since 1970. */
  since: number;
  /** The IDs of its requests. */
  requests: readonly string[];
  /** The provider's names of batches that are others. */
  others: ReadonlySet<string>;
}

/** `unsure`: one that may be it is under way, and the provider tells only in the end. */
export type FoundBatch = { kind: 'found'; name: string } | { kind: 'none' } | { kind: 'unsure' };

/** How a batch stands. A request that has no end when the batch has was not answered. */
export type BatchStanding =
  | { kind: 'underWay'; done: number }
  | { kind: 'ended'; ends: ReadonlyMap<string, BatchedEnd> };

/**
 * A provider's endpoint for many requests at once, which it answers within a day at a lower price. Whatever goes wrong is thrown as one of the errors
 * of `failure.ts`. No call is tried again.
 */
export interface Batching {
  /** Returns what the provider is sent for a request: plain JSON. */
  bodyOf(request: ModelRequest): unknown;
  /** Submits a batch under our own ID, and returns the provider's name of it. */
  submit(
    id: string,
    model: string,
    requests: readonly BatchedRequest[],
    signal: AbortSignal,
  ): Promise<string>;
  find(lost: LostBatch, signal: AbortSignal): Promise<FoundBatch>;
  look(name: string, requests: readonly string[], signal: AbortSignal): Promise<BatchStanding>;
  cancel(name: string, signal: AbortSignal): Promise<void>;
  /** Returns the reply that an end is. Throws what `generate` would have thrown for it. */
  replyOf<Value>(request: ModelRequest<Value>, end: BatchedEnd): ModelReply<Value>;
}
