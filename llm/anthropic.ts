import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import { type Deadlines, defaultDeadlines } from './deadlines.ts';
import { endedEarly, ProviderFault } from './failure.ts';
import type { Finish, Model, ModelRequest, Usage } from './model.ts';
import { createStreamingModel, type StreamContext, type StreamedReply } from './streaming-model.ts';

export interface AnthropicOptions {
  /** Null for a compatible server that asks for none. */
  key: string | null;
  /** Null for Anthropic itself; else the URL that ends before `/v1/messages`. */
  baseUrl: string | null;
  deadlines?: Deadlines;
}

/** Anthropic's models by the Messages API. It takes no temperature, so a request's is left out. */
export function createAnthropicModel({
  key,
  baseUrl,
  deadlines = defaultDeadlines,
}: AnthropicOptions): Model {
  const client = new Anthropic({
    // A key given here is the only one: without it the library looks for others in the environment and on disk.
    apiKey: key ?? 'none',
    baseURL: baseUrl ?? 'https://api.anthropic.com',
    maxRetries: 0,
    logLevel: 'off',
    // Deadlines are `withinDeadlines`'s; the library's own must not come first.
    timeout: 2 ** 31 - 1,
  });
  return createStreamingModel({
    name: 'anthropic',
    keyVariable: 'ANTHROPIC_API_KEY',
    key,
    deadlines,
    stream: (request, context) => streamMessage(client, request, context),
    explain,
  });
}

function explain(error: unknown): unknown {
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

/** Counts as the API sends them: null where a count does not apply, left out by servers that do not know it. */
const MessageUsage = z.object({
  input_tokens: z.number().nullish(),
  cache_read_input_tokens: z.number().nullish(),
  cache_creation_input_tokens: z.number().nullish(),
  output_tokens: z.number().nullish(),
  output_tokens_details: z.object({ thinking_tokens: z.number().nullish() }).nullish(),
});
type MessageUsage = z.infer<typeof MessageUsage>;

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

async function streamMessage(
  client: Anthropic,
  request: ModelRequest,
  { signal, alive, onText }: StreamContext,
): Promise<StreamedReply> {
  const { data, request_id } = await client.messages
    .create(
      {
        model: request.model,
        ...(request.system === '' ? {} : { system: request.system }),
        messages: request.messages.map(({ role, text }) => ({ role, content: text })),
        max_tokens: request.maxTokens,
        ...(request.schema === undefined
          ? {}
          : { output_config: { format: zodOutputFormat(request.schema.schema) } }),
        stream: true,
      },
      { signal },
    )
    .withResponse();

  const reply = { text: '', refusal: '', requestId: request_id ?? null, model: request.model };
  let finish: Finish | null = null;
  let counts: MessageUsage = {};
  let events = 0;
  for await (const raw of data) {
    events += 1;
    const { type, message, delta, usage } = MessageEvent.parse(raw);
    alive();
    if (type === 'message_start' && message) {
      reply.requestId ??= message.id;
      reply.model = message.model;
    }
    if (delta?.type === 'text_delta' && delta.text) {
      reply.text += delta.text;
      onText(delta.text);
    }
    // Counts are cumulative, and the last one said counts. Of the output, the beginning says nothing worth knowing.
    counts = { ...counts, ...said(message?.usage), ...said(usage) };
    if (type === 'message_start') counts.output_tokens = null;
    if (delta?.stop_reason) {
      finish = messageFinish(delta.stop_reason);
      reply.refusal = finish.unified === 'refusal' ? (delta.stop_details?.explanation ?? '') : '';
    }
    if (type === 'message_stop') break;
  }
  if (finish === null) throw endedEarly(events);
  return { ...reply, finish, usage: messageUsage(counts) };
}

const said = (counts: MessageUsage | null | undefined): MessageUsage =>
  Object.fromEntries(
    Object.entries(counts ?? {}).filter(([, count]) => count !== null && count !== undefined),
  );

function messageFinish(raw: string): Finish {
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
function messageUsage(counts: MessageUsage): Usage | null {
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
