import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
// Its library is no module, so it has but one export.
import protos from '@temporalio/proto';
import { ConfigWrong } from '../domain/errors.ts';

/** A key that histories are sealed with, under the name that stands beside what it sealed. */
export interface PayloadKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

const cipher = 'aes-256-gcm';
const [nonceBytes, tagBytes] = [12, 16];
const encoding = 'binary/encrypted';
const keyName = 'crucible-key';

/** Reads `NEW:BASE64,OLD:BASE64`: the first seals, all of them open. Throws `ConfigWrong`, which shows no key. */
export function readPayloadKeys(text: string | undefined): PayloadKey[] {
  const keys = (text ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [, id = '', base64 = ''] = /^\s*([\w-]{1,64}):([A-Za-z0-9+/]{43}=)\s*$/.exec(part) ?? [];
      return { id, key: Buffer.from(base64, 'base64') };
    });
  if (keys.some(({ id, key }) => id === '' || key.length !== 32))
    throw new ConfigWrong(
      'CRUCIBLE_PAYLOAD_KEYS: expected NAME:KEY,… where each key is 32 bytes in base64, as `openssl rand -base64 32` gives them; the newest first',
    );
  if (new Set(keys.map(({ id }) => id)).size !== keys.length)
    throw new ConfigWrong('CRUCIBLE_PAYLOAD_KEYS: expected each name once');
  return keys;
}

/** Seals what goes into a history with the first key, and opens it with the key it names. What was never sealed is given as it is. */
export function createSealingCodec(keys: readonly PayloadKey[]): PayloadCodec {
  const [newest] = keys;
  return {
    encode: async (payloads) =>
      newest === undefined ? payloads : payloads.map((each) => seal(each, newest)),
    decode: async (payloads) => payloads.map((each) => open(each, keys)),
  };
}

function seal(payload: Payload, { id, key }: PayloadKey): Payload {
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(id));
  const plain = protos.temporal.api.common.v1.Payload.encode(payload).finish();
  const sealed = Buffer.concat([sealing.update(plain), sealing.final()]);
  return {
    metadata: { encoding: Buffer.from(encoding), [keyName]: Buffer.from(id) },
    data: Buffer.concat([nonce, sealing.getAuthTag(), sealed]),
  };
}

function open(payload: Payload, keys: readonly PayloadKey[]): Payload {
  const { metadata, data } = payload;
  if (textOf(metadata?.encoding) !== encoding) return payload;
  const id = textOf(metadata?.[keyName]);
  const found = keys.find((each) => each.id === id);
  if (found === undefined)
    throw new ConfigWrong(
      `CRUCIBLE_PAYLOAD_KEYS: expected the key ${JSON.stringify(id)}, with which this history is sealed; there are ${keys.map((each) => each.id).join(', ') || 'none'}`,
    );
  const bytes = Buffer.from(data ?? []);
  const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
  try {
    const opening = createDecipheriv(cipher, found.key, bytes.subarray(0, nonceBytes))
      .setAAD(Buffer.from(id))
      .setAuthTag(tag);
    const plain = Buffer.concat([opening.update(bytes.subarray(nonceBytes + tagBytes)), opening.final()]);
    return protos.temporal.api.common.v1.Payload.decode(plain);
  } catch (error) {
    throw new ConfigWrong(
      `CRUCIBLE_PAYLOAD_KEYS: the key ${JSON.stringify(id)} does not open what names it: it is another key, or the history was changed`,
      { cause: error },
    );
  }
}

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('utf8');
