import { z } from 'zod';
import { ModelRefused, ModelReplyTruncated, ModelReplyUnusable } from '../../domain/errors.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Finish, GenerateOptions, Model, ModelReply, ModelRequest } from '../model.ts';
import { assertPortable, readValue } from '../reply-schema.ts';
import { type Deadlines, defaultDeadlines, Silence, withinDeadlines } from './deadlines.ts';
import {
  asModelFailure,
  type Counterpart,
  endedEarly,
  explainFailure,
  firstIssue,
  modelFailure,
} from './failure.ts';
import { createPieceFilter, hideKey } from './hide-key.ts';

/** How a provider is reached: what every adapter is given. */
export interface AdapterOptions {
  /** Null for a server that asks for none. */
  key: string | null;
  /** Null for the provider itself; else the URL of a server that speaks its protocol. */
  baseUrl: string | null;
  /** What the provider is called in failures; by default the adapter's own name. */
  name?: string | undefined;
  /** The environment variable that holds the key, as failures name it. */
  keyVariable?: string | undefined;
  deadlines?: Deadlines | undefined;
  /** Sends the requests, in place of Node's own `fetch`. */
  fetch?: typeof fetch | undefined;
}

/** What one event of a provider's stream tells. One that tells nothing is still a sign of life. */
export interface StreamEvent {
  /** The next piece of the text. */
  text?: string;
  /** The next piece of the model's own words for declining. */
  refusal?: string;
  finish?: Finish;
  /** All that was used up to here; null where the event does not say. */
  usage?: Usage | null;
  chargedMicroUsd?: number | null;
  requestId?: string | null;
  model?: string | null;
}

/** What a provider's stream comes to; until it ends, what is known of it. */
export interface StreamedReply {
  text: string;
  refusal: string;
  finish: Finish;
  usage: Usage | null;
  chargedMicroUsd: number | null;
  requestId: string | null;
  model: string;
}

/** What a provider's adapter adds to the common course of a request. */
export interface Provider {
  name: string;
  keyVariable: string;
  /**
   * Sends one request, and turns the provider's events into ours. Throws what its library throws, or `ProviderFault`.
   * `signal` ends the request.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<StreamEvent>;
  /** Turns the library's errors into `ProviderFault`; returns any other error as it is. */
  explain(error: unknown): unknown;
}

/** Returns a model whose requests run under deadlines, whose replies are parsed, and whose errors are those of `failure.ts`. */
export function createStreamingModel(provider: Provider, options: AdapterOptions): Model {
  const { key, name = provider.name, keyVariable = provider.keyVariable } = options;
  const { deadlines = defaultDeadlines } = options;
  return {
    provider: name,
    async generate<Value>(request: ModelRequest<Value>, { signal, onDelta }: GenerateOptions = {}) {
      const about: Counterpart = { provider: name, model: request.model, keyVariable, key };
      if (request.schema !== undefined) assertPortable(request.schema);
      const reply = nothingYet(request);
      try {
        const pieces = createPieceFilter(key);
        const take = (text: string): void => {
          reply.text += text;
          if (text !== '') onDelta?.(text);
        };
        await withinDeadlines(deadlines, signal, async (stop, alive) => {
          const failed = (error: unknown) => explainFailure(error, about, reply);
          for await (const event of eventsOf(provider, request, stop, failed)) {
            // What comes after a deadline has passed has nobody to listen.
            if (stop.aborted) return;
            alive(Boolean(event.text));
            extend(reply, event);
            take(pieces.push(event.text ?? ''));
          }
          take(pieces.rest());
        });
        return settleReply(request, reply, about);
      } catch (error) {
        signal?.throwIfAborted();
        throw error instanceof Silence ? explainFailure(error, about, reply) : error;
      }
    },
  };
}

