import { once } from 'node:events';
import { readConfig } from '../../workers/config.ts';
import { UserMistake } from '../terminal.ts';

/** `crucible codec`: opens sealed histories for the Temporal UI, in the foreground, until it is told to stop. */
export async function runCodec({ port, origin }: { port: string; origin: string }): Promise<void> {
  const { openCodecEndpoint } = await import('../../workers/codec-endpoint.ts');
  const { payloadKeys } = readConfig(process.env);
  if (payloadKeys.length === 0)
    throw new UserMistake('CRUCIBLE_PAYLOAD_KEYS: expected the keys of the histories, found none');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UserMistake(`--port: expected a number up to 65535, got ${port}`);
  if (!URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new UserMistake(`--origin: expected the UI's address, as in http://localhost:8233; got ${origin}`);
  const server = await openCodecEndpoint(payloadKeys, { host: '127.0.0.1', port: Number(port), origin });
  console.log(`ready: http://127.0.0.1:${port}/decode, for pages of ${origin}`);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  server.closeAllConnections();
  server.close();
}
