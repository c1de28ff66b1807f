import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ModelRequest } from '../../llm/model.ts';
import { programReply } from '../../llm/prompts/replies/program.ts';
import { asModelFailure } from '../../llm/providers/failure.ts';
import { createOpenAiModel } from '../../llm/providers/openai.ts';
import { openStore } from '../../store/store.ts';
import { crucible } from '../support/command.ts';
import { until } from '../support/crucible.ts';
import { contextTokens, replyTokens, type ServedModel, serveSmollm } from './smollm.ts';

/**
 * A real model, SmolLM2 with 135 million parameters, on this machine's processor and without network. It writes fluent English, fills
 * a small schema, and stops where it should. It cannot write a program: it answers with dates, numbers, or one sentence over and over.
 * So what it says is never asserted here, only that whatever it says leads to a value or to an error that has a name.
 */
let served: ServedModel;
beforeAll(async () => {
  served = await serveSmollm();
}, 600_000);
afterAll(() => served?.stop());

describe('a real model, asked through the layer,', () => {
  const question: ModelRequest = {
    model: 'smollm2',
    system: 'You are a helpful assistant.',
    messages: [{ role: 'user', text: 'What is the capital of France? Answer in one sentence.' }],
    maxTokens: 200,
    temperature: 0,
  };
  const generate = <Value>(
    request: ModelRequest<Value>,
    options?: Parameters<ReturnType<typeof createOpenAiModel>['generate']>[1],
  ) => createOpenAiModel({ protocol: 'chat', key: null, baseUrl: served.baseUrl }).generate(request, options);
  const failureOf = (reply: Promise<unknown>) =>
    reply.then(
      () => undefined,
      (error: unknown) => asModelFailure(error) ?? Promise.reject(error),
    );

  it('answers in words that arrive one by one, and are counted', async () => {
    const pieces: string[] = [];
    const reply = await generate(question, { onDelta: (piece) => pieces.push(piece) });
    expect(reply).toMatchObject({ kind: 'text', text: pieces.join(''), finish: { unified: 'stop' } });
    expect(pieces.length).toBeGreaterThan(3);
    expect(reply.usage?.input).toBeGreaterThan(20);
    expect(reply.usage?.output).toBeGreaterThanOrEqual(pieces.length);
    expect(reply.usage?.output).toBeLessThanOrEqual(question.maxTokens);
  });

  it('keeps to a schema that it was never trained on', async () => {
    const schema = z.strictObject({
      capital: z.enum(['Paris', 'Rome', 'Oslo']),
      isLarge: z.boolean(),
      river: z.enum(['Seine']).nullable(),
    });
    const reply = await generate({ ...question, schema: { name: 'city', schema } });
    if (reply.kind !== 'value') expect.fail('expected a value');
    expect(schema.parse(reply.value)).toEqual(reply.value);
  });

  it('is cut where its reply is as long as it may be', async () => {
    const failure = await failureOf(generate({ ...question, maxTokens: 3 }));
    expect(failure).toMatchObject({ name: 'ModelReplyTruncated', usage: { output: 3 } });
  });

  it('gives a program, or half of one, or none, which has a name each', async () => {
    const text = 'Make this faster:\n\ndef total(values):\n    return sum(value for value in values)\n';
    const asked = {
      ...question,
      messages: [{ role: 'user' as const, text }],
      maxTokens: 16_000,
      schema: programReply,
    };
    const reply = await generate(asked).catch((error: unknown) => error);
    const failure = asModelFailure(reply);
    if (failure === undefined)
      expect(reply).toMatchObject({ kind: 'value', value: { entry: expect.anything() } });
    else expect(['ModelReplyTruncated', 'ModelReplyUnusable']).toContain(failure.name);
  });

  it('says where a prompt is longer than its context, so that another route can be taken', async () => {
    const text = 'All work and no play makes Jack a dull boy. '.repeat(500);
    const failure = await failureOf(generate({ ...question, messages: [{ role: 'user', text }] }));
    expect(failure).toMatchObject({ name: 'ModelContextTooLong', status: 400 });
  });

  it('stops computing when nobody waits for it any more', async () => {
    const giveUp = new AbortController();
    const text = 'Count from one to one thousand, in words.';
    const request = { ...question, messages: [{ role: 'user' as const, text }], maxTokens: 16_000 };
    const { answered } = await served.requests();
    const reply = generate(request, {
      signal: giveUp.signal,
      onDelta: () => giveUp.abort(new Error('enough')),
    });
    await expect(reply).rejects.toThrow('enough');
    await until('the model to stop', 60_000, async () => (await served.requests()).underWay === 0);
    expect((await served.requests()).answered).toBe(answered);
  });
});

it('a job whose routes lead to a real model ends well: its nonsense is repaired in vain, the next route is taken, what it writes is run and found out, and every token is on record', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-real-model-'));
  const home = join(folder, 'home');
  const env = { LLAMA_CPP_BASE_URL: served.baseUrl };
  const routes = ['llama-cpp/smollm2', 'llama-cpp/smollm2-one-file'];
  const job = {
    kind: 'optimize',
    name: 'weigh',
    program: 'weigh.py',
    function: 'weigh',
    cases: 'cases.py',
    strategies: [],
    models: { draft: routes, debug: routes },
    budget: { trials: 2 },
    limits: { wallMs: 60_000 },
  };
  await cp(fileURLToPath(new URL('../fixtures/weigh', import.meta.url)), folder, { recursive: true });
  await writeFile(join(folder, 'weigh.json'), JSON.stringify(job));
  const store = await openStore(home);
  const size = { context: contextTokens, maxOutput: replyTokens };
  const models = Object.fromEntries(routes.map((route) => [route, size]));
  await writeFile(join(home, 'models.yaml'), JSON.stringify({ models }));
  try {
    const before = await served.requests();
    const said = await crucible(['run', 'weigh.json'], { home, folder, env });
    expect(said).toMatchObject({ status: 0, error: '' });
    const [record] = await store.ledger.jobs({ limit: 1 });
    if (record === undefined) expect.fail(`expected a job, got none: ${said.out}`);
    expect(record.status).toBe('finished');
    expect(record.result?.best).toBeNull();

    const [baseline, ...trials] = (await store.ledger.trials(record.id)).map(({ trial }) => trial);
    expect(baseline?.candidate.operator).toBe('baseline');
    expect(trials).toHaveLength(job.budget.trials);
    for (const { outcome } of trials)
      expect(['rejected', 'buildFailed', 'crashed', 'timedOut', 'wrong']).toContain(outcome.kind);

    const calls = await store.ledger.calls(record.id);
    for (const { status, error } of calls)
      expect(['done', 'ModelReplyTruncated', 'ModelReplyUnusable']).toContain(error ?? status);
    expect(new Set(calls.map(({ route }) => route))).toEqual(new Set(routes));

    const after = await served.requests();
    const spent = await store.ledger.spend({ by: 'job', jobId: record.id });
    expect(spent).toMatchObject([
      {
        requests: after.answered - before.answered,
        usage: {
          input: after.promptTokens - before.promptTokens,
          output: after.replyTokens - before.replyTokens,
        },
        ambiguous: 0,
        microUsd: 0,
        unknownPrice: 0,
      },
    ]);
  } finally {
    await store.close();
    await crucible(['down'], { home, folder, env });
    await rm(folder, { recursive: true, force: true });
  }
}, 600_000);
