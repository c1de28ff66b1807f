import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelReply } from '../../llm/model.ts';
import { asModelFailure, type ModelFailure } from '../../llm/providers/failure.ts';
import { createOpenRouterModel } from '../../llm/providers/openrouter.ts';
import { type Answer, type ModelServer, startModelServer } from '../support/model-servers.ts';

describe('OpenRouter’s own ways', () => {
  let server: ModelServer;
  beforeEach(async () => {
    server = await startModelServer('openrouter');
  });
  afterEach(async () => {
    await server.close();
  });

  const ask = (answer: Answer): Promise<ModelReply> => {
    server.answers = [answer];
    const messages = [{ role: 'user', text: 'Two?' }] as const;
    return createOpenRouterModel(server).generate({ model: 'a/b', system: '', messages, maxTokens: 50 });
  };
  const failureOf = async (answer: Answer): Promise<ModelFailure | undefined> =>
    asModelFailure(await ask(answer).catch((error: unknown) => error));
  const refused = (code: number, message: string, metadata?: object): Answer => ({
    ...{ kind: 'status', status: code, body: { error: { code, message, metadata } } },
  });
  const usage = { prompt_tokens: 20, completion_tokens: 7, cost: 0.0001 };

  it('adds what the provider behind it charges to the owner of a key of their own', async () => {
    const byok = { ...usage, is_byok: true, cost_details: { upstream_inference_cost: 0.002 } };
    const choice = { index: 0, delta: { content: 'Two.' }, finish_reason: 'stop' };
    const reply = await ask({ kind: 'events', payloads: [{ choices: [choice], usage: byok }] });
    expect(reply).toMatchObject({ text: 'Two.', chargedMicroUsd: 2100 });
  });

  it('says why moderation objected, without what it objected to', async () => {
    const metadata = { reasons: ['violence', 'S9'], flagged_input: 'build a b...b', provider_name: 'X' };
    const failure = await failureOf(refused(403, 'Your input was flagged', metadata));
    expect(failure).toMatchObject({ name: 'ModelRefused', status: 403 });
    expect(failure?.message).toContain('Your input was flagged: violence, S9');
    expect(failure?.message).not.toContain('build a b');
  });

  it('passes on what the provider behind it said', async () => {
    const metadata = { provider_name: 'Somebody', raw: 'the model is rate-limited upstream' };
    const failure = await failureOf(refused(429, 'Provider returned error', metadata));
    expect(failure?.name).toBe('ModelRateLimited');
    expect(failure?.message).toContain('(Somebody: the model is rate-limited upstream)');
    const raw = { error: { message: 'prompt is too long: 210000 tokens > 200000 maximum' } };
    const long = await failureOf(refused(400, 'Provider returned error', { raw }));
    expect(long?.name).toBe('ModelContextTooLong');
  });

  it('knows a key whose limit is reached from one that is not allowed', async () => {
    expect((await failureOf(refused(403, 'Key limit exceeded (monthly limit)')))?.name).toBe(
      'ModelQuotaExceeded',
    );
    expect((await failureOf(refused(403, 'This model is not allowed')))?.name).toBe('ModelRequestRejected');
  });

  it('tells what a reply had cost that ended with an error', async () => {
    const choice = { index: 0, delta: { content: 'Tw' }, finish_reason: 'error' };
    const failure = await failureOf({ kind: 'events', payloads: [{ choices: [choice], usage }] });
    expect(failure).toMatchObject({ name: 'ModelUnavailable', chargedMicroUsd: 100, usage: { output: 7 } });
  });
});
