import type { Usage } from '../../../domain/usage.ts';
import { demandStrict } from './chat.ts';
import { type About, type Body, type Dialect, demand, named } from './dialect.ts';

/** OpenAI's Responses. */
export const responses: Dialect = {
  basePath: '/v1',
  requestIdHeader: 'x-request-id',
  keyHeader: 'authorization',
  keyValue: (key) => `Bearer ${key}`,
  read({ path, body }) {
    demand(path === '/v1/responses', `unknown path ${path}`);
    demand(Array.isArray(body.input) && typeof body.max_output_tokens === 'number', 'max_output_tokens');
    const format = body.text?.format;
    if (format !== undefined) demandStrict(format.type, format);
    return {
      ...{ model: body.model, system: body.instructions, temperature: body.temperature },
      maxTokens: body.max_output_tokens,
      turns: body.input.map(({ role, content }: Body) => ({ role, text: content })),
      schema: format?.schema,
    };
  },
  errorBody: ({ code, message }) => ({ error: { message, type: code, code, param: null } }),
  wrongKey: { status: 401, code: 'invalid_api_key' },
  opening: (about) => [
    named('response.created', { response: response(about, 'in_progress') }),
    named('response.in_progress', { response: response(about, 'in_progress') }),
    named('response.output_item.added', { output_index: 0, item: { id: 'msg_1', type: 'message' } }),
    named('response.content_part.added', { item_id: 'msg_1', part: { type: 'output_text', text: '' } }),
  ],
  piece: (text) => named('response.output_text.delta', { item_id: 'msg_1', content_index: 0, delta: text }),
  closing({ text, finish = 'stop' }, usage, about) {
    const done = (status: string, more: object) => ({
      response: { ...response(about, status), usage: usage && responsesUsage(usage), ...more },
    });
    const texts = named('response.output_text.done', { item_id: 'msg_1', text });
    if (finish === 'refusal')
      return [
        named('response.refusal.delta', { item_id: 'msg_1', delta: 'I will not ' }),
        named('response.refusal.delta', { item_id: 'msg_1', delta: 'do that.' }),
        named('response.completed', done('completed', {})),
      ];
    if (finish === 'stop') return [texts, named('response.completed', done('completed', {}))];
    const reason = finish === 'length' ? 'max_output_tokens' : 'steered';
    return [texts, named('response.incomplete', done('incomplete', { incomplete_details: { reason } }))];
  },
  sentinel: '',
  streamError: (code, message, about) =>
    named('response.failed', { response: { ...response(about, 'failed'), error: { code, message } } }),
  told: (usage) => usage,
  chargedMicroUsd: null,
};

const response = ({ model }: About, status: string) => ({ id: 'resp_1', object: 'response', model, status });

const responsesUsage = (usage: Usage) => ({
  input_tokens: usage.input,
  input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.written },
  output_tokens: usage.output,
  output_tokens_details: { reasoning_tokens: usage.reasoning },
  total_tokens: usage.input + usage.output,
});
