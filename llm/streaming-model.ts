import { z } from 'zod';
import { ModelRefused, ModelReplyTruncated, ModelReplyUnusable } from '../domain/errors.ts';
import { type Deadlines, withinDeadlines } from './deadlines.ts';
import { type Counterpart, explainFailure, firstIssue, modelFailure } from './failure.ts';
import type { Finish, GenerateOptions, Model, ModelReply, ModelRequest, Usage } from './model.ts';
import { assertPortable, readValue } from './reply-schema.ts';

/** What a provider's stream came to. */
export interface StreamedReply {
  text: string;
  /** The model's own words for declining; empty where it did not. */
  refusal: string;
  finish: Finish;
  usage: Usage | null;
  requestId: string | null;
  model: string;
}

export interface StreamContext {
  /** Ends the request. */
  signal: AbortSignal;
  /** To be called at every event that is not text: the provider lives. */
  alive: () => void;
  /** To be called with every piece of text. */
  onText: (text: string) => void;
}

/** What a provider's adapter adds to the common course of a request. */
export interface Provider {
  name: string;
  keyVariable: string;
  key: string | null;
  deadlines: Deadlines;
  /** Sends one request and reads its stream to the end. Throws what its library throws, or `ProviderFault`. */
  stream(request: ModelRequest, context: StreamContext): Promise<StreamedReply>;
  /** Turns the library's errors into `ProviderFault`; returns any other error as it is. */
  explain(error: unknown): unknown;
}

/** A model whose requests run under deadlines, whose replies are parsed, and whose errors are the eight of `failure.ts`. */
export const createStreamingModel = (provider: Provider): Model => ({
  provider: provider.name,
  async generate<Value>(request: ModelRequest<Value>, { signal, onDelta }: GenerateOptions = {}) {
    const { name, keyVariable, key } = provider;
    const about: Counterpart = { provider: name, model: request.model, keyVariable, key };
    if (request.schema !== undefined) assertPortable(request.schema);
    try {
      const streamed = await withinDeadlines(provider.deadlines, signal, (stop, alive) =>
        provider.stream(request, {
          signal: stop,
          alive: () => alive(false),
          onText(text) {
            alive(true);
            onDelta?.(text);
          },
        }),
      );
      return settleReply(request, streamed, about);
    } catch (error) {
      signal?.throwIfAborted();
      throw explainFailure(provider.explain(error), about);
    }
  },
});

/**
 * The reply to `request` that a stream came to. Throws `ModelRefused`, `ModelReplyTruncated` or `ModelReplyUnusable`, each
 * with the usage and the text: they were paid for. Why it stopped is looked at before what it says.
 */
export function settleReply<Value>(
  request: ModelRequest<Value>,
  { text, refusal, finish, usage, requestId, model }: StreamedReply,
  about: Counterpart,
): ModelReply<Value> {
  const details = { usage, requestId, reply: text };
  if (finish.unified === 'refusal' || refusal !== '')
    throw modelFailure(ModelRefused, about, `the model declined: ${refusal || finish.raw}`, details);
  if (finish.unified === 'length')
    throw modelFailure(
      ModelReplyTruncated,
      about,
      `the reply was cut at ${request.maxTokens} tokens (${finish.raw}); allow more`,
      details,
    );
  if (text.trim() === '')
    throw modelFailure(
      ModelReplyUnusable,
      about,
      `expected a reply, got an empty one (${finish.raw})`,
      details,
    );

  const rest = { text, usage, finish, requestId, model };
  if (request.schema === undefined) return { kind: 'text', ...rest };
  try {
    return { kind: 'value', value: readValue(text, request.schema), ...rest };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const expected = `expected a value of ${request.schema.name}, got ${text.length} characters that are none`;
    throw modelFailure(ModelReplyUnusable, about, `${expected}: ${firstIssue(error)}`, details);
  }
}
