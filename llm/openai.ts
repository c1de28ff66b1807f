import OpenAI, { APIError } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { type Deadlines, defaultDeadlines } from './deadlines.ts';
import { endedEarly, ProviderFault } from './failure.ts';
import type { Finish, Model, ModelRequest, Usage } from './model.ts';
import { createStreamingModel, type StreamContext, type StreamedReply } from './streaming-model.ts';

export interface OpenAiOptions {
  /** Null for a compatible server that asks for none. */
  key: string | null;
  /** Null for OpenAI itself; else the URL that ends before `/chat/completions` or `/responses`. */
  baseUrl: string | null;
  /** By default Responses for OpenAI itself, chat completions for any other server. */
  protocol?: 'responses' | 'chat';
  deadlines?: Deadlines;
}

/** OpenAI's models, and those of every server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, LiteLLM. */
export function createOpenAiModel(options: OpenAiOptions): Model {
  const { key, baseUrl, protocol = isOpenAi(baseUrl) ? 'responses' : 'chat' } = options;
  const client = new OpenAI({
    // Said here is what the library would otherwise take from the environment and send.
    apiKey: key ?? 'none',
    organization: null,
    project: null,
    baseURL: baseUrl ?? 'https://api.openai.com/v1',
    maxRetries: 0,
    logLevel: 'off',
    // Deadlines are `withinDeadlines`'s; the library's own must not come first.
    timeout: 2 ** 31 - 1,
  });
  const stream = protocol === 'responses' ? streamResponse : streamChat;
  return createStreamingModel({
    name: 'openai',
    keyVariable: 'OPENAI_API_KEY',
    key,
    deadlines: options.deadlines ?? defaultDeadlines,
    stream: (request, context) => stream(client, request, context),
    explain,
  });
}

/** Whether `baseUrl` is OpenAI itself, in any region. */
export const isOpenAi = (baseUrl: string | null): boolean =>
  baseUrl === null || /^(.+\.)?api\.openai\.com$/.test(new URL(baseUrl).hostname);

function explain(error: unknown): unknown {
  if (!(error instanceof APIError)) return error;
  const { status, code, type, headers, requestID } = error;
  const cause = error.cause instanceof Error ? `: ${error.cause.cause ?? error.cause}` : '';
  return new ProviderFault(error.message.replace(/^\d+ /, '') + cause, {
    status,
    codes: [code, type],
    headers,
    requestId: requestID,
  });
}

const tokens = z.number().nullish();

const ResponsesUsage = z.object({
  input_tokens: z.number(),
  input_tokens_details: z.object({ cached_tokens: tokens, cache_write_tokens: tokens }).nullish(),
  output_tokens: z.number(),
  output_tokens_details: z.object({ reasoning_tokens: tokens }).nullish(),
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

async function streamResponse(
  client: OpenAI,
  request: ModelRequest,
  { signal, alive, onText }: StreamContext,
): Promise<StreamedReply> {
  const { data, request_id } = await client.responses
    .create(
      {
        model: request.model,
        ...(request.system === '' ? {} : { instructions: request.system }),
        input: request.messages.map(({ role, text }) => ({ role, content: text })),
        max_output_tokens: request.maxTokens,
        ...(request.temperature !== undefined && takesTemperature(request.model)
          ? { temperature: request.temperature }
          : {}),
        ...(request.schema === undefined
          ? {}
          : { text: { format: zodTextFormat(request.schema.schema, request.schema.name) } }),
        store: false,
        stream: true,
      },
      { signal },
    )
    .withResponse();

  let text = '';
  let refusal = '';
  let events = 0;
  for await (const raw of data) {
    events += 1;
    const { type, delta, response } = ResponsesEvent.parse(raw);
    alive();
    if (type === 'response.output_text.delta') {
      text += z.string().parse(delta);
      onText(z.string().parse(delta));
    }
    if (type === 'response.refusal.delta') refusal += z.string().parse(delta);
    if (type === 'response.failed')
      throw new ProviderFault(response?.error?.message ?? 'the response failed', {
        codes: [response?.error?.code],
        requestId: request_id,
      });
    if (type === 'response.completed' || type === 'response.incomplete')
      return {
        text,
        refusal,
        finish: responseFinish(type, response?.incomplete_details?.reason ?? null),
        usage: response?.usage ? responsesUsage(response.usage) : null,
        requestId: request_id ?? response?.id ?? null,
        model: response?.model ?? request.model,
      };
  }
  throw endedEarly(events);
}

function responseFinish(type: string, reason: string | null): Finish {
  if (type === 'response.completed') return { unified: 'stop', raw: 'completed' };
  const unified =
    reason === 'max_output_tokens' ? 'length' : reason === 'content_filter' ? 'refusal' : 'other';
  return { unified, raw: reason ?? 'incomplete' };
}

const responsesUsage = (usage: z.infer<typeof ResponsesUsage>): Usage => ({
  input: usage.input_tokens,
  cached: usage.input_tokens_details?.cached_tokens ?? 0,
  written: usage.input_tokens_details?.cache_write_tokens ?? 0,
  output: usage.output_tokens,
  reasoning: usage.output_tokens_details?.reasoning_tokens ?? 0,
});

/** OpenAI's reasoning models reject a temperature; those before them take one. */
const takesTemperature = (model: string): boolean => /^(gpt-4|gpt-3\.5|chatgpt-4)/.test(model);

const ChatUsage = z.object({
  prompt_tokens: z.number(),
  prompt_tokens_details: z.object({ cached_tokens: tokens, cache_write_tokens: tokens }).nullish(),
  completion_tokens: z.number(),
  completion_tokens_details: z.object({ reasoning_tokens: tokens }).nullish(),
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

async function streamChat(
  client: OpenAI,
  request: ModelRequest,
  { signal, alive, onText }: StreamContext,
): Promise<StreamedReply> {
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
        stream: true,
        stream_options: { include_usage: true },
      },
      { signal },
    )
    .withResponse();

  const reply = { text: '', refusal: '', requestId: request_id, model: request.model };
  let finish: Finish | null = null;
  let usage: Usage | null = null;
  let events = 0;
  for await (const raw of data) {
    events += 1;
    const chunk = ChatChunk.parse(raw);
    alive();
    reply.requestId ??= chunk.id ?? null;
    reply.model = chunk.model ?? reply.model;
    if (chunk.usage) usage = chatUsage(chunk.usage);
    const choice = chunk.choices?.[0];
    reply.refusal += choice?.delta?.refusal ?? '';
    if (choice?.delta?.content) {
      reply.text += choice.delta.content;
      onText(choice.delta.content);
    }
    if (choice?.finish_reason) finish = chatFinish(choice.finish_reason);
  }
  if (finish === null) throw endedEarly(events);
  return { ...reply, finish, usage };
}

function chatFinish(raw: string): Finish {
  const unified = { stop: 'stop', length: 'length', content_filter: 'refusal' } as const;
  return { unified: unified[raw as keyof typeof unified] ?? 'other', raw };
}

const chatUsage = (usage: z.infer<typeof ChatUsage>): Usage => ({
  input: usage.prompt_tokens,
  cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
  written: usage.prompt_tokens_details?.cache_write_tokens ?? 0,
  output: usage.completion_tokens,
  reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
});
