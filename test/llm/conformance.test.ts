import { readdir, readFile } from 'node:fs/promises';
import { test as base, describe, expect, vi } from 'vitest';
import { z } from 'zod';
import { ModelUnauthenticated } from '../../domain/errors.ts';
import type { GenerateOptions, Model, ModelReply, ModelRequest } from '../../llm/model.ts';
import { createAnthropicModel } from '../../llm/providers/anthropic.ts';
import { asModelFailure, type ModelFailure, modelFailure } from '../../llm/providers/failure.ts';
import { createGoogleModel } from '../../llm/providers/google.ts';
import { createOpenAiModel } from '../../llm/providers/openai.ts';
import { createOpenRouterModel } from '../../llm/providers/openrouter.ts';
import type { AdapterOptions } from '../../llm/providers/streaming-model.ts';
import type { ReplySchema } from '../../llm/reply-schema.ts';
import {
  type Answer,
  type ModelServer,
  type Protocol,
  protocols,
  startModelServer,
} from '../support/model-servers.ts';

const adapters: Record<Protocol, (options: AdapterOptions) => Model> = {
  chat: (options) => createOpenAiModel({ ...options, protocol: 'chat' }),
  responses: (options) => createOpenAiModel({ ...options, protocol: 'responses' }),
  openrouter: createOpenRouterModel,
  anthropic: createAnthropicModel,
  google: createGoogleModel,
};

