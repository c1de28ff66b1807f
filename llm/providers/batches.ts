import { ModelUnavailable } from '../../domain/errors.ts';
import type { BatchedEnd, Batching } from '../batching.ts';
import type { ModelReply, ModelRequest } from '../model.ts';
import { assertPortable } from '../reply-schema.ts';
import { type Counterpart, explainFailure, modelFailure, ProviderFault } from './failure.ts';
import { type AdapterOptions, replyOfEvents, type StreamEvent } from './streaming-model.ts';

/** What a provider's adapter adds to the common course of a batch. */
export interface BatchProvider extends Omit<Batching, 'replyOf'> {
  name: string;
  keyVariable: string;
  /** Turns the provider's own reply into what its stream would have told. Throws what its library, or zod, throws. */
  eventsOf(body: unknown): StreamEvent[];
  /** Turns the library's errors into `ProviderFault`; returns any other error as it is. */
  explain(error: unknown): unknown;
}

/** Returns a provider's batches, whose errors are those of `failure.ts`, and whose replies are settled as streamed ones are. */
export function createBatching(provider: BatchProvider, options: AdapterOptions): Batching {
  const { key, name = provider.name, keyVariable = provider.keyVariable } = options;
  const about = (model: string): Counterpart => ({ provider: name, model, keyVariable, key });
  const noCosts = { usage: null, chargedMicroUsd: null, requestId: null };
  const guarded = async <T>(model: string, signal: AbortSignal, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      throw explainFailure(provider.explain(error), about(model), noCosts);
    }
  };
  return {
    bodyOf(request) {
      if (request.schema !== undefined) assertPortable(request.schema);
      return provider.bodyOf(request);
    },
    submit: (id, model, requests, signal) =>
      guarded(model, signal, () => provider.submit(id, model, requests, signal)),
    find: (lost, signal) => guarded('batches', signal, () => provider.find(lost, signal)),
    look: (named, requests, signal) =>
      guarded('batches', signal, () => provider.look(named, requests, signal)),
    cancel: (named, signal) => guarded('batches', signal, () => provider.cancel(named, signal)),
    replyOf<Value>(request: ModelRequest<Value>, end: BatchedEnd): ModelReply<Value> {
      const asked = about(request.model);
      if (end.kind === 'succeeded') return replyOfEvents(request, eventsIn(end.body, asked), asked);
      if (end.kind !== 'errored')
        throw modelFailure(ModelUnavailable, asked, `its batch ${endings[end.kind]}`);
      const { status, codes, message } = end;
      throw explainFailure(new ProviderFault(message, { status, codes }), asked, noCosts);
    },
  };

  function eventsIn(body: unknown, asked: Counterpart): StreamEvent[] {
    try {
      return provider.eventsOf(body);
    } catch (error) {
      throw explainFailure(provider.explain(error), asked, noCosts);
    }
  }
}

const endings = {
  expired: 'was over before this request was answered',
  canceled: 'was cancelled before this request was answered',
} as const;
