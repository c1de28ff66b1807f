import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Batching } from '../../llm/batching.ts';
import type { ModelRequest } from '../../llm/model.ts';
import { createAnthropicBatches } from '../../llm/providers/anthropic-batches.ts';
import { asModelFailure } from '../../llm/providers/failure.ts';
import { createGoogleBatches } from '../../llm/providers/google-batches.ts';
import { createOpenAiBatches } from '../../llm/providers/openai-batches.ts';
import type { AdapterOptions } from '../../llm/providers/streaming-model.ts';
import {
  type BatchProtocol,
  type BatchServer,
  batchProtocols,
  batchUsage,
  startBatchServer,
} from '../support/batch-server.ts';

const adapters: Record<BatchProtocol, (options: AdapterOptions) => Batching> = {
  responses: createOpenAiBatches,
  anthropic: createAnthropicBatches,
  google: createGoogleBatches,
};
/** Google counts what is written to its cache nowhere. */
const usages = { responses: batchUsage, anthropic: batchUsage, google: { ...batchUsage, written: 0 } };
/** What a refused request's error is in a batch; Google has the numbers of gRPC. */
const rejections = { responses: 'invalid_prompt', anthropic: 'invalid_request_error', google: '3' };

const Answer = z.strictObject({ value: z.number() });
const requestFor = (text: string): ModelRequest<z.infer<typeof Answer>> => ({
  ...{ model: 'small-1', system: 'You add.', maxTokens: 30_000 },
  messages: [{ role: 'user', text }],
  schema: { name: 'answer', schema: Answer },
});
const signal = new AbortController().signal;

describe.each(batchProtocols)('the batches of %s', (protocol) => {
  let server: BatchServer;
  let batching: Batching;
  beforeEach(async () => {
    server = await startBatchServer(protocol);
    batching = adapters[protocol]({ key: server.key, baseUrl: server.baseUrl, fetch });
  });
  afterEach(() => server.close());

  const submit = (id: string, texts: readonly string[]): Promise<string> =>
    batching.submit(
      id,
      'small-1',
      texts.map((text) => ({ id: `item_${text}`, body: batching.bodyOf(requestFor(text)) })),
      signal,
    );
  const failureOf = async (act: () => unknown) => {
    try {
      await act();
    } catch (error) {
      return asModelFailure(error);
    }
    throw new Error('expected a failure');
  };

  it('answers each request by itself, whatever came of the others', async () => {
    server.answerOf = ({ turns }) => {
      const text = turns[0]?.text;
      if (text === 'refused') return { kind: 'refusal' };
      if (text === 'late') return { kind: 'expired' };
      if (text === 'wrong')
        return { kind: 'error', status: 400, code: rejections[protocol], message: 'It is not allowed.' };
      return { kind: 'text', text: `{"value": ${text}}` };
    };
    const texts = ['1', '2', 'refused', 'late', 'wrong'];
    const name = await submit('batch_a', texts);
    const ids = texts.map((text) => `item_${text}`);
    expect(await batching.look(name, ids, signal)).toEqual({ kind: 'underWay', done: 0 });
    server.work();
    const stands = await batching.look(name, ids, signal);
    if (stands.kind !== 'ended') throw new Error('expected it to have ended');
    const endOf = (text: string) => {
      const end = stands.ends.get(`item_${text}`);
      if (end === undefined) throw new Error(`expected an end of ${text}`);
      return end;
    };
    for (const value of [1, 2])
      expect(batching.replyOf(requestFor(''), endOf(String(value)))).toMatchObject({
        ...{ kind: 'value', value: { value }, usage: usages[protocol] },
        finish: { unified: 'stop' },
      });
    const failed = (text: string) => failureOf(() => batching.replyOf(requestFor(''), endOf(text)));
    expect(await failed('refused')).toMatchObject({ name: 'ModelRefused', usage: usages[protocol] });
    expect(await failed('late')).toMatchObject({ name: 'ModelUnavailable', reply: null });
    expect(await failed('wrong')).toMatchObject({ name: 'ModelRequestRejected' });
  });

  it('finds a batch whose name was lost, and none that is another', async () => {
    const since = Date.now();
    for (const other of ['batch_b', 'batch_c', 'batch_d']) await submit(other, ['1', '2', '3']);
    server.troubles = [{ kind: 'lost' }];
    expect(await failureOf(() => submit('batch_a', ['4', '5']))).toMatchObject({ name: 'ModelUnavailable' });
    server.work();
    const lost = { id: 'batch_a', since, requests: ['item_4', 'item_5'], others: new Set<string>() };
    expect(await batching.find(lost, signal)).toEqual({ kind: 'found', name: server.batches[3]?.id });
    const never = { ...lost, id: 'batch_x', requests: ['item_8', 'item_9'] };
    expect(await batching.find(never, signal)).toEqual({ kind: 'none' });
  });

  it('cancels, and what was not answered says so', async () => {
    const name = await submit('batch_a', ['1']);
    await batching.cancel(name, signal);
    const stands = await batching.look(name, ['item_1'], signal);
    if (stands.kind !== 'ended') throw new Error('expected it to have ended');
    expect(stands.ends.get('item_1')).toEqual({ kind: 'canceled' });
  });

  it('tells a wrong key from an account without money, and shows neither', async () => {
    const wrong = adapters[protocol]({ key: 'other-key-0123456789', baseUrl: server.baseUrl, fetch });
    const body = batching.bodyOf(requestFor('1'));
    const failure = await failureOf(() => wrong.submit('b', 'small-1', [{ id: 'i', body }], signal));
    expect(failure).toMatchObject({ name: 'ModelUnauthenticated' });
    expect(failure?.message).not.toContain('other-key');
    server.troubles = [{ kind: 'status', status: 429, code: 'insufficient_quota', message: 'No money.' }];
    expect(await failureOf(() => submit('batch_a', ['1']))).toMatchObject({ name: 'ModelQuotaExceeded' });
  });
});

it('is not sure of one under way that may be the lost one, where the provider keeps no name', async () => {
  const server = await startBatchServer('anthropic');
  try {
    const batching = createAnthropicBatches({ key: server.key, baseUrl: server.baseUrl, fetch });
    const body = batching.bodyOf(requestFor('1'));
    const name = await batching.submit('batch_a', 'small-1', [{ id: 'item_1', body }], signal);
    const lost = { id: 'batch_a', since: Date.now(), requests: ['item_1'] };
    expect(await batching.find({ ...lost, others: new Set() }, signal)).toEqual({ kind: 'unsure' });
    expect(await batching.find({ ...lost, others: new Set([name]) }, signal)).toEqual({ kind: 'none' });
  } finally {
    await server.close();
  }
});