/** The provider's events to the end of the reply. What it throws goes through `failed`; what a listener throws does not. */
async function* eventsOf(
  provider: Provider,
  request: ModelRequest,
  signal: AbortSignal,
  failed: (error: unknown) => unknown,
): AsyncGenerator<StreamEvent> {
  let events = 0;
  let finished = false;
  try {
    for await (const event of provider.stream(request, signal)) {
      events += 1;
      finished ||= event.finish !== undefined;
      yield event;
    }
    if (!finished) throw endedEarly(events);
  } catch (error) {
    // Where events were well-formed before, one that is not is one that was cut.
    const cut = error instanceof SyntaxError && events > 0;
    // A failure comes from a `fetch` that knows more than the library that wraps it.
    throw failed(asModelFailure(error) ?? (cut ? endedEarly(events) : provider.explain(error)));
  }
}

/**
 * A count of tokens, or a price, as a server says it. Null is none; NaN is something else than a number. A
 * reply that was paid for is not lost over it; whoever pays looks whether the count can be true.
 */
export const SaidNumber = z
  .unknown()
  .transform((said) => (said == null ? null : typeof said === 'number' ? said : Number.NaN))
  .optional();

/** Some servers count in fractions. */
const whole = (usage: Usage): Usage => ({
  input: Math.ceil(usage.input),
  cached: Math.ceil(usage.cached),
  written: Math.ceil(usage.written),
  output: Math.ceil(usage.output),
  reasoning: Math.ceil(usage.reasoning),
});

/** Returns the reply that came whole, in place of as a stream. */
export function replyOfEvents<Value>(
  request: ModelRequest<Value>,
  events: readonly StreamEvent[],
  about: Counterpart,
): ModelReply<Value> {
  const reply = nothingYet(request);
  for (const event of events) {
    extend(reply, event);
    reply.text += event.text ?? '';
  }
  return settleReply(request, reply, about);
}

const nothingYet = ({ model }: Pick<ModelRequest, 'model'>): StreamedReply => ({
  ...{ text: '', refusal: '', finish: { unified: 'other', raw: 'unfinished' } },
  ...{ usage: null, chargedMicroUsd: null, requestId: null, model },
});

function extend(reply: StreamedReply, event: StreamEvent): void {
  reply.refusal += event.refusal ?? '';
  reply.finish = event.finish ?? reply.finish;
  reply.usage = event.usage === undefined || event.usage === null ? reply.usage : whole(event.usage);
  reply.chargedMicroUsd = event.chargedMicroUsd ?? reply.chargedMicroUsd;
  reply.requestId = event.requestId ?? reply.requestId;
  reply.model = event.model ?? reply.model;
}

/**
 * Returns the reply to `request` that a stream came to, without the key, whatever the server quotes. Throws `ModelRefused`, `ModelReplyTruncated` or `ModelReplyUnusable`, each
 * with its costs and the text: they were paid for. Why it stopped is looked at before what it says.
 */
export function settleReply<Value>(
  request: ModelRequest<Value>,
  streamed: StreamedReply,
  about: Counterpart,
): ModelReply<Value> {
  const hidden = (said: string): string => hideKey(said, about.key);
  const [text, refusal] = [hidden(streamed.text), hidden(streamed.refusal)];
  const { usage, chargedMicroUsd } = streamed;
  const finish = { ...streamed.finish, raw: hidden(streamed.finish.raw) };
  const requestId = streamed.requestId === null ? null : hidden(streamed.requestId);
  const facts = { finish, usage, chargedMicroUsd, requestId, model: hidden(streamed.model) };
  const details = { usage, chargedMicroUsd, requestId, reply: text };
  if (finish.unified === 'refusal' || refusal !== '')
    throw modelFailure(ModelRefused, about, `the model declined: ${refusal || finish.raw}`, details);
  if (finish.unified === 'length')
    throw modelFailure(
      ModelReplyTruncated,
      about,
      `the reply was cut at ${usage?.output ?? request.maxTokens} tokens (${finish.raw}); allow more`,
      details,
    );
  if (text.trim() === '')
    throw modelFailure(
      ModelReplyUnusable,
      about,
      `expected a reply, got an empty one (${finish.raw})`,
      details,
    );

  if (request.schema === undefined) return { kind: 'text', text, ...facts };
  try {
    return { kind: 'value', text, value: readValue(text, request.schema), ...facts };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const expected = `expected a value of ${request.schema.name}, got ${text.length} characters that are none`;
    throw modelFailure(ModelReplyUnusable, about, `${expected}: ${firstIssue(error)}`, details);
  }
}
