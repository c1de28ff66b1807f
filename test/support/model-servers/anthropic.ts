import type { Usage } from '../../../domain/usage.ts';
import { type Body, type Dialect, demand, demandClosed, named } from './dialect.ts';

const types: Record<string, string> = {
  invalid_request: 'invalid_request_error',
  invalid_api_key: 'authentication_error',
};
const finishes = { stop: 'end_turn', length: 'max_tokens', refusal: 'refusal', paused: 'pause_turn' };

/** Anthropic's Messages. */
export const anthropic: Dialect = {
  basePath: '',
  requestIdHeader: 'request-id',
  keyHeader: 'authorization',
  keyValue: (key) => `Bearer ${key}`,
  read({ path, headers, body }) {
    demand(path === '/v1/messages', `unknown path ${path}`);
    demand(headers['anthropic-version'], 'anthropic-version: header is required');
    demand(Array.isArray(body.messages) && typeof body.max_tokens === 'number', 'messages and max_tokens');
    for (const parameter of ['temperature', 'top_p', 'top_k'])
      demand(!(parameter in body), `${parameter}: extra inputs are not permitted`);
    const format = body.output_config?.format;
    demand(format === undefined || format.type === 'json_schema', 'output_config.format.type');
    demandClosed(format?.schema);
    return {
      ...{ model: body.model, system: body.system, maxTokens: body.max_tokens, temperature: undefined },
      turns: body.messages.map(({ role, content }: Body) => ({ role, text: content })),
      schema: format?.schema,
    };
  },
  errorBody: ({ code, message }) => ({
    type: 'error',
    error: {
      type: types[code] ?? code,
      message,
      ...(code.endsWith('_reached') ? { type: 'rate_limit_error', details: { error_code: code } } : {}),
    },
  }),
  wrongKey: { status: 401, code: 'invalid_api_key' },
  opening: ({ model }) => [
    named('message_start', {
      message: {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', model, content: [] },
        usage: { input_tokens: 9, output_tokens: 1 },
      },
    }),
    named('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '' } }),
    named('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } }),
    named('content_block_stop', { index: 0 }),
    named('content_block_start', { index: 1, content_block: { type: 'text', text: '' } }),
    named('ping', {}),
  ],
  piece: (text) => named('content_block_delta', { index: 1, delta: { type: 'text_delta', text } }),
  closing({ finish = 'stop' }, usage) {
    const details =
      finish === 'refusal'
        ? { type: 'refusal', category: 'cyber', explanation: 'I will not do that.' }
        : null;
    return [
      named('content_block_stop', { index: 1 }),
      named('message_delta', {
        delta: { stop_reason: finishes[finish], stop_sequence: null, stop_details: details },
        ...(usage === null ? {} : { usage: messageUsage(usage) }),
      }),
      named('message_stop', {}),
    ];
  },
  sentinel: '',
  streamError: (code, message) => named('error', { error: { type: code, message } }),
  told: (usage) => usage,
  chargedMicroUsd: null,
};

/** Anthropic's `input_tokens` are those beside its cache. */
const messageUsage = (usage: Usage) => ({
  input_tokens: usage.input - usage.cached - usage.written,
  cache_read_input_tokens: usage.cached,
  cache_creation_input_tokens: usage.written,
  output_tokens: usage.output,
  output_tokens_details: { thinking_tokens: usage.reasoning },
});
