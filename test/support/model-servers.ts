import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Usage } from '../../llm/model.ts';

export type Protocol = 'chat' | 'responses' | 'anthropic';
export const protocols: readonly Protocol[] = ['chat', 'responses', 'anthropic'];

/** How a server answers one request. `usage` counts as `Usage` does; each protocol says it in its own way. */
export type Answer =
  | {
      kind: 'text';
      text: string;
      finish?: 'stop' | 'length' | 'refusal' | 'paused';
      usage?: Usage | null;
      /** Pause before each piece of ten characters, milliseconds. */
      pieceMs?: number;
    }
  /** An error before the stream: status, headers, and the code inside the protocol's own error body. */
  | { kind: 'status'; status: number; code?: string; message?: string; headers?: Record<string, string> }
  /** Some text, then an error inside the stream. */
  | { kind: 'streamError'; code: string; message: string }
  /** Some text, then the connection is reset. */
  | { kind: 'reset' }
  /** Some text, then the stream ends properly, without the protocol's own end. */
  | { kind: 'cut' }
  /** 200, and events that are not JSON. */
  | { kind: 'garbage' }
  /** 200, and well-formed events of another protocol. */
  | { kind: 'foreign' }
  /** 200, and a page instead of events. */
  | { kind: 'page' }
  /** 200, and nothing. */
  | { kind: 'nothing' }
  /** Nothing at all, not even headers. */
  | { kind: 'silent' }
  /** Some text, then nothing more. */
  | { kind: 'stall' }
  /** A whole reply, whose connection is then kept open for ever. */
  | { kind: 'lingers'; text: string };

export interface SeenRequest {
  path: string;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of three protocols
  body: any;
  /** Resolves when the client hangs up before the answer is complete. */
  abandoned: Promise<void>;
}

export interface ModelServer {
  protocol: Protocol;
  /** As the protocol's own library wants it. */
  baseUrl: string;
  key: string;
  requestId: string;
  /** Every request that came, malformed ones too. */
  requests: SeenRequest[];
  /** What the next requests are answered with, in order; the last answer is repeated. */
  answers: Answer[];
  close(): Promise<void>;
}

export const someUsage: Usage = { input: 1200, cached: 700, written: 300, output: 90, reasoning: 40 };

/**
 * A local server that speaks one provider's protocol: its paths, its checks of a request, its events, its errors.
 * A request the real service would refuse is refused with 400, and one with another key with 401.
 */
