import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server in place of every provider that never answers well, and says the caller's key back in all it says. */
export interface QuotingServer {
  /** `http://127.0.0.1:PORT`: the first part of a path is the provider's name. */
  url: string;
  /** The keys that came, by provider, in order. */
  keys: Map<string, string[]>;
  close(): Promise<void>;
}

/** Each provider is answered in these ways in turn, and begins with another one; those that are final come last. */
const answers: ((response: ServerResponse, key: string) => void)[] = [
  (response, key) => refuse(response, 500, `failed on Authorization: Bearer ${key}, {"x-api-key":"${key}"}`),
  (response, key) => send(response, 200, 'text/event-stream', `data: ${key} is no event\n\n`),
  (response, key) => refuse(response, 429, `key ${key} asks too often`, { 'retry-after-ms': '20' }),
  (response, key) =>
    send(
      response,
      200,
      'text/event-stream',
      `event: error\ndata: ${JSON.stringify(errorBody(500, key))}\n\n`,
    ),
  // Where a message is cut, half a key may be left.
  (response, key) => refuse(response, 503, `${'x'.repeat(485)}${key}${key}`),
  (response, key) => send(response, 200, 'text/html', `<h1>Sign in</h1><pre>${key}</pre>`),
  (response, key) =>
    send(response, 502, 'text/html', `<h1>Bad gateway</h1>${key} ${encodeURIComponent(key)}`),
  (response) => response.destroy(),
  (response, key) => refuse(response, 400, `the header said ${key}`),
  (response, key) => refuse(response, 403, `${key} may not use this model`),
  (response, key) => refuse(response, 401, `Incorrect API key provided: ${key}. You can find your key at …`),
];

export async function startQuotingServer(): Promise<QuotingServer> {
  const keys = new Map<string, string[]>();
  const http = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const provider = pathname.split('/')[1] ?? '';
    for await (const _ of request);
    const key = keyIn(request.headers) ?? searchParams.get('key') ?? '';
    const seen = keys.get(provider) ?? [];
    seen.push(key);
    keys.set(provider, seen);
    const first = [...keys.keys()].indexOf(provider) * 2;
    answers[(first + seen.length - 1) % answers.length]?.(response, key);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    keys,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const keyIn = (headers: IncomingHttpHeaders): string | undefined =>
  [headers['x-api-key'], headers['x-goog-api-key'], headers.authorization?.replace(/^Bearer /, '')].find(
    (each) => typeof each === 'string',
  ) as string | undefined;

/** An error as any of the providers might word it. */
const errorBody = (status: number, message: string) => ({
  type: 'error',
  message,
  error: { message, type: 'api_error', code: status, status: 'INTERNAL', metadata: { raw: message } },
});

const refuse = (
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): void => send(response, status, 'application/json', JSON.stringify(errorBody(status, message)), headers);

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}
