import OpenAI, { APIError } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
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

export interface OpenAiOptions extends AdapterOptions {
  /** OpenAI itself is asked by the Responses API, compatible servers by chat completions. */
  protocol: 'responses' | 'chat';
}

/**
 * OpenAI's models, and those of every server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, LiteLLM.
 * A base URL ends before `/chat/completions` or `/responses`.
 */
export function createOpenAiModel(options: OpenAiOptions): Model {
  const { protocol } = options;
  const client = openAiClient(options, 'https://api.openai.com/v1');
  const stream = protocol === 'responses' ? streamResponse : streamChat;
  return createStreamingModel(
    {
      name: 'openai',
      keyVariable: 'OPENAI_API_KEY',
      stream: (request, signal) => stream(client, request, signal),
      explain: explainOpenAi,
    },
    options,
  );
}

/** Returns the library's client, which neither retries nor takes anything from the environment. */
export const openAiClient = ({ key, baseUrl, fetch }: AdapterOptions, defaultUrl: string): OpenAI =>
  new OpenAI({
    // Said here is what the library would otherwise take from the environment and send.
    apiKey: key ?? 'none',
    organization: null,
    project: null,
    baseURL: baseUrl ?? defaultUrl,
    fetch,
    maxRetries: 0,
    logLevel: 'off',
    // Deadlines are `withinDeadlines`'s; the library's own must not come first.
    timeout: 2 ** 31 - 1,
  });

/** Returns a `ProviderFault` for an error of the library; any other error as it is. */
export function explainOpenAi(error: unknown): unknown {
  if (!(error instanceof APIError)) return error;
  const { code, type, headers, requestID } = error;
  // Inside a stream there is no status; some servers say it as the code.
  const status = error.status ?? (typeof code === 'number' ? code : null);
  const cause = error.cause instanceof Error ? `: ${error.cause.cause ?? error.cause}` : '';
  return new ProviderFault(error.message.replace(/^\d+ /, '') + cause, {
    status,
    codes: [code, type],
    headers,
    requestId: requestID,
  });
}

export const ResponsesUsage = z.object({
  input_tokens: SaidNumber,
  input_tokens_details: z.object({ cached_tokens: SaidNumber, cache_write_tokens: SaidNumber }).nullish(),
  output_tokens: SaidNumber,
  output_tokens_details: z.object({ reasoning_tokens: SaidNumber }).nullish(),
});

/** The parts we read of the events of a response's stream. */
const ResponsesEvent = z.object({
  type: z.string(),
  delta: z.unknown().optional(),
  response: z
    .object({
      id: z.string(),
      model: z.string().nullish(),
      error: z.object({ code: z.string().nullish(), message: z.string() }).nullish(),
      incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
      usage: ResponsesUsage.nullish(),
    })
    .nullish(),
});

/** Returns what a request is in the Responses API. */
export const responsesBody = (request: ModelRequest) => ({
  model: request.model,
  ...(request.system === '' ? {} : { instructions: request.system }),
  input: request.messages.map(({ role, text }) => ({ role, content: text })),
  max_output_tokens: request.maxTokens,
  ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  ...(request.schema === undefined
    ? {}
    : { text: { format: zodTextFormat(request.schema.schema, request.schema.name) } }),
  store: false,
});

async function* streamResponse(
  client: OpenAI,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const { data, request_id } = await client.responses
    .create({ ...responsesBody(request), stream: true }, { signal })
    .withResponse();

  for await (const raw of data) {
    const { type, delta, response } = ResponsesEvent.parse(raw);
    const event: StreamEvent = {
      requestId: request_id ?? response?.id ?? null,
      model: response?.model ?? null,
      usage: response?.usage ? responsesUsage(response.usage) : null,
    };
    if (type === 'response.output_text.delta') event.text = z.string().parse(delta);
    if (type === 'response.refusal.delta') event.refusal = z.string().parse(delta);
    const ended = type === 'response.completed' || type === 'response.incomplete';
    if (ended) event.finish = responseFinish(type, response?.incomplete_details?.reason ?? null);
    yield event;
    if (type === 'response.failed')
      throw new ProviderFault(response?.error?.message ?? 'the response failed', {
        codes: [response?.error?.code],
        requestId: request_id,
      });
    if (ended) return;
  }
}

