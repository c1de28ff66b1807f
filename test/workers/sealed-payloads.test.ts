import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, it } from 'vitest';
import { openCodecEndpoint } from '../../workers/codec-endpoint.ts';
import { createSealingCodec, readPayloadKeys } from '../../workers/sealed-payloads.ts';
import { signedBy } from '../../workers/signed-payloads.ts';
import { temporaryStore } from '../store/temporary-store.ts';

const keyText = (name: string): string => `${name}:${randomBytes(32).toString('base64')}`;
const [old, young] = [keyText('k1'), keyText('k2')];
const plain = defaultPayloadConverter.toPayload({ secret: 'quiet-rabbit' });
const context = { type: 'workflow', namespace: 'default', workflowId: 'solve/a/1.1' } as const;

async function sealedBy(text: string): Promise<Payload> {
  const [sealed] = await createSealingCodec(readPayloadKeys(text)).encode([plain], context);
  return sealed ?? expect.fail();
}
const openedBy = (text: string, payload: Payload): Promise<Payload[]> =>
  createSealingCodec(readPayloadKeys(text)).decode([payload], context);

it('what is sealed shows nothing, and is opened with its key after newer ones came', async () => {
  const sealed = await sealedBy(old);
  expect(Buffer.from(sealed.data ?? []).toString('latin1')).not.toContain('rabbit');
  expect(await sealedBy(old)).not.toEqual(sealed);
  for (const keys of [old, `${young},${old}`])
    expect(defaultPayloadConverter.fromPayload((await openedBy(keys, sealed))[0] ?? plain)).toEqual({
      secret: 'quiet-rabbit',
    });
  // What was written before there were keys is read as it is.
  expect(await openedBy(young, plain)).toEqual([plain]);
});

it('a key that is gone, or is another by that name, is said by name, and a changed history by what it is', async () => {
  const sealed = await sealedBy(old);
  await expect(openedBy(young, sealed)).rejects.toThrow(/expected the key "k1".*there are k2/);
  await expect(openedBy(keyText('k1'), sealed)).rejects.toThrow(/the key "k1" does not open/);
  const data = Buffer.from(sealed.data ?? []);
  data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
  await expect(openedBy(old, { ...sealed, data })).rejects.toThrow(/the history was changed/);
});

it('a sealed payload is signed as well', async () => {
  const store = await temporaryStore();
  const [signing, sealing] = signedBy(store, readPayloadKeys(old)).payloadCodecs ?? [];
  if (signing === undefined || sealing === undefined) return expect.fail();
  const sent = await sealing.encode(await signing.encode([plain], context), context);
  expect(Object.keys(sent[0]?.metadata ?? {})).toEqual(['encoding', 'crucible-key']);
  const got = await signing.decode(await sealing.decode(sent, context), context);
  expect(defaultPayloadConverter.fromPayload(got[0] ?? plain)).toEqual({ secret: 'quiet-rabbit' });
});

it.each(['k1', 'k1:short', `${old},${old}`, `${old};${young}`])(
  'keys written as %s are refused, and not shown',
  (text) => {
    expect(() => readPayloadKeys(text)).toThrow(/^CRUCIBLE_PAYLOAD_KEYS: expected/);
    try {
      readPayloadKeys(text);
    } catch (error) {
      expect(String(error)).not.toContain(old.slice(3));
    }
  },
);

it('the endpoint opens for pages of the UI, and for no others', async () => {
  const origin = 'http://localhost:8233';
  const server = await openCodecEndpoint(readPayloadKeys(old), { host: '127.0.0.1', port: 0, origin });
  try {
    const { port } = server.address() as AddressInfo; // it listens on a port
    const sealed = await sealedBy(old);
    const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
    const metadata = Object.fromEntries(
      Object.entries(sealed.metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)]),
    );
    const ask = (from: string, body: unknown) =>
      fetch(`http://127.0.0.1:${port}/decode`, {
        method: 'POST',
        headers: { origin: from, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const asked = { payloads: [{ metadata, data: base64(sealed.data) }] };
    const answer = await ask(origin, asked);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    const { payloads } = (await answer.json()) as { payloads: { data: string }[] };
    expect(Buffer.from(payloads[0]?.data ?? '', 'base64').toString()).toBe('{"secret":"quiet-rabbit"}');
    expect((await ask('https://evil.example', asked)).status).toBe(403);
    expect((await ask(origin, { payloads: 7 })).status).toBe(400);
  } finally {
    server.close();
  }
});
