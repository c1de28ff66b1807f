import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import { ConfigWrong } from '../domain/errors.ts';
import { createSealingCodec, type PayloadKey } from './sealed-payloads.ts';

const Base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
const Asked = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), Base64).nullish(), data: Base64.nullish() })),
});

/** What the UI sends at once at most. */
const longestBytes = 16 * 2 ** 20;

/** Opens sealed payloads for the Temporal UI, which asks from pages of `origin`; no other page's question is answered. */
export async function openCodecEndpoint(
  keys: readonly PayloadKey[],
  { host, port, origin }: { host: string; port: number; origin: string },
): Promise<Server> {
  const codec = createSealingCodec(keys);
  const server = createServer(async (request, response) => {
    const give = (status: number, body: object | null): void => {
      response.writeHead(status, {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'authorization, content-type, x-namespace',
        'access-control-allow-methods': 'POST',
        'content-type': 'application/json',
      });
      response.end(body === null ? '' : JSON.stringify(body));
    };
    // A page that is not the UI's may send what it likes, but is to learn nothing.
    if (request.headers.origin !== origin) return give(403, { message: `expected a page of ${origin}` });
    if (request.method === 'OPTIONS') return give(204, null);
    if (request.method !== 'POST' || request.url?.split('?')[0] !== '/decode')
      return give(404, { message: 'expected POST /decode' });
    try {
      const { payloads } = Asked.parse(JSON.parse(await bodyOf(request)));
      const plain = await codec.decode(payloads as Payload[], undefined);
      give(200, { payloads: plain.map(inBase64) });
    } catch (error) {
      give(400, { message: error instanceof ConfigWrong ? error.message : 'expected payloads in JSON' });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ConfigWrong(`${host}:${port} cannot be taken: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  return server;
}

const inBase64 = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length; // a request without encoding gives buffers
    if (bytes > longestBytes) throw new Error('too much at once');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
