import { chat, chatUsage, chunkBase, readChat } from './chat.ts';
import { type Dialect, demand } from './dialect.ts';

/** OpenRouter: chat completions with comments, costs, thoughts beside the text, and errors whose codes are statuses. */
export const openrouter: Dialect = {
  ...chat,
  basePath: '/api/v1',
  read({ path, body }) {
    demand(path === '/api/v1/chat/completions', `unknown path ${path}`);
    demand(body.provider?.data_collection === 'deny', 'programs must not be kept');
    const { require_parameters } = body.provider;
    demand(require_parameters === (body.response_format !== undefined), 'require_parameters with a schema');
    return readChat(body);
  },
  errorBody: ({ status, message }) => ({ error: { code: status, message } }),
  opening: (about) => [
    { comment: 'OPENROUTER PROCESSING' },
    { comment: 'OPENROUTER PROCESSING' },
    ...chat.opening(about),
    {
      payload: {
        ...{ ...chunkBase(about), provider: 'Somebody' },
        choices: [{ index: 0, delta: { content: '', reasoning: 'Hm.' }, finish_reason: null }],
      },
    },
  ],
  closing: (reply, usage, about) => [
    ...chat.closing(reply, null, about),
    ...(usage === null
      ? []
      : [
          {
            payload: {
              ...{ ...chunkBase(about), choices: [] },
              usage: {
                ...{ ...chatUsage(usage), cost: 0.0123, is_byok: false },
                cost_details: { upstream_inference_cost: 0.0117 },
              },
            },
          },
        ]),
  ],
  streamError: (code, message, about) => ({
    payload: {
      ...chunkBase(about),
      error: { code: Number(code), message },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    },
  }),
  chargedMicroUsd: 12_300,
};
