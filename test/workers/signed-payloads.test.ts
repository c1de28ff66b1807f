import type { Payload, SerializationContext } from '@temporalio/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { WrongStore } from '../../domain/errors.ts';
import { forgedReason } from '../../domain/forged.ts';
import type { Store } from '../../store/store.ts';
import { createGuard } from '../../workers/guard.ts';
import { createSigningCodec } from '../../workers/signed-payloads.ts';
import { openJob } from '../cli/kept-jobs.ts';
import { temporaryStore } from '../store/temporary-store.ts';

let store: Store;

beforeEach(async () => {
  store = await temporaryStore();
});

const namespace = 'default';
const activity = (workflowId: string, activityId: string): SerializationContext => ({
  type: 'activity',
  namespace,
  workflowId,
  activityId,
  isLocal: false,
});
const workflow = (workflowId: string): SerializationContext => ({ type: 'workflow', namespace, workflowId });

const verdict = { kind: 'scored', value: 1000 };
const payload = (value: unknown): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(value)),
});
const jsonOf = ({ data }: Payload): unknown => JSON.parse(Buffer.from(data ?? []).toString());

async function signed(value: unknown, context: SerializationContext, by: Store = store): Promise<Payload> {
  const [first] = await createSigningCodec(by).encode([payload(value)], context);
  if (first === undefined) throw new Error('expected a payload');
  return first;
}
async function read(
  given: Payload,
  context: SerializationContext | undefined,
  by: Store = store,
): Promise<unknown> {
  const [first] = await createSigningCodec(by).decode([given], context);
  return first === undefined ? undefined : jsonOf(first);
}

describe('what was signed', () => {
  it('is read where it belongs, without a trace, and is readable in between', async () => {
    const context = activity('solve/a/1.1', '7');
    const on = await signed(verdict, context);
    expect(jsonOf(on)).toEqual(verdict);
    expect(Buffer.from(on.metadata?.encoding ?? []).toString()).toBe('json/plain');
    expect(await createSigningCodec(store).decode([on], context)).toEqual([payload(verdict)]);
  });

  it.each([
    ['another activity', activity('solve/a/1.1', '8')],
    ['another job', activity('solve/a/1.2', '7')],
    ['a workflow', workflow('solve/a/1.1')],
    ['nowhere', undefined],
  ])('is not believed in the place of %s', async (_, context) => {
    const on = await signed(verdict, activity('solve/a/1.1', '7'));
    expect(forgedReason(await read(on, context))).toContain('has a wrong signature: expected that of store');
  });

  it('is not believed once it was changed', async () => {
    const context = activity('solve/a/1.1', '7');
    const on = await signed(verdict, context);
    const more = { ...on, data: Buffer.from(JSON.stringify({ ...verdict, value: 1001 })) };
    const other = { ...on, metadata: { ...on.metadata, encoding: Buffer.from('binary/plain') } };
    for (const changed of [more, other])
      expect(forgedReason(await read(changed, context))).toContain('has a wrong signature');
  });
});

describe('what was not signed by this store', () => {
  it('becomes a value that says so', async () => {
    const context = activity('solve/a/1.1', '7');
    expect(forgedReason(await read(payload(verdict), context))).toContain('solve/a/1.1 7 has no signature');
    const other = await temporaryStore();
    const foreign = await signed(verdict, context, other);
    expect(forgedReason(await read(foreign, context))).toContain(`is signed by store ${other.id}`);
  });

  it('is left to the other store where it is a workflow that this one does not know', async () => {
    const other = await temporaryStore();
    const id = 'solve/a/0000000001.1';
    const start = await signed({}, workflow(id), other);
    await expect(read(start, workflow(id))).rejects.toThrow(WrongStore);
    // In the name of another store nobody can hold up a job of this one.
    await openJob(store, { kind: 'solve', name: 'a', script: 'a.py' }, { id });
    expect(forgedReason(await read(start, workflow(id)))).not.toBeNull();
  });

  it('is done by no activity', async () => {
    const given = await read(payload({ storeId: store.id }), activity('solve/a/1.1', '7'));
    const execute = createGuard(store.id).execute?.({ args: [given], headers: {} }, async () => 'done');
    await expect(execute).rejects.toThrow('has no signature');
  });
});
