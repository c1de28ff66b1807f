import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Usage } from '../../domain/usage.ts';
import { anthropic } from './model-servers/anthropic.ts';
import { chat } from './model-servers/chat.ts';
import type { About, Asked, Body, Dialect, Event, Reply } from './model-servers/dialect.ts';
import { google } from './model-servers/google.ts';
import { openrouter } from './model-servers/openrouter.ts';
import { responses } from './model-servers/responses.ts';

const dialects = { chat, responses, openrouter, anthropic, google } as const;
export type Protocol = keyof typeof dialects;
export const protocols = Object.keys(dialects) as Protocol[]; // they are the keys above

/** How a server answers one request. */
export type Answer =
  | Reply
  /** An error before the stream: status, headers, and the code inside the protocol's own error body, or another body. */
  | {
      kind: 'status';
      status: number;
      code?: string;
      message?: string;
      headers?: Record<string, string>;
      body?: unknown;
    }
  /** Some text, then an error inside the stream. */
  | { kind: 'streamError'; code: string; message: string }
  /** These events and no others. */
  | { kind: 'events'; payloads: unknown[] }
  /** Some text, then the connection is reset. */
  | { kind: 'reset' }
  /** Some text, then the stream ends properly, without the protocol's own end. */
  | { kind: 'cut' }
  /** Some text, then the stream ends in the midst of an event. */
  | { kind: 'torn' }
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
  /** Headers, then nothing more. */
  | { kind: 'mute' }
  /** Some text, then nothing more. */
  | { kind: 'stall' }
  /** A whole reply, whose connection is then kept open for ever. */
  | { kind: 'lingers'; text: string };

export interface SeenRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: Body;
  /** What it asks for; undefined where it was refused. */
  asked: Asked | undefined;
  /** Resolves when the client hangs up before the answer is complete. */
  abandoned: Promise<void>;
}

export interface ModelServer {
  protocol: Protocol;
  /** As the protocol's own library wants it. */
  baseUrl: string;
  key: string;
  requestId: string;
  /** What it answers to a wrong key. */
  wrongKeyStatus: number;
  /** Whether its errors carry an ID. */
  identifiesErrors: boolean;
  /** `someUsage`, as far as the protocol can say it. */
  usage: Usage;
  /** What it says a request cost. */
  chargedMicroUsd: number | null;
  /** Every request that came, malformed ones too. */
  requests: SeenRequest[];
  /** What the next requests are answered with, in order; the last answer is repeated. */
  answers: Answer[];
  /** Answers requests to a model in place of `answers`, where several jobs ask at once. */
  answerOf?: (model: string) => Answer;
  close(): Promise<void>;
}

/** What a reply uses where its answer says nothing else. */
export const someUsage: Usage = { input: 1200, cached: 700, written: 300, output: 90, reasoning: 40 };

/**
 * A local server that speaks one provider's protocol: its paths, its checks of a request, its events, its errors.
 * A request the real service would refuse is refused with 400, and one with another key as the service does that.
 */
export async function startModelServer(protocol: Protocol): Promise<ModelServer> {
  const dialect: Dialect = dialects[protocol];
  const key = 'quiet-rabbit-0123456789abcdef'; // looks like no provider's key
  const requestId = `req_${protocol}_42`;

  const http = createServer(async (request, response) => {
    const body = await readJson(request);
    const abandoned = new Promise<void>((resolve) =>
      response.once('close', () => response.writableFinished || resolve()),
    );
    const [answer = { kind: 'silent' }] = server.answers;
    if (server.answers.length > 1) server.answers.shift();
    const { url: path = '', headers } = request;
    const seen: SeenRequest = { path, headers, body, asked: undefined, abandoned };
    server.requests.push(seen);
    if (dialect.requestIdHeader !== null) response.setHeader(dialect.requestIdHeader, requestId);
    try {
      seen.asked = dialect.read({ path, headers, body });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return refuse(response, 400, dialect.errorBody({ status: 400, code: 'invalid_request', message }));
    }
    if (headers[dialect.keyHeader] !== dialect.keyValue(key)) {
      const message = 'Incorrect API key: sk-te***6789';
      const { status, code } = dialect.wrongKey;
      return refuse(response, status, dialect.errorBody({ status, code, message }));
    }
    const { model } = seen.asked;
    await give(server.answerOf?.(model) ?? answer, response, dialect, { model, requestId });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo; // it listens on a port
  const server: ModelServer = {
    protocol,
    baseUrl: `http://127.0.0.1:${port}${dialect.basePath}`,
    key,
    requestId,
    wrongKeyStatus: dialect.wrongKey.status,
    identifiesErrors: dialect.requestIdHeader !== null,
    usage: dialect.told(someUsage),
    chargedMicroUsd: dialect.chargedMicroUsd,
    requests: [],
    answers: [{ kind: 'text', text: 'Hello.' }],
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

async function give(answer: Answer, response: ServerResponse, dialect: Dialect, about: About): Promise<void> {
  if (answer.kind === 'silent') return;
  if (answer.kind === 'status') {
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    const { status, code = 'some_error', message = 'It went wrong.' } = answer;
    return refuse(response, status, answer.body ?? dialect.errorBody({ status, code, message }));
  }
  if (answer.kind === 'page') {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html><body>Welcome to the captive portal</body></html>');
    return;
  }

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const send = (event: Event) => response.write(frame(event));
  if (answer.kind === 'mute') return;
  if (answer.kind === 'nothing') return void response.end();
  if (answer.kind === 'garbage') {
    response.end('event: message_start\ndata: {"type": "mess\n\ndata: {"type": "mess\n\n');
    return;
  }
  if (answer.kind === 'foreign') {
    // Where the protocol names its events, those without a name are passed over.
    const names = dialect.opening(about).some((event) => 'name' in event) ? { name: 'message_start' } : {};
    const payloads = [null, 42, { type: 7, choices: 'none', message: 'hi' }];
    response.end(payloads.map((payload) => frame({ ...names, payload })).join(''));
    return;
  }
  if (answer.kind === 'events') {
    for (const payload of answer.payloads) send({ payload });
    response.end(dialect.sentinel);
    return;
  }

  for (const event of dialect.opening(about)) send(event);
  if (answer.kind === 'text' || answer.kind === 'lingers') {
    const reply: Reply = { ...answer, kind: 'text' };
    const { text, pieceMs, pieceChars = 10, usage = someUsage } = reply;
    for (const piece of text.match(new RegExp(`.{1,${pieceChars}}`, 'gsu')) ?? []) {
      if (pieceMs !== undefined) await wait(pieceMs);
      send(dialect.piece(piece, about));
    }
    for (const event of dialect.closing(reply, usage, about)) send(event);
    response.write(dialect.sentinel);
    if (answer.kind === 'text') response.end();
    return;
  }
  send(dialect.piece('The first ', about));
  if (answer.kind === 'streamError')
    response.end(frame(dialect.streamError(answer.code, answer.message, about)));
  if (answer.kind === 'cut') response.end();
  if (answer.kind === 'torn') response.end(frame(dialect.piece('The second ', about)).slice(0, -20));
  if (answer.kind === 'reset') {
    await wait(50); // lets what was written arrive first
    response.socket?.resetAndDestroy();
  }
}

function frame(event: Event): string {
  if ('comment' in event) return `: ${event.comment}\n\n`;
  const { name, payload } = event;
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(payload)}\n\n`;
}

function refuse(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // a request without encoding gives buffers
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
