import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAsk, type KeptRequest, type Question } from '../../activities/ask/ask.ts';
import { StorageFull } from '../../domain/errors.ts';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import { ReplyProblem } from '../../llm/prompts/replies/apply.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { openStore, type Store } from '../../store/store.ts';
import { spending } from '../store/spending.ts';
import { modelConfig } from '../support/model-config.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';

const Answer = z.strictObject({ value: z.number() });
const right = '{"value": 42}';
const jobId = 'optimize/asked/1.1';
const usage = { input: 1_000, cached: 0, written: 0, output: 500, reasoning: 0 };

let home: string;
let server: ModelServer;
let store: Store;
let catalogue: Catalogue;

beforeEach(async () => {
  server = await startModelServer('chat');
  home = await mkdtemp(join(tmpdir(), 'crucible-ask-'));
  store = await openStore(home);
  const config = modelConfig({ OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key });
  const priced = config.catalogue.models.map((model) =>
    model.route === 'openai/gpt-4o' ? { ...model, price: { inputPerMtok: 1, outputPerMtok: 10 } } : model,
  );
  catalogue = { ...config.catalogue, models: priced };
  await open();
});

afterEach(async () => {
  await server.close();
  await store.close();
  await rm(home, { recursive: true, force: true });
});

async function open(cap: { microUsd?: number; tokens?: number } = {}): Promise<void> {
  await store.ledger.openJob({
    ...{ id: jobId, series: 'optimize/asked/1', run: 1, name: 'asked', kind: 'optimize' },
    ...{ role: 'job', input: 'a'.repeat(64), startedAt: Date.now() },
  });
  await store.ledger.openAccount({ id: jobId, cap: { microUsd: null, tokens: null, ...cap } });
}

const question: Question<z.infer<typeof Answer>, number> = {
  ...{ route: 'openai/gpt-4o', prompt: 'test@1', system: 'You add.', maxTokens: 2_000, sample: 0 },
  ...{ temperature: 0.1, tries: 3, isLast: false },
  messages: [{ role: 'user', text: '40 + 2?' }],
  schema: { name: 'answer', schema: Answer },
  ...{ cache: 'use', batch: false, unknownPrices: 'refuse' },
  read: ({ value }) => value,
};

const ask = (step: string, changed: Partial<typeof question> = {}): Promise<number> => {
  const config = modelConfig({ OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key });
  const asking = createAsk({
    store,
    catalogue,
    modelOf: (route) => createModel(route, config),
    batchesOf: () => null,
  });
  const pulse = { signal: new AbortController().signal, details: undefined };
  return asking({ storeId: store.id, jobId, step }, { ...question, ...changed }, pulse);
};

/** How Temporal would be told. */
async function failureOf(
  asked: Promise<unknown>,
): Promise<{ type: string; retry: unknown; message: string }> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('expected a failure');
  if (!(error instanceof ApplicationFailure))
    return { type: error.name, retry: 'never', message: error.message };
  const retry = error.nonRetryable ? 'never' : error.nextRetryDelay;
  return { type: error.type ?? '', retry, message: error.message };
}

