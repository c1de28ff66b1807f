import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelReply } from '../../llm/model.ts';
import { asModelFailure, type ModelFailure } from '../../llm/providers/failure.ts';
import { createGoogleModel } from '../../llm/providers/google.ts';
import { type Answer, type ModelServer, startModelServer } from '../support/model-servers.ts';

describe('Google’s own ways', () => {
  let server: ModelServer;
  beforeEach(async () => {
    server = await startModelServer('google');
  });
  afterEach(async () => {
    await server.close();
  });

  const ask = (answer: Answer): Promise<ModelReply> => {
    server.answers = [answer];
    const messages = [{ role: 'user', text: 'Two?' }] as const;
    return createGoogleModel(server).generate({ model: 'gemini', system: '', messages, maxTokens: 50 });
  };
  const failureOf = async (answer: Answer): Promise<ModelFailure | undefined> =>
    asModelFailure(await ask(answer).catch((error: unknown) => error));
  const text = (said: string) => ({ content: { role: 'model', parts: [{ text: said }] } });

  const limited = (details: object[]): Answer & { kind: 'status' } => ({
    kind: 'status',
    status: 429,
    body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Slow down.', details } },
  });
  const violation = (quotaId: string, quotaValue: string) => ({ violations: [{ quotaId, quotaValue }] });

  it.each([
    ['12s', 12_000],
    ['1.5s', 1500],
    ['0.000257s', 1],
    ['soon', null],
  ])('reads the wait of %s that an error’s body asks for', async (retryDelay, ms) => {
    const failure = await failureOf(limited([violation('RequestsPerMinute', '10'), { retryDelay }]));
    expect(failure).toMatchObject({ name: 'ModelRateLimited', retryAfterMs: ms });
  });

  it('knows what is used up for the day, or never was granted, from what comes back in a minute', async () => {
    const nameOf = async (...details: object[]) => (await failureOf(limited(details)))?.name;
    expect(await nameOf(violation('RequestsPerMinutePerProject', '15'))).toBe('ModelRateLimited');
    expect(await nameOf(violation('RequestsPerDayPerProject', '1500'))).toBe('ModelQuotaExceeded');
    expect(await nameOf(violation('RequestsPerMinutePerProject', '0'))).toBe('ModelQuotaExceeded');
    expect(await nameOf()).toBe('ModelRateLimited');
  });

  it('reads an error that comes in a list', async () => {
    const error = { code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' };
    const failure = await failureOf({ kind: 'status', status: 503, body: [{ error }] });
    expect(failure?.message).toContain('not available: 503 UNAVAILABLE The model is overloaded.');
  });

  it('takes a blocked prompt for a refusal, with what it cost', async () => {
    const usageMetadata = { promptTokenCount: 20, totalTokenCount: 20 };
    const payloads = [{ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata }];
    const failure = await failureOf({ kind: 'events', payloads });
    expect(failure).toMatchObject({ name: 'ModelRefused', usage: { input: 20, output: 0 } });
    expect(failure?.message).toContain('the prompt is blocked: PROHIBITED_CONTENT');
  });

  it('takes a reply that was used up by thoughts for one that was cut', async () => {
    const usageMetadata = { promptTokenCount: 20, thoughtsTokenCount: 50 };
    const thought = { content: { role: 'model', parts: [{ text: 'Hm.', thought: true }] } };
    const payloads = [{ candidates: [{ ...thought, finishReason: 'MAX_TOKENS' }], usageMetadata }];
    const usage = { input: 20, cached: 0, written: 0, output: 50, reasoning: 50 };
    expect(await failureOf({ kind: 'events', payloads })).toMatchObject({
      ...{ name: 'ModelReplyTruncated', usage, reply: '' },
    });
  });

  it('tells what a stream had cost that broke off', async () => {
    const usageMetadata = { promptTokenCount: 20, candidatesTokenCount: 7, cachedContentTokenCount: 5 };
    const payloads = [{ candidates: [text('On')], usageMetadata }, { candidates: [text('e, tw')] }];
    expect(await failureOf({ kind: 'events', payloads })).toMatchObject({
      name: 'ModelUnavailable',
      usage: { input: 20, cached: 5, written: 0, output: 7, reasoning: 0 },
    });
  });

  it('reads the usage that comes after the end of the text', async () => {
    const usageMetadata = { promptTokenCount: 20, candidatesTokenCount: 7 };
    const payloads = [{ candidates: [{ ...text('One.'), finishReason: 'STOP' }] }, { usageMetadata }];
    expect(await ask({ kind: 'events', payloads })).toMatchObject({ text: 'One.', usage: { output: 7 } });
  });

  it('sends no second request of its own for a reply that was interrupted', async () => {
    const interrupted = { ...text('One'), finishReason: 'CONTINUATION', continuationToken: 'more' };
    const reply = await ask({ kind: 'events', payloads: [{ candidates: [interrupted] }] });
    expect(reply.finish).toEqual({ unified: 'other', raw: 'CONTINUATION' });
    expect(server.requests).toHaveLength(1);
  });
});
