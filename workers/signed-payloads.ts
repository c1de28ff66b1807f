import { createHmac, timingSafeEqual } from 'node:crypto';
import type { DataConverter, Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { ForgedPayload, WrongStore } from '../domain/errors.ts';
import { forgedMark, forgedReason } from '../domain/forged.ts';
import type { Store } from '../store/store.ts';
import { createSealingCodec, type PayloadKey } from './sealed-payloads.ts';

/**
 * Returns how a store's clients and workers talk through Temporal. Whatever goes into a history is signed with a key of the store. What comes
 * out is believed only with that signature. It stays readable, for the Temporal UI, unless there are keys to seal it with.
 */
export const signedBy = (store: Store, keys: readonly PayloadKey[] = []): DataConverter => ({
  payloadCodecs: [createSigningCodec(store), createSealingCodec(keys)],
});

/** Throws `ForgedPayload` where a value stands for a payload that was not signed by the store. */
export function expectSigned(value: unknown): void {
  const why = forgedReason(value);
  if (why !== null) throw new ForgedPayload(why);
}

/** Names in a payload's metadata: whose signature it has, and the signature. */
const signerName = 'crucible-store';
const signatureName = 'crucible-signature';

/**
 * Signs what a payload says, of what kind and where: a workflow's ID, an activity's number in it. An answer that was right elsewhere
 * is none here. What is not signed so becomes a value that says so. The workflow, the worker or the client refuses
 * it where it would be used. A workflow of another store is left to that store's workers.
 */
export function createSigningCodec(store: Pick<Store, 'id' | 'secret' | 'ledger'>): PayloadCodec {
  const key = createHmac('sha256', store.secret()).update('payloads').digest();
  const sign = ({ metadata, data }: Payload, context: SerializationContext | undefined): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([...placeOf(context), textOf(metadata?.encoding)]))
      .update('\n')
      .update(Buffer.from(data ?? []))
      .digest();

  const decode = async (payload: Payload, context: SerializationContext | undefined): Promise<Payload> => {
    const { [signerName]: signer, [signatureName]: signature, ...metadata } = payload.metadata ?? {};
    if (signature !== undefined) {
      const own = sign(payload, context);
      if (signature.length === own.length && timingSafeEqual(signature, own)) return { ...payload, metadata };
    }
    const workflowId = context?.workflowId;
    const other = textOf(signer);
    const isOthers = signer !== undefined && other !== store.id;
    if (
      isOthers &&
      context?.type === 'workflow' &&
      workflowId !== undefined &&
      !(await store.ledger.job(workflowId))
    )
      throw new WrongStore(`${workflowId} belongs to store ${other}; this worker keeps store ${store.id}`);
    const found = isOthers
      ? `is signed by store ${other}`
      : signature === undefined
        ? 'has no signature'
        : 'has a wrong signature';
    return forged(
      `what was said of ${placeOf(context).filter(Boolean).join(' ')} ${found}: expected that of store ${store.id}. Not a worker or a command of this home said it; it is not believed`,
    );
  };

  return {
    encode: async (payloads, context) =>
      payloads.map((payload) => ({
        ...payload,
        metadata: {
          ...payload.metadata,
          [signerName]: Buffer.from(store.id),
          [signatureName]: sign(payload, context),
        },
      })),
    decode: (payloads, context) => Promise.all(payloads.map((payload) => decode(payload, context))),
  };
}

const placeOf = (context: SerializationContext | undefined): string[] =>
  context === undefined
    ? []
    : [
        context.type,
        context.workflowId ?? '',
        ...(context.type === 'activity' ? [context.activityId ?? ''] : []),
      ];

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

const forged = (why: string): Payload => ({
  metadata: { encoding: Buffer.from('json/plain'), [forgedMark]: Buffer.from('1') },
  data: Buffer.from(JSON.stringify({ [forgedMark]: why })),
});
