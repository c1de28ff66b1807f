import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createAnthropicModel } from '../../llm/anthropic.ts';
import type { Deadlines } from '../../llm/deadlines.ts';
import { asModelFailure, type ModelFailure } from '../../llm/failure.ts';
import type { GenerateOptions, Model, ModelRequest } from '../../llm/model.ts';
import { createOpenAiModel } from '../../llm/openai.ts';
import { programReply } from '../../llm/program-reply.ts';
import {
  type Answer,
  type ModelServer,
  protocols,
  someUsage,
  startModelServer,
} from '../support/model-servers.ts';

/** What every provider must do alike, through its own library, against a server that speaks its protocol. */
describe.each(protocols)('a model by the %s protocol', (protocol) => {
  let server: ModelServer;
  beforeEach(async () => {
    server = await startModelServer(protocol);
  });
  afterEach(async () => {
    await server.close();
  });

  const deadlines: Deadlines = { firstTokenMs: 400, idleMs: 300 };
  const connect = (options: { key?: string | null; deadlines?: Deadlines } = {}): Model => {
    const access = { key: server.key, baseUrl: server.baseUrl, deadlines, ...options };
    return protocol === 'anthropic'
      ? createAnthropicModel(access)
      : createOpenAiModel({ ...access, protocol });
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

  const ask = (answer: Answer, request: ModelRequest = question, options?: GenerateOptions) => {
    server.answers = [answer];
    return connect().generate(request, options);
  };
  const failureOf = async (reply: Promise<unknown>): Promise<ModelFailure> => {
    const failure = asModelFailure(
      await reply.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    if (failure === undefined) throw new Error('expected a failure of a model');
    return failure;
  };

  it('streams text, and tells usage, finish, request and model', async () => {
    const pieces: string[] = [];
    const text = 'Two. As a text of some length, with ünïcödé 🧪.';
    const reply = await ask({ kind: 'text', text }, question, { onDelta: (piece) => pieces.push(piece) });
    expect(reply).toMatchObject({ kind: 'text', text, usage: someUsage, model: 'gpt-4.1-or-so' });
    expect(reply.finish.unified).toBe('stop');
    expect(reply.requestId).toBe(server.requestId);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(text);
    expect(server.requests).toHaveLength(1);
  });

  it('sends the conversation, the limit and a temperature only where one is taken', async () => {
    await ask({ kind: 'text', text: 'Two.' });
    const body = server.requests[0]?.body;
    expect(body.stream).toBe(true);
    expect(JSON.stringify(body)).toContain('You are brief.');
    expect(body.max_tokens ?? body.max_output_tokens).toBe(500);
    expect(body.temperature).toBe(protocol === 'anthropic' ? undefined : 0.1);
    const turns = (body.messages ?? body.input).filter((turn: { role: string }) => turn.role !== 'system');
    expect(turns).toEqual([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'One.' },
      { role: 'user', content: 'Two?' },
    ]);
  });

  it('returns a value of the schema, asked for by the provider’s own means', async () => {
    const reply = await ask(
      { kind: 'text', text: '{"x": 1.5, "label": null}' },
      { ...question, schema: point },
    );
    expect(reply).toMatchObject({ kind: 'value', value: { x: 1.5, label: null } });
    expect(JSON.stringify(server.requests[0]?.body)).toContain('"json_schema"');
    expect(server.requests).toHaveLength(1);
  });

  it('takes the schema of a program as the provider wants it, and checks what no schema says', async () => {
    const program = { idea: 'i', files: [{ path: 'a.py', content: 'x' }], entry: 'a.py', build: 'none' };
    const asked = { ...question, schema: programReply };
    const reply = await ask({ kind: 'text', text: JSON.stringify(program) }, asked);
    expect(reply).toMatchObject({ kind: 'value', value: program });
    const wrong = JSON.stringify({ ...program, entry: 'b.py' });
    expect(await failureOf(ask({ kind: 'text', text: wrong }, asked))).toMatchObject({
      name: 'ModelReplyUnusable',
      reply: wrong,
      usage: someUsage,
    });
  });

  it('refuses a schema that not every provider takes, before anything is sent', async () => {
    const refused: z.ZodType[] = [
      z.object({ x: z.number().optional() }),
      z.object({ x: z.record(z.string(), z.number()) }),
      z.object({ x: z.string().min(3) }),
      z.object({ x: z.string().transform(Number) }),
      z.array(z.number()),
    ];
    for (const schema of refused)
      await expect(connect().generate({ ...question, schema: { name: 's', schema } })).rejects.toThrow();
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ['prose instead of JSON', 'Sure! Here you go.'],
    ['another shape', '{"x": "one", "label": null}'],
    ['half a value', '{"x": 1.5, "lab'],
    ['nothing', ''],
    ['spaces', ' \n '],
  ])('finds %s unusable, keeping the text and what it cost', async (_, text) => {
    const failure = await failureOf(ask({ kind: 'text', text }, { ...question, schema: point }));
    expect(failure).toMatchObject({ name: 'ModelReplyUnusable', reply: text, usage: someUsage });
    expect(failure.requestId).toBe(server.requestId);
    expect(server.requests).toHaveLength(1);
  });

  it('finds an empty text unusable', async () => {
    expect((await failureOf(ask({ kind: 'text', text: '' }))).name).toBe('ModelReplyUnusable');
  });

  it('tells a reply that was cut from a finished one, even where it parses', async () => {
    const answer: Answer = { kind: 'text', text: '{"x": 1, "label": null}', finish: 'length' };
    const failure = await failureOf(ask(answer, { ...question, schema: point }));
    expect(failure).toMatchObject({ name: 'ModelReplyTruncated', usage: someUsage, reply: answer.text });
    expect(failure.message).toContain('500 tokens');
  });

  it('tells a refusal from a reply', async () => {
    const failure = await failureOf(ask({ kind: 'text', text: 'I', finish: 'refusal' }));
    expect(failure).toMatchObject({ name: 'ModelRefused', usage: someUsage });
    expect(failure.message).toMatch(protocol === 'chat' ? /content_filter/ : /I will not do that\./);
  });

  it('says where it stopped for a reason of its own', async () => {
    const reply = await ask({ kind: 'text', text: 'Wait', finish: 'paused' });
    expect(reply.finish.unified).toBe('other');
  });

  it('says that usage is unknown, rather than nothing, where the server reports none', async () => {
    const reply = await ask({ kind: 'text', text: 'Two.', usage: null });
    expect(reply.usage).toBeNull();
  });

  it.each([
    [400, 'ModelRequestRejected'],
    [401, 'ModelUnauthenticated'],
    [402, 'ModelQuotaExceeded'],
    [403, 'ModelRequestRejected'],
    [404, 'ModelRequestRejected'],
    [408, 'ModelUnavailable'],
    [409, 'ModelUnavailable'],
    [413, 'ModelRequestRejected'],
    [422, 'ModelRequestRejected'],
    [429, 'ModelRateLimited'],
    [500, 'ModelUnavailable'],
    [502, 'ModelUnavailable'],
    [503, 'ModelUnavailable'],
    [504, 'ModelUnavailable'],
    [529, 'ModelUnavailable'],
  ])('names a %i %s after exactly one request', async (status, name) => {
    const failure = await failureOf(ask({ kind: 'status', status, message: 'Because of the moon.' }));
    expect(failure).toMatchObject({ name, status, requestId: server.requestId, retryAfterMs: null });
    expect(failure.message).toMatch(
      status === 401 ? /set (OPENAI|ANTHROPIC)_API_KEY/ : /Because of the moon/,
    );
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1500, 1500],
    ['seconds', { 'retry-after': '20' }, 20_000, 20_000],
    ['parts of a second', { 'retry-after': '0.25' }, 250, 250],
    ['a date', { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, 60_000, 90_000],
    ['a date that has passed', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0, 0],
  ])('reads how long to wait in %s, and does not wait itself', async (_, headers, least, most) => {
    const began = performance.now();
    for (const [status, name] of [
      [429, 'ModelRateLimited'],
      [503, 'ModelUnavailable'],
    ] as const) {
      const failure = await failureOf(ask({ kind: 'status', status, headers }));
      expect(failure.name).toBe(name);
      expect(failure.retryAfterMs).toBeGreaterThanOrEqual(least);
      expect(failure.retryAfterMs).toBeLessThanOrEqual(most);
    }
    expect(server.requests).toHaveLength(2);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('reads no wait from nonsense', async () => {
    const headers = { 'retry-after': 'soon', 'retry-after-ms': '-5' };
    expect((await failureOf(ask({ kind: 'status', status: 429, headers }))).retryAfterMs).toBeNull();
  });

  const quotaCode = protocol === 'anthropic' ? 'enforced_spend_limit_reached' : 'insufficient_quota';
  it('knows an empty account from a rate limit, though both are 429', async () => {
    const failure = await failureOf(ask({ kind: 'status', status: 429, code: quotaCode }));
    expect(failure).toMatchObject({ name: 'ModelQuotaExceeded', status: 429 });
  });

  it('knows an empty account by its wording', async () => {
    const message = 'Your credit balance is too low to access the API.';
    expect((await failureOf(ask({ kind: 'status', status: 400, message }))).name).toBe('ModelQuotaExceeded');
  });

  it('takes no key, account or address from the environment', async () => {
    vi.stubEnv('OPENAI_ADMIN_KEY', 'sk-other');
    vi.stubEnv('OPENAI_ORG_ID', 'org-other');
    vi.stubEnv('OPENAI_PROJECT_ID', 'proj-other');
    vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'other');
    vi.stubEnv('ANTHROPIC_API_KEY', 'sk-ant-other');
    for (const name of ['OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL']) vi.stubEnv(name, 'http://other.invalid');
    await ask({ kind: 'text', text: 'Two.' });
    await connect({ key: null })
      .generate(question)
      .catch(() => undefined);
    expect(JSON.stringify(server.requests.map((request) => request.headers))).not.toContain('other');
    expect(server.requests[1]?.headers.authorization).toBe('Bearer none');
    vi.unstubAllEnvs();
  });

  it('names the variable of a wrong key, and shows neither key', async () => {
    const wrong = 'my-own-secret-0815';
    const failure = await failureOf(connect({ key: wrong }).generate(question));
    expect(failure).toMatchObject({ name: 'ModelUnauthenticated', status: 401 });
    expect(failure.message).toContain(protocol === 'anthropic' ? 'ANTHROPIC_API_KEY' : 'OPENAI_API_KEY');
    expect(String(failure.stack) + JSON.stringify(failure)).not.toMatch(/0815|sk-te/);
    expect(server.requests).toHaveLength(1);
  });

  it('takes keys out of what a provider echoes', async () => {
    const message = `Bad header: ${server.key}, Bearer abcdefgh, api_key=abcdefgh12345678, try sk-proj-abcdefghijk`;
    const failure = await failureOf(ask({ kind: 'status', status: 400, message }));
    expect(failure.message).toContain('Bad header');
    expect(String(failure.stack)).not.toMatch(/0123456789abcdef|abcdefgh/);
    expect(failure.cause).toBeUndefined();
  });

  const overloaded = { chat: 'server_error', responses: 'server_error', anthropic: 'overloaded_error' }[
    protocol
  ];
  const limited = {
    chat: 'rate_limit_exceeded',
    responses: 'rate_limit_exceeded',
    anthropic: 'rate_limit_error',
  };
  const invalid = {
    chat: 'invalid_request_error',
    responses: 'invalid_prompt',
    anthropic: 'invalid_request_error',
  };
  it.each([
    [overloaded, 'ModelUnavailable'],
    [limited[protocol], 'ModelRateLimited'],
    [invalid[protocol], 'ModelRequestRejected'],
  ])('names an error inside the stream by its code: %s', async (code, name) => {
    const failure = await failureOf(ask({ kind: 'streamError', code, message: 'Oh dear.' }));
    expect(failure.name).toBe(name);
    expect(failure.message).toContain('Oh dear.');
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['the connection is reset', 'reset', 'ModelUnavailable'],
    ['the stream ends too early', 'cut', 'ModelUnavailable'],
    ['the events are not JSON', 'garbage', 'ModelReplyUnusable'],
    ['the events are of another kind', 'foreign', 'ModelReplyUnusable'],
    ['a page comes instead', 'page', 'ModelReplyUnusable'],
    ['nothing comes', 'nothing', 'ModelReplyUnusable'],
  ] as const)('says so, after one request, when %s', async (_, kind, name) => {
    expect((await failureOf(ask({ kind }))).name).toBe(name);
    expect(server.requests).toHaveLength(1);
  });

  it('says that nobody listens where nobody does', async () => {
    await server.close();
    const failure = await failureOf(connect().generate(question));
    expect(failure).toMatchObject({ name: 'ModelUnavailable', status: null });
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it.each([
    ['no headers come', 'silent', 'the first token within 400 ms'],
    ['the text stops', 'stall', 'more of the reply within 300 ms'],
  ] as const)('gives up in time when %s, and hangs up', async (_, kind, message) => {
    const began = performance.now();
    const failure = await failureOf(ask({ kind }));
    expect(failure.name).toBe('ModelUnavailable');
    expect(failure.message).toContain(message);
    expect(performance.now() - began).toBeLessThan(1500);
    await server.requests[0]?.abandoned;
    expect(server.requests).toHaveLength(1);
  });

  it('waits for a slow drip as long as it drips', async () => {
    const text = 'A reply of sixty characters, that takes longer than a limit.';
    const reply = await ask({ kind: 'text', text, pieceMs: 150 });
    expect(reply.text).toBe(text);
  });

  it('has its reply when the reply is complete, though the connection stays open', async () => {
    const reply = await ask({ kind: 'lingers', text: 'Two.' });
    expect(reply).toMatchObject({ kind: 'text', text: 'Two.', usage: someUsage });
  });

  it.each(['silent', 'stall'] as const)('obeys its signal within a second: %s', async (kind) => {
    // Node's own abort errors carry a code, as its network errors do.
    const reason = Object.assign(new Error('cancelled by its user'), { code: 'ABORT_ERR' });
    const cancel = new AbortController();
    const began = performance.now();
    setTimeout(() => cancel.abort(reason), 100);
    server.answers = [{ kind }];
    const patient = connect({ deadlines: { firstTokenMs: 4000, idleMs: 4000 } });
    await expect(patient.generate(question, { signal: cancel.signal })).rejects.toBe(reason);
    expect(performance.now() - began).toBeLessThan(1100);
    await server.requests[0]?.abandoned;
    expect(server.requests).toHaveLength(1);
  });

  it('sends nothing when its signal has come before', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(ask({ kind: 'silent' }, question, { signal })).rejects.toThrow('too late');
    expect(server.requests).toHaveLength(0);
  });

  it('passes on what its listener throws', async () => {
    const listen = () => {
      throw new RangeError('no room');
    };
    await expect(ask({ kind: 'text', text: 'Two.' }, question, { onDelta: listen })).rejects.toThrow(
      RangeError,
    );
  });
});
