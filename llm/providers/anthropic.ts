import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import type { Usage } from '../../domain/usage.ts';
import type { Finish, Model, ModelRequest } from '../model.ts';
import { ProviderFault } from './failure.ts';
import {
  type AdapterOptions,
  createStreamingModel,
  SaidNumber,
  type StreamEvent,
} from './streaming-model.ts';

/**
 * Anthropic's models by the Messages API; a base URL ends before `/v1/messages`. It takes no temperature, so a request's is
 * left out.
 */
export function createAnthropicModel(options: AdapterOptions): Model {
  const client = anthropicClient(options);
  return createStreamingModel(
    {
      name: 'anthropic',
      keyVariable: 'ANTHROPIC_API_KEY',
      stream: (request, signal) => streamMessage(client, request, signal),
      explain: explainAnthropic,
    },
    options,
  );
}

/** Returns the library's client, which neither retries nor takes anything from the environment. */
export const anthropicClient = (options: AdapterOptions): Anthropic =>
  new Anthropic({
    // A key given here is the only one: without it the library looks for others in the environment and on disk.
    apiKey: options.key ?? 'none',
    baseURL: options.baseUrl ?? 'https://api.anthropic.com',
    fetch: options.fetch,
    maxRetries: 0,
    logLevel: 'off',
    // Deadlines are `withinDeadlines`'s; the library's own must not come first.
    timeout: 2 ** 31 - 1,
  });

/** Returns a `ProviderFault` for an error of the library; any other error as it is. */
export function explainAnthropic(error: unknown): unknown {
  if (!(error instanceof APIError)) return error;
  const { status, errorCode, type, apiMessage, headers, requestID } = error;
  const cause = error.cause instanceof Error ? `: ${error.cause.cause ?? error.cause}` : '';
  return new ProviderFault((apiMessage ?? error.message.replace(/^\d+ /, '')) + cause, {
    status,
    codes: [errorCode, type],
    headers,
    requestId: requestID,
  });
}

/**
 * Counts as the API sends them. Null is one that does not apply; servers that do not know it leave it out.
 */
export const MessageUsage = z
  .object({
    input_tokens: SaidNumber,
    cache_read_input_tokens: SaidNumber,
    cache_creation_input_tokens: SaidNumber,
    output_tokens: SaidNumber,
    output_tokens_details: z.object({ thinking_tokens: SaidNumber }).nullish(),
  })
  .partial();
export type MessageUsage = z.infer<typeof MessageUsage>;

/** The parts we read of the events of a message's stream. */
const MessageEvent = z.object({
  type: z.string(),
  message: z.object({ id: z.string(), model: z.string(), usage: MessageUsage.nullish() }).nullish(),
  delta: z
    .object({
      type: z.string().nullish(),
      text: z.string().nullish(),
      stop_reason: z.string().nullish(),
      stop_details: z.object({ explanation: z.string().nullish() }).nullish(),
    })
    .nullish(),
  usage: MessageUsage.nullish(),
});

/** Returns what a request is in the Messages API. */
export const messageBody = (request: ModelRequest) => ({
  model: request.model,
  ...(request.system === '' ? {} : { system: request.system }),
  messages: request.messages.map(({ role, text }) => ({ role, content: text })),
  max_tokens: request.maxTokens,
  ...(request.schema === undefined
    ? {}
    : { output_config: { format: zodOutputFormat(request.schema.schema) } }),
});

async function* streamMessage(
  client: Anthropic,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const { data, request_id } = await client.messages
    .create({ ...messageBody(request), stream: true }, { signal })
    .withResponse();

  let counts: MessageUsage = {};
  for await (const raw of data) {
    const { type, message, delta, usage } = MessageEvent.parse(raw);
    // Counts are cumulative, and the last one said counts. Of the output, the beginning says nothing worth knowing.
    counts = { ...counts, ...said(message?.usage), ...said(usage) };
    if (type === 'message_start') counts.output_tokens = null;
    const event: StreamEvent = {
      requestId: request_id ?? message?.id ?? null,
      model: message?.model ?? null,
      usage: messageUsage(counts),
    };
    if (delta?.type === 'text_delta') event.text = delta.text ?? '';
    if (delta?.stop_reason) {
      event.finish = messageFinish(delta.stop_reason);
      if (event.finish.unified === 'refusal') event.refusal = delta.stop_details?.explanation ?? '';
    }
    yield event;
    if (type === 'message_stop') return;
  }
}

const said = (counts: MessageUsage | null | undefined): MessageUsage =>
  Object.fromEntries(
    Object.entries(counts ?? {}).filter(([, count]) => count !== null && count !== undefined),
  );

export function messageFinish(raw: string): Finish {
  const unified = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    refusal: 'refusal',
  } as const;
  return { unified: unified[raw as keyof typeof unified] ?? 'other', raw };
}

/** Anthropic counts tokens read from and written to its cache beside `input_tokens`; we count them in it. */
export function messageUsage(counts: MessageUsage): Usage | null {
  if (counts.output_tokens == null || counts.input_tokens == null) return null;
  const cached = counts.cache_read_input_tokens ?? 0;
  const written = counts.cache_creation_input_tokens ?? 0;
  return {
    input: counts.input_tokens + cached + written,
    cached,
    written,
    output: counts.output_tokens,
    reasoning: counts.output_tokens_details?.thinking_tokens ?? 0,
  };
}