export function responseFinish(type: string, reason: string | null): Finish {
  if (type === 'response.completed') return { unified: 'stop', raw: 'completed' };
  const unified =
    reason === 'max_output_tokens' ? 'length' : reason === 'content_filter' ? 'refusal' : 'other';
  return { unified, raw: reason ?? 'incomplete' };
}

export const responsesUsage = (usage: z.infer<typeof ResponsesUsage>): Usage => ({
  input: usage.input_tokens ?? Number.NaN,
  cached: usage.input_tokens_details?.cached_tokens ?? 0,
  written: usage.input_tokens_details?.cache_write_tokens ?? 0,
  output: usage.output_tokens ?? Number.NaN,
  reasoning: usage.output_tokens_details?.reasoning_tokens ?? 0,
});

const ChatUsage = z.object({
  prompt_tokens: SaidNumber,
  prompt_tokens_details: z.object({ cached_tokens: SaidNumber, cache_write_tokens: SaidNumber }).nullish(),
  completion_tokens: SaidNumber,
  completion_tokens_details: z.object({ reasoning_tokens: SaidNumber }).nullish(),
  // OpenRouter's, in dollars. With a key of one's own to the provider behind it, `cost` is its fee alone.
  cost: SaidNumber,
  is_byok: z.boolean().nullish(),
  cost_details: z.object({ upstream_inference_cost: SaidNumber }).nullish(),
});

/** The parts we read of a chat completion's chunks. */
const ChatChunk = z.object({
  id: z.string().nullish(),
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: ChatUsage.nullish(),
});

/** Asks by chat completions; `extras` are what a server takes beyond OpenAI's own parameters. */
export async function* streamChat(
  client: OpenAI,
  request: ModelRequest,
  signal: AbortSignal,
  extras: Record<string, unknown> = {},
): AsyncGenerator<StreamEvent> {
  const { data, request_id } = await client.chat.completions
    .create(
      {
        model: request.model,
        messages: [
          ...(request.system === '' ? [] : [{ role: 'system' as const, content: request.system }]),
          ...request.messages.map(({ role, text }) => ({ role, content: text })),
        ],
        // Compatible servers know this older name; OpenAI itself is not spoken to in this protocol.
        max_tokens: request.maxTokens,
        ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
        ...(request.schema === undefined
          ? {}
          : { response_format: zodResponseFormat(request.schema.schema, request.schema.name) }),
        ...extras,
        stream: true,
        stream_options: { include_usage: true },
      },
      { signal },
    )
    .withResponse();

  for await (const raw of data) {
    const { id, model, choices, usage } = ChatChunk.parse(raw);
    const [choice] = choices ?? [];
    const event: StreamEvent = {
      text: choice?.delta?.content ?? '',
      refusal: choice?.delta?.refusal ?? '',
      requestId: request_id ?? id ?? null,
      model: model ?? null,
    };
    if (usage) Object.assign(event, { usage: chatUsage(usage), chargedMicroUsd: chargeOf(usage) });
    if (choice?.finish_reason) event.finish = chatFinish(choice.finish_reason);
    yield event;
    if (event.finish?.raw === 'error')
      throw new ProviderFault('the model stopped with an error', { requestId: request_id });
  }
}

function chatFinish(raw: string): Finish {
  const unified = { stop: 'stop', length: 'length', content_filter: 'refusal' } as const;
  return { unified: unified[raw as keyof typeof unified] ?? 'other', raw };
}

const chatUsage = (usage: z.infer<typeof ChatUsage>): Usage => ({
  input: usage.prompt_tokens ?? Number.NaN,
  cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
  written: usage.prompt_tokens_details?.cache_write_tokens ?? 0,
  output: usage.completion_tokens ?? Number.NaN,
  reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
});

function chargeOf({ cost, is_byok, cost_details }: z.infer<typeof ChatUsage>): number | null {
  if (cost == null) return null;
  const upstream = is_byok ? (cost_details?.upstream_inference_cost ?? 0) : 0;
  return Math.round((cost + upstream) * 1e6);
}