export async function startModelServer(protocol: Protocol): Promise<ModelServer> {
  const dialect = dialects[protocol];
  const key = 'quiet-rabbit-0123456789abcdef'; // looks like no provider's key
  const requestId = `req_${protocol}_42`;

  const http = createServer(async (request, response) => {
    const body = await readJson(request);
    const abandoned = new Promise<void>((resolve) =>
      response.once('close', () => response.writableFinished || resolve()),
    );
    const [answer = { kind: 'silent' }] = server.answers;
    if (server.answers.length > 1) server.answers.shift();
    server.requests.push({ path: request.url ?? '', headers: request.headers, body, abandoned });
    response.setHeader(dialect.requestIdHeader, requestId);
    const problem = dialect.check(request, body);
    if (problem !== undefined) return refuse(response, 400, dialect.errorBody('invalid_request', problem));
    if (request.headers[dialect.keyHeader] !== dialect.keyValue(key))
      return refuse(response, 401, dialect.errorBody('invalid_api_key', 'Incorrect API key: sk-te***6789'));
    await give(answer, response, dialect, body.model);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: ModelServer = {
    protocol,
    baseUrl: `http://127.0.0.1:${port}${dialect.basePath}`,
    key,
    requestId,
    requests: [],
    answers: [{ kind: 'text', text: 'Hello.' }],
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

/** One event of a stream: its name, where the protocol names events, and its payload. */
interface Event {
  name?: string;
  payload: unknown;
}

interface Dialect {
  basePath: string;
  requestIdHeader: string;
  keyHeader: string;
  keyValue(key: string): string;
  /** What the real service would object to; undefined where it would not. */
  check(request: IncomingMessage, body: Record<string, unknown>): string | undefined;
  errorBody(code: string, message: string): unknown;
  opening(model: string): Event[];
  piece(text: string): Event;
  closing(text: string, answer: Extract<Answer, { kind: 'text' }>, model: string): Event[];
  /** What follows the last event. */
  sentinel: string;
  streamError(code: string, message: string): Event;
}

const anthropicTypes: Record<string, string> = {
  invalid_request: 'invalid_request_error',
  invalid_api_key: 'authentication_error',
};

const dialects: Record<Protocol, Dialect> = {
  chat: {
    basePath: '/v1',
    requestIdHeader: 'x-request-id',
    keyHeader: 'authorization',
    keyValue: (key) => `Bearer ${key}`,
    check(request, body) {
      if (request.url !== '/v1/chat/completions') return `unknown path ${request.url}`;
      if (!Array.isArray(body.messages) || typeof body.max_tokens !== 'number')
        return 'messages and max_tokens';
      const format = body.response_format as { type: string; json_schema: StrictFormat } | undefined;
      return format === undefined ? undefined : checkStrict(format.type, format.json_schema);
    },
    errorBody: (code, message) => ({ error: { message, type: code, code, param: null } }),
    opening: (model) => [chatChunk(model, { delta: { role: 'assistant', content: '' } })],
    piece: (text) => chatChunk('m', { delta: { content: text } }),
    closing(_, { finish = 'stop', usage = someUsage }, model) {
      const reason = { stop: 'stop', length: 'length', refusal: 'content_filter', paused: 'tool_calls' }[
        finish
      ];
      const last = chatChunk(model, { delta: {}, finish_reason: reason });
      if (usage === null) return [last];
      return [last, { payload: { ...chunkBase(model), choices: [], usage: chatUsage(usage) } }];
    },
    sentinel: 'data: [DONE]\n\n',
    streamError: (code, message) => ({ payload: { error: { message, type: code, code } } }),
  },

  responses: {
    basePath: '/v1',
    requestIdHeader: 'x-request-id',
    keyHeader: 'authorization',
    keyValue: (key) => `Bearer ${key}`,
    check(request, body) {
      if (request.url !== '/v1/responses') return `unknown path ${request.url}`;
      if (!Array.isArray(body.input) || typeof body.max_output_tokens !== 'number')
        return 'input and max_output_tokens';
      const format = (body.text as { format: { type: string } & StrictFormat } | undefined)?.format;
      return format === undefined ? undefined : checkStrict(format.type, format);
    },
    errorBody: (code, message) => ({ error: { message, type: code, code, param: null } }),
    opening: (model) => [
      named('response.created', { response: responseObject(model, 'in_progress') }),
      named('response.in_progress', { response: responseObject(model, 'in_progress') }),
      named('response.output_item.added', { output_index: 0, item: { id: 'msg_1', type: 'message' } }),
      named('response.content_part.added', { item_id: 'msg_1', part: { type: 'output_text', text: '' } }),
    ],
    piece: (text) => named('response.output_text.delta', { item_id: 'msg_1', content_index: 0, delta: text }),
    closing(text, { finish = 'stop', usage = someUsage }, model) {
      const done = (status: string, more: object) => ({
        response: { ...responseObject(model, status), usage: usage && responsesUsage(usage), ...more },
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
    streamError: (code, message) =>
      named('response.failed', { response: { ...responseObject('m', 'failed'), error: { code, message } } }),
  },

  anthropic: {
    basePath: '',
    requestIdHeader: 'request-id',
    keyHeader: 'authorization',
    keyValue: (key) => `Bearer ${key}`,
    check(request, body) {
      if (request.url !== '/v1/messages') return `unknown path ${request.url}`;
      if (request.headers['anthropic-version'] === undefined) return 'anthropic-version: header is required';
      if (!Array.isArray(body.messages) || typeof body.max_tokens !== 'number')
        return 'messages and max_tokens';
      for (const parameter of ['temperature', 'top_p', 'top_k'])
        if (parameter in body) return `${parameter}: extra inputs are not permitted`;
      const format = (body.output_config as { format: { type: string; schema: object } } | undefined)?.format;
      if (format === undefined) return undefined;
      return format.type === 'json_schema' ? checkClosed(format.schema) : 'output_config.format.type';
    },
    errorBody: (code, message) => ({
      type: 'error',
      error: {
        type: anthropicTypes[code] ?? code,
        message,
        ...(code.endsWith('_reached') ? { type: 'rate_limit_error', details: { error_code: code } } : {}),
      },
    }),
    opening: (model) => [
      named('message_start', {
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model,
          content: [],
          usage: { ...anthropicUsage(someUsage), output_tokens: 1 },
        },
      }),
      named('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '' } }),
      named('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } }),
      named('content_block_stop', { index: 0 }),
      named('content_block_start', { index: 1, content_block: { type: 'text', text: '' } }),
      named('ping', {}),
    ],
    piece: (text) => named('content_block_delta', { index: 1, delta: { type: 'text_delta', text } }),
    closing(_, { finish = 'stop', usage = someUsage }) {
      const reason = { stop: 'end_turn', length: 'max_tokens', refusal: 'refusal', paused: 'pause_turn' }[
        finish
      ];
      const details =
        finish === 'refusal'
          ? { type: 'refusal', category: 'cyber', explanation: 'I will not do that.' }
          : null;
      return [
        named('content_block_stop', { index: 1 }),
        named('message_delta', {
          delta: { stop_reason: reason, stop_sequence: null, stop_details: details },
          ...(usage === null ? {} : { usage: anthropicUsage(usage) }),
        }),
        named('message_stop', {}),
      ];
    },
    sentinel: '',
    streamError: (code, message) => named('error', { error: { type: code, message } }),
  },
};

const chunkBase = (model: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model,
});
const chatChunk = (model: string, choice: object): Event => ({
  payload: { ...chunkBase(model), choices: [{ index: 0, finish_reason: null, ...choice }] },
});
const named = (name: string, payload: object): Event => ({ name, payload: { type: name, ...payload } });
const responseObject = (model: string, status: string) => ({
  id: 'resp_1',
  object: 'response',
  model,
  status,
});

const chatUsage = (usage: Usage) => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.written },
  completion_tokens_details: { reasoning_tokens: usage.reasoning },
});
const responsesUsage = (usage: Usage) => ({
  input_tokens: usage.input,
  input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.written },
  output_tokens: usage.output,
  output_tokens_details: { reasoning_tokens: usage.reasoning },
  total_tokens: usage.input + usage.output,
});
/** Anthropic's `input_tokens` are those beside its cache. */
const anthropicUsage = (usage: Usage) => ({
  input_tokens: usage.input - usage.cached - usage.written,
  cache_read_input_tokens: usage.cached,
  cache_creation_input_tokens: usage.written,
  output_tokens: usage.output,
  output_tokens_details: { thinking_tokens: usage.reasoning },
});

interface StrictFormat {
  name?: string;
  strict?: boolean;
  schema: object;
}

function checkStrict(type: string, format: StrictFormat): string | undefined {
  if (type !== 'json_schema' || !format.name || format.strict !== true)
    return 'expected a strict json_schema with a name';
  return checkClosed(format.schema);
}

/** Structured output wants every object closed and every property required. */
function checkClosed(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const { type, properties, required, additionalProperties } = node as Record<string, unknown>;
  if (type === 'object') {
    if (additionalProperties !== false) return 'additionalProperties must be false';
    const missing = Object.keys(properties as object).find((key) => !(required as string[]).includes(key));
    if (missing !== undefined) return `${missing} must be required`;
  }
  for (const child of Object.values(node)) {
    const problem = checkClosed(child);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function give(
  answer: Answer,
  response: ServerResponse,
  dialect: Dialect,
  model: string,
): Promise<void> {
  if (answer.kind === 'silent') return;
  if (answer.kind === 'status') {
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    const { status, code = 'some_error', message = 'It went wrong.' } = answer;
    return refuse(response, status, dialect.errorBody(code, message));
  }
  if (answer.kind === 'page') {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html><body>Welcome to the captive portal</body></html>');
    return;
  }

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const send = (event: Event) => response.write(frame(event));
  if (answer.kind === 'nothing') return void response.end();
  if (answer.kind === 'garbage') return void response.end('event: message_start\ndata: {"type": "mess\n\n');
  if (answer.kind === 'foreign') {
    const events = [null, 42, { type: 7, choices: 'none', message: 'hi' }];
    return void response.end(events.map((payload) => frame({ name: 'message_start', payload })).join(''));
  }

  for (const event of dialect.opening(model)) send(event);
  if (answer.kind === 'text' || answer.kind === 'lingers') {
    for (const piece of answer.text.match(/.{1,10}/gsu) ?? []) {
      if ('pieceMs' in answer) await wait(answer.pieceMs);
      send(dialect.piece(piece));
    }
    const closing = answer.kind === 'text' ? answer : { ...answer, kind: 'text' as const };
    for (const event of dialect.closing(answer.text, closing, model)) send(event);
    response.write(dialect.sentinel);
    if (answer.kind === 'text') response.end();
    return;
  }
  send(dialect.piece('The first '));
  if (answer.kind === 'streamError') response.end(frame(dialect.streamError(answer.code, answer.message)));
  if (answer.kind === 'cut') response.end();
  if (answer.kind === 'reset') {
    await wait(50); // lets what was written arrive first
    response.socket?.resetAndDestroy();
  }
}

const frame = ({ name, payload }: Event): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(payload)}\n\n`;

function refuse(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown> & { model: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
