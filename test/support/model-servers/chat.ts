import type { Usage } from '../../../domain/usage.ts';
import { type About, type Body, type Dialect, demand, demandClosed, type Event } from './dialect.ts';

const finishes = { stop: 'stop', length: 'length', refusal: 'content_filter', paused: 'tool_calls' };

/** OpenAI's chat completions, as compatible servers speak them. */
export const chat: Dialect = {
  basePath: '/v1',
  requestIdHeader: 'x-request-id',
  keyHeader: 'authorization',
  keyValue: (key) => `Bearer ${key}`,
  read({ path, body }) {
    demand(path === '/v1/chat/completions', `unknown path ${path}`);
    return readChat(body);
  },
  errorBody: ({ code, message }) => ({ error: { message, type: code, code, param: null } }),
  wrongKey: { status: 401, code: 'invalid_api_key' },
  opening: (about) => [chunk(about, { delta: { role: 'assistant', content: '' } })],
  piece: (text, about) => chunk(about, { delta: { content: text } }),
  closing: ({ finish = 'stop' }, usage, about) => [
    chunk(about, { delta: {}, finish_reason: finishes[finish] }),
    ...(usage === null ? [] : [{ payload: { ...chunkBase(about), choices: [], usage: chatUsage(usage) } }]),
  ],
  sentinel: 'data: [DONE]\n\n',
  streamError: (code, message) => ({ payload: { error: { message, type: code, code } } }),
  told: (usage) => usage,
  chargedMicroUsd: null,
};

export function readChat(body: Body) {
  demand(Array.isArray(body.messages) && typeof body.max_tokens === 'number', 'messages and max_tokens');
  const format = body.response_format;
  if (format !== undefined) demandStrict(format.type, format.json_schema);
  const [first, ...rest] = body.messages;
  const system = first.role === 'system' ? first.content : undefined;
  const turns = system === undefined ? body.messages : rest;
  return {
    ...{ model: body.model, system, temperature: body.temperature, maxTokens: body.max_tokens },
    turns: turns.map(({ role, content }: Body) => ({ role, text: content })),
    schema: format?.json_schema.schema,
  };
}

export function demandStrict(
  type: string,
  format: { name?: string; strict?: boolean; schema: unknown },
): void {
  demand(type === 'json_schema' && format.name && format.strict, 'expected a strict json_schema with a name');
  demandClosed(format.schema);
}

export const chunkBase = ({ model }: About) => ({
  ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1 },
  model,
});

const chunk = (about: About, choice: object): Event => ({
  payload: { ...chunkBase(about), choices: [{ index: 0, finish_reason: null, ...choice }] },
});

export const chatUsage = (usage: Usage) => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.written },
  completion_tokens_details: { reasoning_tokens: usage.reasoning },
});
