import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Usage } from '../../domain/usage.ts';
import { type BatchDialect, batchDialects, type Ended, type Held } from './batch-dialects.ts';
import type { Asked } from './model-servers/dialect.ts';
import type { Protocol } from './model-servers.ts';

export type BatchProtocol = Extract<Protocol, 'responses' | 'anthropic' | 'google'>;
export const batchProtocols: readonly BatchProtocol[] = ['responses', 'anthropic', 'google'];

/** What each reply uses: as much as the least of questions may. */
export const batchUsage: Usage = { input: 120, cached: 70, written: 30, output: 90, reasoning: 40 };

/** How one request of a batch is answered. */
export type BatchAnswer =
  | { kind: 'text'; text: string }
  | { kind: 'refusal' }
  | { kind: 'error'; status: number; code: string; message: string }
  /** The batch ends before it is answered. */
  | { kind: 'expired' };

/** What goes wrong with the next submission. */
export type Trouble =
  /** The batch is made, and the connection then reset: nobody hears its name. */
  | { kind: 'lost' }
  /** The connection is reset before a batch is made. */
  | { kind: 'unheard' }
  /** It is refused, or the service fails. */
  | { kind: 'status'; status: number; code: string; message: string };

export interface BatchServer {
  baseUrl: string;
  key: string;
  /** Batches as they were made, the oldest first. */
  batches: Held[];
  /** Requests that were made a part of a batch: each is paid. */
  paid: Asked[];
  /** What the next submissions meet, in order. */
  troubles: Trouble[];
  /** Answers what is asked, at the time the batch ends. */
  answerOf: (asked: Asked) => BatchAnswer;
  /** Requests of any path. */
  heard: { method: string; path: string }[];
  /** Ends all batches under way. */
  work(): void;
  close(): Promise<void>;
}

/** A local server that speaks one provider's batches: what the service would refuse is refused, and nothing ends before `work`. */
export async function startBatchServer(protocol: BatchProtocol): Promise<BatchServer> {
  const dialect: BatchDialect = batchDialects[protocol];
  const key = 'quiet-rabbit-0123456789abcdef'; // looks like no provider's key
  const files = new Map<string, string>();

  const http = createServer(async (request, response) => {
    const body = await readBody(request);
    const { url: path = '', method = 'GET', headers } = request;
    server.heard.push({ method, path });
    if (headers[dialect.keyHeader] !== dialect.keyValue(key))
      return send(response, 401, dialect.errorBody({ status: 401, code: 'invalid_api_key', message: 'No.' }));
    try {
      await route(path, method, headers, body, response);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      send(response, 400, dialect.errorBody({ status: 400, code: 'invalid_request', message }));
    }
  });

  async function route(
    path: string,
    method: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const asked = dialect.read({ path, method, headers, body, files });
    if (asked.kind === 'file') return send(response, 200, dialect.fileMade(asked.id));
    if (asked.kind === 'content') {
      const text = files.get(asked.id);
      if (text === undefined) return send(response, 404, { error: { message: 'no such file' } });
      response.writeHead(200, { 'content-type': 'application/binary' });
      return void response.end(text);
    }
    if (asked.kind === 'submit') return submit(asked, response);
    if (asked.kind === 'list') {
      const newest = [...server.batches].reverse();
      const from = asked.after === null ? 0 : newest.findIndex(({ id }) => id === asked.after) + 1;
      const page = newest.slice(from, from + 2); // short, so that pages are turned
      const isLast = from + 2 >= newest.length;
      return send(response, 200, dialect.list(page, isLast, files));
    }
    const batch = server.batches.find(({ id }) => id === asked.id);
    if (batch === undefined)
      return send(
        response,
        404,
        dialect.errorBody({ status: 404, code: 'not_found_error', message: `no batch ${asked.id}` }),
      );
    if (asked.kind === 'cancel' && batch.state === 'underWay') end(batch, () => ({ kind: 'canceled' }));
    if (asked.kind !== 'results') return send(response, 200, dialect.batch(batch, server.baseUrl, files));
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    response.end(dialect.results(batch));
  }

  function submit(
    { name, model, requests }: Extract<ReturnType<BatchDialect['read']>, { kind: 'submit' }>,
    response: ServerResponse,
  ): void {
    const trouble = server.troubles.shift();
    if (trouble?.kind === 'status') return void send(response, trouble.status, dialect.errorBody(trouble));
    if (trouble?.kind === 'unheard') return void response.socket?.resetAndDestroy();
    const id = dialect.idOf(server.batches.length + 1);
    const made: Held = {
      id,
      name,
      model,
      requests,
      createdAt: Date.now(),
      state: 'underWay',
      ends: new Map(),
    };
    server.batches.push(made);
    server.paid.push(...requests.map(({ asked }) => asked));
    if (trouble?.kind === 'lost') return void response.socket?.resetAndDestroy();
    send(response, 200, dialect.batch(made, server.baseUrl, files));
  }

  function end(batch: Held, endOf: (asked: Asked) => Ended): void {
    for (const { id, asked } of batch.requests) batch.ends.set(id, endOf(asked));
    const kinds = new Set([...batch.ends.values()].map(({ kind }) => kind));
    batch.state = kinds.has('canceled') ? 'canceled' : kinds.has('expired') ? 'expired' : 'ended';
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo; // it listens on a port
  const server: BatchServer = {
    baseUrl: `http://127.0.0.1:${port}${dialect.basePath}`,
    ...{ key, batches: [], paid: [], troubles: [], heard: [] },
    answerOf: () => ({ kind: 'text', text: 'Hello.' }),
    work() {
      for (const batch of server.batches)
        if (batch.state === 'underWay')
          end(batch, (asked) => {
            const answer = server.answerOf(asked);
            if (answer.kind === 'expired') return { kind: 'expired' };
            if (answer.kind === 'error') return answer;
            const said = answer.kind === 'text' ? { text: answer.text, finish: 'stop' as const } : refused;
            return { kind: 'succeeded', body: dialect.reply(said, asked.model, batchUsage) };
          });
    },
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

const refused = { text: '', finish: 'refusal' } as const;

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // a request without encoding gives buffers
  return Buffer.concat(chunks);
}