/** Where the protocols differ in what tests see. */
const variables: Record<Protocol, string> = {
  chat: 'OPENAI_API_KEY',
  responses: 'OPENAI_API_KEY',
  openrouter: 'OPENROUTER_API_KEY',
  anthropic: 'ANTHROPIC_API_KEY',
  google: 'GEMINI_API_KEY',
};
const refusals: Record<Protocol, string> = {
  chat: 'content_filter',
  responses: 'I will not do that.',
  openrouter: 'content_filter',
  anthropic: 'I will not do that.',
  google: 'SAFETY',
};
/** An empty account that is reported with the status of a rate limit. */
const emptyAccounts: Record<Protocol, Partial<Answer>> = {
  chat: { code: 'insufficient_quota' },
  responses: { code: 'insufficient_quota' },
  openrouter: { message: 'Rate limit exceeded: free-models-per-day' },
  anthropic: { code: 'enforced_spend_limit_reached' },
  google: {
    body: {
      error: {
        ...{ code: 429, status: 'RESOURCE_EXHAUSTED', message: 'You exceeded your current quota.' },
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '50' }],
          },
        ],
      },
    },
  },
};
/** A prompt that does not fit, as each service says it. */
const tooLong: Record<Protocol, (Partial<Answer> & { status?: number })[]> = {
  chat: [
    { code: 'context_length_exceeded', message: 'Too long.' },
    { message: "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens." },
    { status: 500, code: 'exceed_context_size_error', message: 'the request exceeds the context size' },
    { status: 429, message: 'Request too large for gpt-4.1 on tokens per min (TPM): Limit 30000' },
  ],
  responses: [{ code: 'context_length_exceeded', message: 'Your input exceeds the context window.' }],
  openrouter: [{ message: "This endpoint's maximum context length is 8192 tokens." }],
  anthropic: [
    { code: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
    { code: 'invalid_request_error', message: 'input length and `max_tokens` exceed context limit: 1 + 2' },
  ],
  google: [
    {
      code: 'INVALID_ARGUMENT',
      message: 'The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).',
    },
  ],
};
/** The codes of an outage, a rate limit and a bad request, inside a stream. */
const streamCodes: Record<Protocol, [string, string, string]> = {
  chat: ['server_error', 'rate_limit_exceeded', 'invalid_request_error'],
  responses: ['server_error', 'rate_limit_exceeded', 'invalid_prompt'],
  openrouter: ['502', '429', '400'],
  anthropic: ['overloaded_error', 'rate_limit_error', 'invalid_request_error'],
  google: ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT'],
};

const question: ModelRequest = {
  model: 'gpt-4.1-or-so',
  system: 'You are brief.',
  messages: [
    { role: 'user', text: 'One?' },
    { role: 'assistant', text: 'One.' },
    { role: 'user', text: 'Two?' },
  ],
  maxTokens: 500,
  temperature: 0.1,
};
const point = { name: 'point', schema: z.object({ x: z.number(), label: z.string().nullable() }) };

/** What every provider must do alike, through its own library, against a server that speaks its protocol. */
describe.each(protocols)('a model by the %s protocol', (protocol) => {
  interface Talk {
    server: ModelServer;
    connect(options?: Partial<AdapterOptions>): Model;
    ask<Value>(
      answer: Answer,
      request?: ModelRequest<Value>,
      options?: GenerateOptions,
    ): Promise<ModelReply<Value>>;
    /** What `ask` fails with. */
    failureOf(answer: Answer, request?: ModelRequest): Promise<ModelFailure>;
  }
  const test = base.extend<{ talk: Talk }>({
    // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what the fixture needs
    talk: async ({}, use) => {
      const server = await startModelServer(protocol);
      const { key, baseUrl } = server;
      const connect: Talk['connect'] = (options) =>
        adapters[protocol]({
          key,
          baseUrl,
          // Longer than a busy machine takes: what has a deadline for its subject sets its own.
          deadlines: { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 120_000 },
          ...options,
        });
      const ask: Talk['ask'] = (answer, request, options) => {
        server.answers = [answer];
        return connect().generate(request ?? (question as typeof request & {}), options);
      };
      await use({ server, connect, ask, failureOf: (...asked) => failing(ask(...asked)) });
      await server.close();
    },
  });

  test('streams text, and tells usage, costs, finish, request and model', async ({ talk }) => {
    const { server, ask } = talk;
    const pieces: string[] = [];
    const text = 'Two. As a text of some length, with ünïcödé 🧪, \u2028 and a\nline.';
    const reply = await ask({ kind: 'text', text }, question, { onDelta: (piece) => pieces.push(piece) });
    expect(reply).toEqual({
      ...{ kind: 'text', text, usage: server.usage, model: 'gpt-4.1-or-so', requestId: server.requestId },
      ...{ chargedMicroUsd: server.chargedMicroUsd, finish: { unified: 'stop', raw: expect.any(String) } },
    });
    expect(reply.usage).toMatchObject({ input: 1200, cached: 700, output: 90, reasoning: 40 });
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(text);
    expect(server.requests).toHaveLength(1);
  });

  test('sends the conversation, the limit and a temperature only where one is taken', async ({ talk }) => {
    await talk.ask({ kind: 'text', text: 'Two.' });
    expect(talk.server.requests[0]?.asked).toEqual({
      ...{ model: question.model, system: question.system, turns: question.messages, maxTokens: 500 },
      ...{ temperature: protocol === 'anthropic' ? undefined : 0.1, schema: undefined },
    });
    await talk.ask({ kind: 'text', text: 'Two.' }, { ...question, system: '', temperature: undefined });
    expect(talk.server.requests[1]?.asked).toMatchObject({ system: undefined, temperature: undefined });
  });

  test('returns a value of the schema, asked for by the provider’s own means', async ({ talk }) => {
    const text = '{"x": 1.5, "label": null}';
    const reply = await talk.ask({ kind: 'text', text }, { ...question, schema: point });
    expect(reply).toMatchObject({ kind: 'value', value: { x: 1.5, label: null } });
    expect(talk.server.requests[0]?.asked?.schema).toMatchObject({
      ...{ type: 'object', required: ['x', 'label'], additionalProperties: false },
      properties: { x: { type: 'number' }, label: expect.anything() },
    });
    expect(talk.server.requests).toHaveLength(1);
  });

  test('takes a schema of nested, nullable, listed and alternative parts, and checks what no schema says', async ({
    talk,
  }) => {
    const Change = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('file'), path: z.string(), content: z.string() }),
      z.strictObject({ kind: z.literal('edit'), path: z.string(), search: z.string(), replace: z.string() }),
    ]);
    const Reply = z
      .strictObject({
        changes: z.array(Change).describe('In their order.'),
        build: z.strictObject({ tool: z.enum(['none', 'nanobind']), cores: z.int().positive() }).nullable(),
        confidence: z.number().min(0).max(1),
      })
      .refine(({ changes }) => changes.length > 0, 'expected a change');
    const asked = { ...question, schema: { name: 'changes', schema: Reply } };
    const value = {
      changes: [
        { kind: 'edit', path: 'a.py', search: 'x = 1\n', replace: 'x = "\\n" # «✓»\n' },
        { kind: 'file', path: 'b.py', content: '' },
      ],
      build: { tool: 'nanobind', cores: 2 },
      confidence: 0.5,
    };
    const reply = await talk.ask({ kind: 'text', text: JSON.stringify(value) }, asked);
    expect(reply).toMatchObject({ kind: 'value', value });

    const empty = JSON.stringify({ changes: [], build: null, confidence: 1 });
    const failure = await failing(talk.ask({ kind: 'text', text: empty }, asked));
    expect(failure).toMatchObject({ name: 'ModelReplyUnusable', reply: empty, usage: talk.server.usage });
    expect(failure.message).toContain('expected a change');
  });

  test('takes every schema that models are asked for', async ({ talk }) => {
    const schemas = await schemasOfModels();
    expect(schemas.length).toBeGreaterThan(0);
    for (const schema of schemas) {
      const failure = await talk.failureOf({ kind: 'text', text: 'none' }, { ...question, schema });
      expect(failure, schema.name).toMatchObject({ name: 'ModelReplyUnusable', reply: 'none' });
    }
  });

  test('refuses a schema that not every provider takes, before anything is sent', async ({ talk }) => {
    const refused: z.ZodType[] = [
      z.object({ x: z.number().optional() }),
      z.object({ x: z.record(z.string(), z.number()) }),
      z.object({ x: z.string().min(3) }),
      z.object({ x: z.string().transform(Number) }),
      z.array(z.number()),
    ];
    for (const schema of refused)
      await expect(talk.connect().generate({ ...question, schema: { name: 's', schema } })).rejects.toThrow();
    expect(talk.server.requests).toHaveLength(0);
  });

  test('carries a program of two thousand lines unharmed', async ({ talk }) => {
    const line = (n: number) => `    total_${n} = f"{x[${n}]!r}\\t\\"" + '\\\\' # ünï ${n}\n`;
    const program = { content: Array.from({ length: 2000 }, (_, n) => line(n)).join('') };
    const schema = { name: 'program', schema: z.strictObject({ content: z.string() }) };
    const text = JSON.stringify(program, null, 1);
    const reply = await talk.ask({ kind: 'text', text, pieceChars: 40 }, { ...question, schema });
    expect(reply).toMatchObject({ kind: 'value', value: program });
  });

  test('carries a megabyte of text unharmed', async ({ talk }) => {
    const text = 'ünïcödé 🧪\n'.repeat(100_000);
    let shown = 0;
    const onDelta = (piece: string): void => {
      shown += piece.length;
    };
    const reply = await talk.ask({ kind: 'text', text, pieceChars: 500 }, question, { onDelta });
    expect(reply.text === text).toBe(true);
    expect(shown).toBe(text.length);
  });

  test.for([
    ['prose instead of JSON', 'Sure! Here you go.'],
    ['another shape', '{"x": "one", "label": null}'],
    ['half a value', '{"x": 1.5, "lab'],
    ['nothing', ''],
    ['spaces', ' \n '],
  ] as const)('finds %s unusable, keeping the text and what it cost', async ([, text], { talk }) => {
    const { server, failureOf } = talk;
    const failure = await failureOf({ kind: 'text', text }, { ...question, schema: point });
    expect(failure).toMatchObject({ name: 'ModelReplyUnusable', reply: text, usage: server.usage });
    expect(failure).toMatchObject({
      requestId: server.requestId,
      chargedMicroUsd: server.chargedMicroUsd,
    });
    expect(server.requests).toHaveLength(1);
  });

  test('finds an empty text unusable', async ({ talk }) => {
    expect((await talk.failureOf({ kind: 'text', text: '' })).name).toBe('ModelReplyUnusable');
  });

  test('tells a reply that was cut from a finished one, even where it parses', async ({ talk }) => {
    const text = '{"x": 1, "label": null}';
    const answer: Answer = { kind: 'text', text, finish: 'length' };
    const failure = await talk.failureOf(answer, { ...question, schema: point });
    expect(failure).toMatchObject({ name: 'ModelReplyTruncated', usage: talk.server.usage, reply: text });
    expect(failure.message).toContain(`cut at ${talk.server.usage.output} tokens`);
  });

  test('tells a refusal from a reply', async ({ talk }) => {
    const failure = await talk.failureOf({ kind: 'text', text: 'I', finish: 'refusal' });
    expect(failure).toMatchObject({ name: 'ModelRefused', usage: talk.server.usage });
    expect(failure.message).toContain(refusals[protocol]);
  });

  test('says where it stopped for a reason of its own', async ({ talk }) => {
    const reply = await talk.ask({ kind: 'text', text: 'Wait', finish: 'paused' });
    expect(reply.finish.unified).toBe('other');
  });

  test('says that usage is unknown, rather than nothing, where the server reports none', async ({ talk }) => {
    const reply = await talk.ask({ kind: 'text', text: 'Two.', usage: null });
    expect(reply).toMatchObject({ usage: null, chargedMicroUsd: null });
  });

  test.for([
    [400, 'ModelRequestRejected'],
    [401, 'ModelUnauthenticated'],
    [402, 'ModelQuotaExceeded'],
    [403, 'ModelRequestRejected'],
    [404, 'ModelRequestRejected'],
    [408, 'ModelUnavailable'],
    [409, 'ModelUnavailable'],
    [413, 'ModelContextTooLong'],
    [422, 'ModelRequestRejected'],
    [429, 'ModelRateLimited'],
    [500, 'ModelUnavailable'],
    [502, 'ModelUnavailable'],
    [503, 'ModelUnavailable'],
    [504, 'ModelUnavailable'],
    [529, 'ModelUnavailable'],
  ] as const)('names a %i %s after exactly one request', async ([status, name], { talk }) => {
    const { server, failureOf } = talk;
    const failure = await failureOf({ kind: 'status', status, message: 'Because of the moon.' });
    const requestId = server.identifiesErrors ? server.requestId : null;
    expect(failure).toMatchObject({ name, status, requestId, retryAfterMs: null, usage: null, reply: null });
    expect(failure.message).toContain(
      status === 401 ? `${variables[protocol]} was not accepted (401)` : 'Because of the moon',
    );
    expect(server.requests).toHaveLength(1);
  });

  test('names an error that is no JSON by its status', async ({ talk }) => {
    const failure = await talk.failureOf({ kind: 'status', status: 502, body: '<h1>Bad Gateway</h1>' });
    expect(failure).toMatchObject({ name: 'ModelUnavailable', status: 502 });
  });

  test.for([
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1500, 1500],
    ['seconds', { 'retry-after': '20' }, 20_000, 20_000],
    ['parts of a second', { 'retry-after': '0.25' }, 250, 250],
    ['a date', { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, 30_000, 90_000],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0, 0],
  ] as const)(
    'reads how long to wait in %s, and does not wait itself',
    async ([, headers, least, most], { talk }) => {
      const began = performance.now();
      for (const [status, name] of [
        [429, 'ModelRateLimited'],
        [503, 'ModelUnavailable'],
      ] as const) {
        const failure = await talk.failureOf({ kind: 'status', status, headers });
        expect(failure.name).toBe(name);
        expect(failure.retryAfterMs).toBeGreaterThanOrEqual(least);
        expect(failure.retryAfterMs).toBeLessThanOrEqual(most);
      }
      expect(talk.server.requests).toHaveLength(2);
      expect(performance.now() - began).toBeLessThan(20_000);
    },
  );

  test('reads no wait from nonsense', async ({ talk }) => {
    const headers = { 'retry-after': 'soon', 'retry-after-ms': '-5' };
    expect((await talk.failureOf({ kind: 'status', status: 429, headers })).retryAfterMs).toBeNull();
  });

  test('reads when a quota is open again from the answer that says it is used up', async ({ talk }) => {
    const failure = await talk.failureOf({
      ...{ kind: 'status', status: 429, headers: { 'retry-after': '7200' } },
      ...emptyAccounts[protocol],
    } as Answer);
    expect(failure).toMatchObject({ name: 'ModelQuotaExceeded', retryAfterMs: 7_200_000 });
    expect(talk.server.requests).toHaveLength(1);
  });

  test('knows an empty account from a rate limit, though both are 429', async ({ talk }) => {
    const failure = await talk.failureOf({
      kind: 'status',
      status: 429,
      ...emptyAccounts[protocol],
    } as Answer);
    expect(failure).toMatchObject({ name: 'ModelQuotaExceeded', status: 429 });
    expect(failure.message).toContain(variables[protocol]);
  });

  test('knows an empty account by its wording', async ({ talk }) => {
    const message = 'Your credit balance is too low to access the API.';
    const failure = await talk.failureOf({ kind: 'status', status: 400, message });
    expect(failure.name).toBe('ModelQuotaExceeded');
  });

  test.for(tooLong[protocol])('knows a prompt that does not fit: $message', async (said, { talk }) => {
    const failure = await talk.failureOf({ kind: 'status', status: 400, ...said } as Answer);
    expect(failure).toMatchObject({ name: 'ModelContextTooLong', status: said.status ?? 400 });
  });

  test('takes no key, account or address from the environment', async ({ talk }) => {
    for (const name of ['OPENAI_ADMIN_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID', 'ANTHROPIC_AUTH_TOKEN'])
      vi.stubEnv(name, 'other');
    for (const name of ['ANTHROPIC_API_KEY', 'GOOGLE_API_KEY', 'GEMINI_API_KEY', 'OPENROUTER_API_KEY'])
      vi.stubEnv(name, 'other');
    for (const name of ['GOOGLE_CLOUD_PROJECT', 'GOOGLE_GENAI_USE_VERTEXAI', 'GOOGLE_GENAI_API_VERSION'])
      vi.stubEnv(name, 'true');
    for (const provider of ['OPENAI', 'ANTHROPIC', 'GOOGLE_GEMINI', 'GOOGLE_VERTEX'])
      vi.stubEnv(`${provider}_BASE_URL`, 'http://other.invalid');
    await talk.ask({ kind: 'text', text: 'Two.' });
    await failing(talk.connect({ key: null }).generate(question));
    const headers = talk.server.requests.map((request) => request.headers);
    expect(JSON.stringify(headers)).not.toContain('other');
    expect(headers[1]?.[protocol === 'google' ? 'x-goog-api-key' : 'authorization']).toMatch(
      /^(Bearer )?none$/,
    );
    vi.unstubAllEnvs();
  });

  test('sends its request by the fetch it is given', async ({ talk }) => {
    const sent: string[] = [];
    const send: typeof fetch = (input, init) => {
      sent.push(String(input));
      return fetch(input, init);
    };
    const reply = await talk.connect({ fetch: send }).generate(question);
    expect(reply).toMatchObject({ kind: 'text', text: 'Hello.' });
    expect(sent).toEqual([expect.stringContaining(talk.server.baseUrl)]);
  });

  test('passes on the failure of the fetch it is given, before and within the stream', async ({ talk }) => {
    const about = { provider: 'tunnel', model: 'm', keyVariable: 'TUNNEL_KEY', key: null };
    const failure = modelFailure(ModelUnauthenticated, about, 'closed', { status: 401 });
    const closed: typeof fetch = () => Promise.reject(failure);
    await expect(talk.connect({ fetch: closed }).generate(question)).rejects.toBe(failure);

    const breaking: typeof fetch = async () => {
      const body = new ReadableStream({ start: (controller) => controller.error(failure) });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    await expect(talk.connect({ fetch: breaking }).generate(question)).rejects.toBe(failure);
  });

  test('is called what it is told to be called', async ({ talk }) => {
    const model = talk.connect({ key: 'wrong-key-0815', name: 'groq', keyVariable: 'GROQ_API_KEY' });
    expect(model.provider).toBe('groq');
    const failure = await failing(model.generate(question));
    expect(failure.message).toMatch(/^groq\/gpt-4\.1-or-so: GROQ_API_KEY was not accepted/);
  });

  test('names the variable of a wrong key, and shows neither key', async ({ talk }) => {
    const { server, connect } = talk;
    const wrong = 'my-own-secret-0815';
    const failure = await failing(connect({ key: wrong }).generate(question));
    expect(failure).toMatchObject({ name: 'ModelUnauthenticated', status: server.wrongKeyStatus });
    expect(failure.message).toContain(variables[protocol]);
    expect(String(failure.stack) + JSON.stringify(failure)).not.toMatch(/0815|sk-te/);
    expect(server.requests).toHaveLength(1);
  });

  test('takes its key out of a reply that quotes it, in one piece or in several, and out of a value', async ({
    talk,
  }) => {
    const { key } = talk.server;
    const pieces: string[] = [];
    const reply = await talk.ask({ kind: 'text', text: `I was sent ${key}, twice: ${key}.` }, question, {
      onDelta: (piece) => pieces.push(piece),
    });
    expect(reply.text).toBe('I was sent [key], twice: [key].');
    expect(pieces.join('')).toBe(reply.text);
    const escaped = `\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}`;
    const text = `{"x": 1.5, "label": "${escaped} and ${key}"}`;
    const valued = await talk.ask({ kind: 'text', text }, { ...question, schema: point });
    expect(valued).toMatchObject({ value: { x: 1.5, label: '[key] and [key]' } });
    expect(valued.text).toBe('{"x": 1.5, "label": "[key] and [key]"}');
  });

  test('takes keys out of what a provider echoes', async ({ talk }) => {
    const message = `Bad header: ${talk.server.key}, Bearer abcdefgh, api_key=abcdefgh12345678, try sk-proj-abcdefghijk`;
    const failure = await talk.failureOf({ kind: 'status', status: 400, message });
    expect(failure.message).toContain('Bad header');
    expect(String(failure.stack)).not.toMatch(/0123456789abcdef|abcdefgh/);
    expect(failure.cause).toBeUndefined();
  });

  test.for([
    [streamCodes[protocol][0], 'ModelUnavailable'],
    [streamCodes[protocol][1], 'ModelRateLimited'],
    [streamCodes[protocol][2], 'ModelRequestRejected'],
  ] as const)('names an error inside the stream by its code: %s', async ([code, name], { talk }) => {
    const failure = await talk.failureOf({ kind: 'streamError', code, message: 'Oh dear.' });
    expect(failure.name).toBe(name);
    expect(failure.message).toContain('Oh dear.');
    expect(talk.server.requests).toHaveLength(1);
  });

  test.for([
    ['the connection is reset', 'reset', 'ModelUnavailable'],
    ['the stream ends too early', 'cut', 'ModelUnavailable'],
    ['the stream ends in the midst of an event', 'torn', 'ModelUnavailable'],
    ['the events are not JSON', 'garbage', 'ModelReplyUnusable'],
    ['the events are of another kind', 'foreign', 'ModelReplyUnusable'],
    ['a page comes instead', 'page', 'ModelReplyUnusable'],
    ['nothing comes', 'nothing', 'ModelReplyUnusable'],
  ] as const)('says so, after one request, when %s', async ([, kind, name], { talk }) => {
    expect(await talk.failureOf({ kind })).toMatchObject({ name, reply: null });
    expect(talk.server.requests).toHaveLength(1);
  });

  test('says that nobody listens where nobody does', async ({ talk }) => {
    await talk.server.close();
    const failure = await failing(talk.connect().generate(question));
    expect(failure).toMatchObject({ name: 'ModelUnavailable', status: null });
    expect(failure.message).toContain('ECONNREFUSED');
    const barred = await failing(talk.connect({ baseUrl: 'http://127.0.0.1:9' }).generate(question));
    expect(barred.message).toContain('bad port');
  });

  test('has its reply when the reply is complete, though the connection stays open', async ({ talk }) => {
    const reply = await talk.ask({ kind: 'lingers', text: 'Two.' });
    expect(reply).toMatchObject({ kind: 'text', text: 'Two.', usage: talk.server.usage });
    await talk.server.requests[0]?.abandoned;
  });

  test('sends nothing when its signal has come before', async ({ talk }) => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(talk.ask({ kind: 'silent' }, question, { signal })).rejects.toThrow('too late');
    expect(talk.server.requests).toHaveLength(0);
  });

  test('passes on what its listener throws', async ({ talk }) => {
    for (const thrown of [new RangeError('no room'), new SyntaxError('no sense'), new TypeError('no such')]) {
      const onDelta = () => {
        throw thrown;
      };
      await expect(talk.ask({ kind: 'text', text: 'Two.' }, question, { onDelta })).rejects.toBe(thrown);
    }
  });

  // These mostly wait, so they wait together.
  describe.concurrent('in time', () => {
    test.for([
      ['no headers come', 'silent', { firstTokenMs: 400 }, 'the first token within 400 ms'],
      ['no event comes', 'mute', { firstTokenMs: 400 }, 'the first token within 400 ms'],
      ['the text stops', 'stall', { idleMs: 300 }, 'more of the reply within 300 ms'],
    ] as const)('gives up when %s, and hangs up', async ([, kind, brief, message], { talk, expect }) => {
      const began = performance.now();
      talk.server.answers = [{ kind }];
      const deadlines = { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 120_000, ...brief };
      const failure = await failing(talk.connect({ deadlines }).generate(question));
      expect(failure.name).toBe('ModelUnavailable');
      expect(failure.message).toContain(message);
      expect(performance.now() - began).toBeLessThan(15_000);
      await talk.server.requests[0]?.abandoned;
      expect(talk.server.requests).toHaveLength(1);
    });

    test('waits for a slow drip as long as it drips', async ({ talk, expect }) => {
      const text = 'A reply of sixty characters, that takes longer than a limit.';
      talk.server.answers = [{ kind: 'text', text, pieceMs: 300 }];
      const deadlines = { firstTokenMs: 60_000, idleMs: 1_500, totalMs: 120_000 };
      expect((await talk.connect({ deadlines }).generate(question)).text).toBe(text);
    });

    test.for(['silent', 'mute', 'stall'] as const)(
      'obeys its signal at once: %s',
      async (kind, { talk, expect }) => {
        // Node's own abort errors carry a code, as its network errors do.
        const reason = Object.assign(new Error('cancelled by its user'), { code: 'ABORT_ERR' });
        const cancel = new AbortController();
        talk.server.answers = [{ kind }];
        const reply = talk.connect().generate(question, { signal: cancel.signal });
        const ended = expect(reply).rejects.toBe(reason);
        await expect.poll(() => talk.server.requests.length, { timeout: 60_000 }).toBe(1);
        const began = performance.now();
        cancel.abort(reason);
        await ended;
        expect(performance.now() - began).toBeLessThan(20_000);
        await talk.server.requests[0]?.abandoned;
        expect(talk.server.requests).toHaveLength(1);
      },
    );
  });
});

async function failing(reply: Promise<unknown>): Promise<ModelFailure> {
  const failure = asModelFailure(
    await reply.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (failure === undefined) throw new Error('expected a failure of a model');
  return failure;
}

/** Every reply schema that a module of `llm/` exports, alone or inside a table. */
async function schemasOfModels(): Promise<ReplySchema<unknown>[]> {
  const folder = new URL('../../llm/', import.meta.url);
  const found = new Set<ReplySchema<unknown>>();
  const collect = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > 4) return;
    if ('name' in value && 'schema' in value && value.schema instanceof z.ZodType)
      found.add(value as ReplySchema<unknown>);
    else if (!(value instanceof z.ZodType))
      for (const child of Object.values(value)) collect(child, depth + 1);
  };
  for (const path of await readdir(folder, { recursive: true })) {
    if (!path.endsWith('.ts')) continue;
    const text = await readFile(new URL(path, folder), 'utf8');
    if (text.includes('ReplySchema<')) collect(await import(new URL(path, folder).href), 0);
  }
  return [...found];
}
