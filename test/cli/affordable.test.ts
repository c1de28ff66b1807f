import { beforeEach, expect, it } from 'vitest';
import { affordable } from '../../cli/start/affordable.ts';
import { checkedJob } from '../../cli/start/job-file.ts';
import type { Store } from '../../store/store.ts';
import { temporaryFolder, temporaryStore } from '../store/temporary-store.ts';
import { modelConfig } from '../support/model-config.ts';

let store: Store;
let folder: string;

beforeEach(async () => {
  store = await temporaryStore();
  folder = await temporaryFolder();
});

/** One model, at $1 a million tokens read and $10 written: $0.046 a program, $0.166 at most. */
const models = (env: Record<string, string> = { OPENAI_API_KEY: 'a-key' }) => {
  const config = modelConfig(env);
  const price = { inputPerMtok: 1, outputPerMtok: 10 };
  const priced = config.catalogue.models.map((model) =>
    model.route === 'openai/gpt-4o' ? { ...model, price } : model,
  );
  return { ...config, catalogue: { ...config.catalogue, models: priced } };
};

const said = async (budget: object, more: object = {}): Promise<string[]> => {
  const asked = { models: { draft: ['openai/gpt-4o'] }, ...more };
  const job = { kind: 'solve', name: 'a', task: 'Count.', budget, ...asked };
  return affordable(await checkedJob(job, folder), models(), store.ledger);
};

const about = 'openai/gpt-4o, about $0.046 a program (by its price, for 6,000 tokens read and 4,000 written)';

it.each([
  [{}, '; nothing limits the money, and 5 trials come to about $0.23'],
  [{ usd: 1 }, '; $1.00 affords about 19, enough for its 5 trials'],
  [{ usd: 0.2 }, '; $0.20 affords about 1, fewer than its 5 trials'],
  [{ usd: 0.1 }, '; $0.10 affords none: a request may take up to $0.17, and is sent only where that fits'],
  [{ tokens: 40_000 }, '; 40,000 tokens affords about 2, fewer than its 5 trials'],
])('of a budget of %j it is said how many programs it affords', async (budget, affords) => {
  expect(await said(budget)).toEqual([`${about}${affords}`]);
});

it('a program that is asked for in a batch costs half, on routes that take batches', async () => {
  const route = 'openai/gpt-4o';
  const batched = { models: { draft: [route], batch: true } };
  expect(await said({ usd: 0.1 }, batched)).toEqual([
    'openai/gpt-4o, about $0.023 a program (by its price in a batch, for 6,000 tokens read and 4,000 written); $0.10 affords about 1, fewer than its 5 trials',
  ]);
  for (const key of ['a', 'b', 'c']) {
    await store.ledger.startCall({ key, jobId: 'earlier', route });
    await store.ledger.finishCall(key, 1, {
      usage: { input: 3_000, cached: 0, written: 0, output: 1_000, reasoning: 0 },
      ...{ microUsd: 13_000, firstTokenMs: 1, reply: 'f'.repeat(64) },
    });
  }
  expect(await said({}, batched)).toEqual([
    expect.stringContaining('about $0.023 a program (by its price in a batch'),
  ]);
});

it('calls on record say better what a program costs', async () => {
  const usage = { input: 3_000, cached: 0, written: 0, output: 1_000, reasoning: 0 };
  for (const key of ['a', 'b', 'c']) {
    await store.ledger.startCall({ key, jobId: 'earlier', route: 'openai/gpt-4o' });
    await store.ledger.finishCall(key, 1, {
      usage,
      microUsd: 13_000,
      firstTokenMs: 1,
      reply: 'f'.repeat(64),
    });
  }
  expect(await said({ usd: 1 })).toEqual([
    'openai/gpt-4o, about $0.013 a program (as its last 3 calls here); $1.00 affords about 65, enough for its 5 trials',
  ]);
});

it('stages have what their pipeline has at most, and what asks no model is left out', async () => {
  const ask = { kind: 'solve', name: 'ask', task: 'Count.', models: { draft: ['openai/gpt-4o'] } };
  const job = { kind: 'pipeline', name: 'two', budget: { usd: 0.3 }, stages: [ask] };
  expect(await affordable(await checkedJob(job, folder), models(), store.ledger)).toEqual([
    `stage ask: ${about}; $0.30 affords about 3, fewer than its 5 trials`,
  ]);
  expect(await affordable(await checkedJob(ask, folder), models({}), store.ledger)).toEqual([]);
});