describe('asking a model', () => {
  it('pays once: a call that was answered is not made again', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    expect(await ask('c-1/propose-0')).toBe(42);
    expect(await ask('c-1/propose-0')).toBe(42);
    expect(server.requests).toHaveLength(1);
    const [call] = await store.ledger.calls(jobId);
    expect(call).toMatchObject({ status: 'done', usage, microUsd: 6_000, prompt: 'test@1' });
    expect((await store.ledger.account(jobId))?.spent).toEqual({ microUsd: 6_000, tokens: 1_500 });
    expect((await store.ledger.account(jobId))?.held).toEqual({ microUsd: 0, tokens: 0 });
  });

  it('keeps what was asked and answered, as it went', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    await ask('c-1/propose-0');
    const [call] = await store.ledger.calls(jobId);
    const kept = JSON.parse(await store.blobs.text(call?.reply ?? '')) as KeptRequest;
    expect(kept).toMatchObject({
      prompt: 'test@1',
      request: { system: 'You add.', model: 'gpt-4o', maxTokens: 2_000, schema: 'answer' },
      reply: { text: right, usage, requestId: server.requestId },
      problem: null,
    });
  });

  it('takes the same question from the cache, unless told not to or another sample is wanted', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    await ask('c-1/propose-0');
    expect(await ask('c-2/propose-0')).toBe(42);
    expect(server.requests).toHaveLength(1);
    const [, second] = await store.ledger.calls(jobId);
    expect(second).toMatchObject({ cached: true, status: 'done' });
    await ask('c-3/propose-0', { sample: 1 });
    await ask('c-4/propose-0', { cache: 'refresh' });
    await ask('c-5/propose-0', { cache: 'off' });
    await ask('c-6/propose-0', { messages: [{ role: 'user', text: '40 + 3?' }] });
    expect(server.requests).toHaveLength(5);
    expect((await store.ledger.account(jobId))?.spent.microUsd).toBe(5 * 6_000);
  });

  it('asks again where the cached reply was lost, or no longer fits', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    await ask('c-1/propose-0');
    const read = (): number => {
      if (server.requests.length < 2) throw new ReplyProblem(['edits[0]: no such file']);
      return 43;
    };
    expect(await ask('c-2/propose-0', { read })).toBe(43);
    const [, call] = await store.ledger.calls(jobId);
    const lost = call?.reply ?? '';
    await rm(join(home, 'blobs'), { recursive: true, force: true });
    expect(lost).not.toBe('');
    expect(await ask('c-3/propose-0')).toBe(42);
    expect(server.requests).toHaveLength(3);
  });

  it('makes three requests of a route that fails, after one and two seconds, and then no more', async () => {
    server.answers = [{ kind: 'status', status: 500 }];
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'ModelUnavailable', retry: 1_000 });
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'ModelUnavailable', retry: 2_000 });
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'RouteUnavailable' });
    expect(server.requests).toHaveLength(3);
    expect((await store.ledger.account(jobId))?.held).toEqual({ microUsd: 0, tokens: 0 });
  });

  it('waits as long as a 429 asks, without counting it as a try, and keeps everyone else waiting too', async () => {
    server.answers = [{ kind: 'status', status: 429, headers: { 'retry-after': '7' } }];
    const first = await failureOf(ask('c-1/propose-0'));
    expect(first.type).toBe('ModelRateLimited');
    expect(first.retry).toBeGreaterThanOrEqual(7_000);
    expect(first.retry).toBeLessThanOrEqual(8_750);
    const other = await failureOf(ask('c-2/propose-0', { sample: 1 }));
    expect(other.type).toBe('ModelRateLimited');
    expect(other.retry).toBeGreaterThan(6_000);
    expect(server.requests).toHaveLength(1);
  });

  it('pays for a reply that cannot be used once, and says what is wrong with it', async () => {
    server.answers = [{ kind: 'text', text: '{"value": "many"}', usage }];
    const problem = { type: 'ModelReplyUnusable', retry: 'never' };
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject(problem);
    const again = await failureOf(ask('c-1/propose-0'));
    expect(again).toMatchObject(problem);
    expect(again.message).toContain('value');
    expect(server.requests).toHaveLength(1);
    expect((await store.ledger.account(jobId))?.spent.microUsd).toBe(6_000);
    const [call] = await store.ledger.calls(jobId);
    const kept = JSON.parse(await store.blobs.text(call?.reply ?? '')) as KeptRequest;
    expect(kept.reply.text).toBe('{"value": "many"}');
    expect(kept.problem).toContain('value');
  });

  it('tries again where a page came in place of a reply: there is nothing to repair', async () => {
    server.answers = [{ kind: 'page' }, { kind: 'text', text: right, usage }];
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'ModelUnavailable', retry: 1_000 });
    expect(await ask('c-1/propose-0')).toBe(42);
  });

  it('treats a value that makes no program as a reply that cannot be used', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    const read = (): number => {
      throw new ReplyProblem(['edits[0]: `search` is not in the file']);
    };
    expect(await failureOf(ask('c-1/propose-0', { read }))).toMatchObject({
      type: 'ModelReplyUnusable',
      message: expect.stringContaining('edits[0]'),
    });
  });

  it.each([
    ['less than nothing', { ...usage, output: -500 }],
    ['nothing', { ...usage, input: 0 }],
    ['more than any budget', { ...usage, input: 1e300 }],
    ['twice what was asked for, and more', { ...usage, output: 4_001 }],
  ])('where a server reports %s, the estimate counts, and it is told', async (_, reported) => {
    server.answers = [{ kind: 'text', text: right, usage: reported }];
    expect(await ask('c-1/propose-0')).toBe(42);
    const [call] = await store.ledger.calls(jobId);
    expect(call).toMatchObject({ status: 'done', usage: null, microUsd: null });
    expect(call?.estimateMicroUsd).toBeGreaterThan(20_000);
    const account = await store.ledger.account(jobId);
    expect(account?.spent.microUsd).toBe(call?.estimateMicroUsd);
    expect(account?.held).toEqual({ microUsd: 0, tokens: 0 });
    const told = (await store.ledger.events(jobId)).map(({ text }) => text);
    expect(told).toEqual([
      expect.stringMatching(/^warning: openai\/gpt-4o: its server reports .* tokens in/),
    ]);
  });

  it('does not lose a reply whose usage is no numbers', async () => {
    server.answers = [{ kind: 'text', text: right, usage: { ...usage, output: '500' as unknown as number } }];
    expect(await ask('c-1/propose-0')).toBe(42);
    expect((await store.ledger.calls(jobId))[0]).toMatchObject({ status: 'done', usage: null });
  });

  it('does not send what the budget has no room for', async () => {
    await open({ microUsd: 30_000 });
    server.answers = [{ kind: 'text', text: right, usage }];
    await ask('c-1/propose-0', { sample: 1 });
    await ask('c-1/propose-1', { sample: 2 });
    const failure = await failureOf(ask('c-1/propose-2', { sample: 3, maxTokens: 4_000 }));
    expect(failure).toMatchObject({ type: 'BudgetExhausted' });
    expect(failure.message).toContain(`${jobId}: $0.012 of $0.030 is spent`);
    expect(server.requests).toHaveLength(2);
  });

  it('sends what costs nothing where more money was spent than there was', async () => {
    await open({ microUsd: 5_000 });
    const free = { price: { inputPerMtok: 0, outputPerMtok: 0 } };
    const hold = { microUsd: 5_000, tokens: 1 };
    const earlier = await spending(store.ledger, jobId, hold, 'earlier');
    await earlier.settle({ microUsd: 9_000, tokens: 1 });
    server.answers = [{ kind: 'text', text: right, usage }];
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'BudgetExhausted' });
    const models = catalogue.models.map((model) =>
      model.route === 'openai/gpt-4o' ? { ...model, ...free } : model,
    );
    catalogue = { ...catalogue, models };
    expect(await ask('c-1/propose-0')).toBe(42);
  });

  it('warns once each that half of the budget is spent, and four fifths', async () => {
    await open({ microUsd: 60_000 });
    server.answers = [{ kind: 'text', text: right, usage }];
    const warnings = async (): Promise<string[]> =>
      (await store.ledger.events(jobId)).map(({ text }) => text).filter((text) => text.includes('budget'));
    for (let sample = 1; sample <= 4; sample += 1) await ask(`c-${sample}/propose-0`, { sample });
    expect(await warnings()).toEqual([]);
    for (let sample = 5; sample <= 6; sample += 1) await ask(`c-${sample}/propose-0`, { sample });
    expect(await warnings()).toEqual(['warning: 50 % of the budget is spent: $0.030 of $0.060']);
    const small = { maxTokens: 600 };
    for (let sample = 7; sample <= 9; sample += 1) await ask(`c-${sample}/propose-0`, { ...small, sample });
    expect(await warnings()).toEqual([
      'warning: 50 % of the budget is spent: $0.030 of $0.060',
      'warning: 80 % of the budget is spent: $0.048 of $0.060',
    ]);
  });

  it('tells when a quota is open again, keeps nobody else from asking, and leaves the route as it is', async () => {
    server.answers = [
      { kind: 'status', status: 429, code: 'insufficient_quota', headers: { 'retry-after': '7200' } },
    ];
    const began = Date.now();
    const error = await ask('c-1/propose-0').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ type: 'ModelWindowClosed', nonRetryable: true });
    const [{ opensAt }] = (error as ApplicationFailure).details as [{ opensAt: number }];
    expect(opensAt).toBeGreaterThanOrEqual(began + 7_200_000);
    expect(opensAt).toBeLessThanOrEqual(Date.now() + 7_200_000);
    server.answers = [{ kind: 'text', text: right, usage }];
    expect(await ask('c-1/propose-0')).toBe(42);
    expect((await store.ledger.account(jobId))?.spent.tokens).toBe(1_500);
  });

  it('takes a rate limit of hours for a quota', async () => {
    server.answers = [{ kind: 'status', status: 429, headers: { 'retry-after': '18000' } }];
    expect((await failureOf(ask('c-1/propose-0'))).type).toBe('ModelWindowClosed');
  });

  it('waits while what is left is held for calls under way', async () => {
    await open({ tokens: 4_000 });
    server.answers = [{ kind: 'text', text: right, usage, pieceMs: 300 }];
    const first = ask('c-1/propose-0');
    await expect.poll(() => server.requests.length).toBe(1);
    expect(await failureOf(ask('c-2/propose-0', { sample: 1 }))).toMatchObject({
      type: 'BudgetHeld',
      retry: 2_000,
    });
    await first;
  });

  it('under a limit in dollars asks no model whose price is not known, unless the job allows it', async () => {
    await open({ microUsd: 1_000_000 });
    server.answers = [{ kind: 'text', text: right, usage }];
    const unknown = { route: 'openai/of-unknown-price' };
    expect(await failureOf(ask('c-1/propose-0', unknown))).toMatchObject({ type: 'PriceUnknown' });
    expect(await ask('c-1/propose-1', { ...unknown, unknownPrices: 'allow' })).toBe(42);
    expect((await store.ledger.calls(jobId))[0]?.microUsd).toBeNull();
    expect(server.requests).toHaveLength(1);
  });

  it('after five failures in a row leaves a route alone for a while', async () => {
    server.answers = [{ kind: 'status', status: 503 }];
    for (const step of ['a', 'a', 'a', 'b', 'b']) await failureOf(ask(`${step}/propose-0`));
    const failure = await failureOf(ask('c/propose-0'));
    expect(failure).toMatchObject({
      type: 'RouteUnavailable',
      message: expect.stringContaining('tried again in'),
    });
    expect(server.requests).toHaveLength(5);
  });

  it('waits for a route that is left alone where no other is asked after it', async () => {
    server.answers = [{ kind: 'status', status: 503 }];
    for (const step of ['a', 'a', 'a', 'b', 'b']) await failureOf(ask(`${step}/propose-0`));
    const failure = await failureOf(ask('c/propose-0', { isLast: true }));
    expect(failure.type).toBe('ModelUnavailable');
    expect(failure.retry).toBeGreaterThan(20_000);
    expect(failure.retry).toBeLessThanOrEqual(37_500);
  });

  it('does not wait for a route whose key is not accepted, whether it is the last or not', async () => {
    server.answers = [{ kind: 'status', status: 401 }];
    expect((await failureOf(ask('a/propose-0', { isLast: true }))).type).toBe('ModelUnauthenticated');
    expect((await failureOf(ask('b/propose-0', { isLast: true }))).type).toBe('RouteUnavailable');
    expect(server.requests).toHaveLength(1);
  });

  it('does not send again in its job what a provider refused for what it says, until that is changed', async () => {
    server.answers = [{ kind: 'status', status: 400 }];
    const first = await failureOf(ask('c-1/propose-0'));
    expect(first).toMatchObject({ type: 'ModelRequestRejected', retry: 'never' });
    const again = await failureOf(ask('c-2/propose-0', { sample: 1 }));
    expect(again).toMatchObject({ type: 'ModelRequestRejected', retry: 'never' });
    expect(again.message).toBe(`${first.message}; the same request is not sent again`);
    expect(server.requests).toHaveLength(1);
    server.answers = [{ kind: 'text', text: right, usage }];
    expect(await ask('c-3/propose-0', { system: 'You add, with a hint.' })).toBe(42);
    expect(server.requests).toHaveLength(2);
  });

  it('asks once more where the account refused, which may have changed', async () => {
    server.answers = [{ kind: 'status', status: 404 }];
    await failureOf(ask('c-1/propose-0'));
    server.answers = [{ kind: 'text', text: right, usage }];
    expect(await ask('c-1/propose-0')).toBe(42);
  });

  it('takes no wait for longer than makes sense', async () => {
    server.answers = [{ kind: 'status', status: 503, headers: { 'retry-after': '3600' } }];
    expect((await failureOf(ask('c-1/propose-0'))).retry).toBe(60_000);
    server.answers = [{ kind: 'status', status: 429, headers: { 'retry-after': '1795357743' } }];
    const limited = await failureOf(ask('c-2/propose-0'));
    expect(limited.retry).toBeGreaterThanOrEqual(15 * 60_000);
    expect(limited.retry).toBeLessThanOrEqual(1.25 * 15 * 60_000);
  });

  it('counts the estimate of a reply that broke off, and of one whose usage nobody said', async () => {
    server.answers = [{ kind: 'reset' }];
    await failureOf(ask('c-1/propose-0'));
    const [broken] = await store.ledger.calls(jobId);
    expect(broken).toMatchObject({ status: 'failed', microUsd: null, usage: null });
    const estimate = broken?.estimateMicroUsd ?? 0;
    expect(estimate).toBeGreaterThan(20_000);
    expect((await store.ledger.account(jobId))?.spent.microUsd).toBe(estimate);
    server.answers = [{ kind: 'text', text: 'no JSON', usage: null }];
    await failureOf(ask('c-2/propose-0'));
    expect((await store.ledger.account(jobId))?.spent.microUsd).toBe(2 * estimate);
    const [spend] = await store.ledger.spend({ by: 'job' });
    expect(spend?.unknownPrice).toBe(2);
  });

  it('keeps a reply on record where reading it goes wrong, and asks nobody again', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    const read = (): number => {
      throw new TypeError('a mistake of our own');
    };
    await expect(ask('c-1/propose-0', { read })).rejects.toThrow('a mistake of our own');
    await expect(ask('c-1/propose-0', { read })).rejects.toThrow('a mistake of our own');
    expect(await ask('c-1/propose-0')).toBe(42);
    expect(server.requests).toHaveLength(1);
  });

  it('holds a store that cannot keep a reply against nobody, and counts what was paid', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    const { ledger } = store;
    const finishCall = () => Promise.reject(new StorageFull('no room left'));
    store = { ...store, ledger: { ...ledger, finishCall } };
    await expect(ask('c-1/propose-0')).rejects.toThrow(StorageFull);
    store = { ...store, ledger };
    expect(await ask('c-1/propose-0')).toBe(42);
    const [lost, done] = await ledger.calls(jobId);
    expect([lost?.status, done?.status]).toEqual(['ambiguous', 'done']);
    const spent = (lost?.estimateMicroUsd ?? 0) + 6_000;
    expect((await ledger.account(jobId))?.spent.microUsd).toBe(spent);
  });

  it('says of a reply on record that no longer fits what is wrong, and asks again only where it was lost', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    await ask('c-1/propose-0');
    const read = (): number => {
      throw new ReplyProblem(['edits[0]: no such file']);
    };
    expect(await failureOf(ask('c-1/propose-0', { read }))).toMatchObject({ type: 'ModelReplyUnusable' });
    await rm(join(home, 'blobs'), { recursive: true, force: true });
    expect(await ask('c-1/propose-0')).toBe(42);
    expect(server.requests).toHaveLength(2);
  });

  it('gives a route up whose requests kill their workers', async () => {
    const key = `${jobId}#c-1/propose-0`;
    for (let number = 0; number < 10; number += 1)
      await store.ledger.startCall({ key, jobId, route: question.route });
    await store.ledger.closeCalls(jobId);
    expect(await failureOf(ask('c-1/propose-0'))).toMatchObject({ type: 'RouteUnavailable' });
    expect(server.requests).toHaveLength(0);
  });

  it('counts a request whose worker was killed as ambiguous, and makes another', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    const key = `${jobId}#c-1/propose-0`;
    const estimate = { accountId: jobId, amounts: { microUsd: 9_000, tokens: 900 } };
    await store.ledger.startCall({ key, jobId, route: question.route, estimate });
    expect(await ask('c-1/propose-0')).toBe(42);
    const calls = await store.ledger.calls(jobId);
    expect(calls.map(({ status }) => status)).toEqual(['ambiguous', 'done']);
    expect((await store.ledger.account(jobId))?.spent.microUsd).toBe(15_000);
  });

  it('shows the text so far while it comes, and nothing of it afterwards', async () => {
    const text = JSON.stringify({ value: 42 }).padEnd(100);
    server.answers = [{ kind: 'text', text, usage, pieceMs: 150 }];
    const asked = ask('c-1/propose-0');
    await expect.poll(async () => (await store.ledger.partials(jobId))[0]?.text ?? '').toContain('{"value"');
    await asked;
    expect(await store.ledger.partials(jobId)).toEqual([]);
  });

  it('warns once of a call that costs far more than is usual on its route', async () => {
    server.answers = [{ kind: 'text', text: right, usage }];
    for (let sample = 0; sample < 10; sample += 1) await ask(`c-${sample}/propose-0`, { sample });
    server.answers = [{ kind: 'text', text: right, usage: { ...usage, output: 16_000 } }];
    await ask('c-10/propose-0', { sample: 10, maxTokens: 16_000 });
    await ask('c-11/propose-0', { sample: 11, maxTokens: 16_000 });
    const warnings = (await store.ledger.events(jobId)).filter(({ text }) => text.startsWith('warning'));
    expect(warnings.map(({ text }) => text)).toEqual([expect.stringContaining('a call cost $0.16')]);
  });
});
