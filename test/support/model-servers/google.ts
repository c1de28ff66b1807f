import type { Usage } from '../../../domain/usage.ts';
import { type About, type Body, type Dialect, demand, type Event } from './dialect.ts';

const finishes = { stop: 'STOP', length: 'MAX_TOKENS', refusal: 'SAFETY', paused: 'OTHER' };
const statuses: Record<string, number> = {
  ...{ INVALID_ARGUMENT: 400, RESOURCE_EXHAUSTED: 429, INTERNAL: 500, UNAVAILABLE: 503 },
};

/** Google's Gemini API. */
export const google: Dialect = {
  basePath: '',
  requestIdHeader: null,
  keyHeader: 'x-goog-api-key',
  keyValue: (key) => key,
  read({ path, body }) {
    const [, model] = /^\/v1\/models\/([^/]+):streamGenerateContent\?alt=sse$/.exec(path) ?? [];
    demand(model, `unknown path ${path}`);
    const { maxOutputTokens, temperature, responseMimeType, responseJsonSchema } = body.generationConfig;
    demand(Array.isArray(body.contents) && typeof maxOutputTokens === 'number', 'contents and their limit');
    const structured = responseJsonSchema !== undefined;
    demand(structured === (responseMimeType === 'application/json'), 'responseMimeType with a schema');
    if (structured) demandKnown(responseJsonSchema);
    return {
      ...{ model: String(model), temperature, maxTokens: maxOutputTokens, schema: responseJsonSchema },
      system: body.systemInstruction && textOf(body.systemInstruction),
      turns: body.contents.map((content: Body) => ({
        role: content.role === 'model' ? 'assistant' : content.role,
        text: textOf(content),
      })),
    };
  },
  errorBody: ({ status, code, message }) => ({
    error: {
      ...{ code: status, message },
      status: code === 'API_KEY_INVALID' ? 'INVALID_ARGUMENT' : code,
      details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code }],
    },
  }),
  wrongKey: { status: 400, code: 'API_KEY_INVALID' },
  opening: (about) => [chunk(about, { content: { role: 'model', parts: [{ text: 'Hm.', thought: true }] } })],
  piece: (text, about) => chunk(about, { content: { role: 'model', parts: [{ text }] } }),
  closing: ({ finish = 'stop' }, usage, about) => [
    chunk(
      about,
      { finishReason: finishes[finish] },
      usage === null ? {} : { usageMetadata: usageMetadata(usage) },
    ),
  ],
  sentinel: '',
  streamError: (code, message) => ({ payload: { error: { code: statuses[code], message, status: code } } }),
  told: (usage) => ({ ...usage, written: 0 }),
  chargedMicroUsd: null,
};

const textOf = ({ parts }: Body): string => parts.map(({ text }: Body) => text).join('');

const chunk = ({ model, requestId }: About, candidate: object, more: object = {}): Event => ({
  payload: {
    candidates: [{ index: 0, ...candidate }],
    ...{ modelVersion: model, responseId: requestId, ...more },
  },
});

/** Thoughts are counted beside the candidates. */
const usageMetadata = (usage: Usage) => ({
  promptTokenCount: usage.input,
  cachedContentTokenCount: usage.cached,
  candidatesTokenCount: usage.output - usage.reasoning,
  thoughtsTokenCount: usage.reasoning,
  totalTokenCount: usage.input + usage.output,
});

const keywords = new Set([
  ...['$id', '$defs', '$ref', '$anchor', 'type', 'format', 'title', 'description', 'enum', 'items'],
  ...['prefixItems', 'minItems', 'maxItems', 'minimum', 'maximum', 'anyOf', 'oneOf', 'properties'],
  ...['additionalProperties', 'required', 'propertyOrdering'],
]);

/** Gemini knows some keywords of JSON Schema, and no others. */
function demandKnown(schema: Body): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const keyword of Object.keys(schema)) demand(keywords.has(keyword), `unknown keyword ${keyword}`);
  for (const child of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), schema.items]) demandKnown(child);
  for (const child of Object.values({ ...schema.properties, ...schema.$defs })) demandKnown(child);
}
