import { z } from 'zod';
import { createAsk } from '../../activities/ask/ask.ts';
import type { Batching } from '../../llm/batching.ts';
import type { ModelConfig } from '../../llm/catalogue/routes.ts';
import { createBatches, createModel } from '../../llm/providers/create-model.ts';
import type { Store } from '../../store/store.ts';
import type { BatchProtocol } from './batch-server.ts';
import { modelConfig } from './model-config.ts';

/** Where a server of batches is. */
export interface BatchesAt {
  protocol: BatchProtocol;
  baseUrl: string;
  key: string;
}

const providers: Record<BatchProtocol, string> = {
  responses: 'openai',
  anthropic: 'anthropic',
  google: 'gemini',
};
const Answer = z.strictObject({ value: z.number() });

/** What a process knows that may ask there, one model of which has a price: $1 and $10 a million tokens. */
export function batchedConfig({ protocol, baseUrl, key }: BatchesAt): ModelConfig {
  const name = providers[protocol];
  const base = modelConfig({
    [`${name.toUpperCase()}_BASE_URL`]: baseUrl,
    [`${name.toUpperCase()}_API_KEY`]: key,
  });
  const { catalogue } = base;
  const [model] = catalogue.models;
  if (model === undefined) throw new Error('expected a catalogue with a model');
  const price = { inputPerMtok: 1, outputPerMtok: 10 };
  return {
    ...base,
    catalogue: {
      ...catalogue,
      // OpenAI's own protocol, spoken by a server that is not OpenAI.
      providers: catalogue.providers.map((each) =>
        each.name === name ? { ...each, elsewhere: null } : each,
      ),
      models: [...catalogue.models, { ...model, route: `${name}/small-1`, maxOutput: 16_000, price }],
    },
  };
}

export const batchingFor =
  (config: ModelConfig) =>
  (route: string): Batching | null =>
    createBatches(route, config);

/** Asks for `value`, in a batch, as the first question of a job. */
export function askBatched(store: Store, at: BatchesAt, jobId: string, value: number): Promise<number> {
  const config = batchedConfig(at);
  const ask = createAsk({
    ...{ store, catalogue: config.catalogue },
    modelOf: (route) => createModel(route, config),
    batchesOf: batchingFor(config),
  });
  return ask(
    { storeId: store.id, jobId, step: 'c-1/propose-0' },
    {
      ...{ route: `${providers[at.protocol]}/small-1`, prompt: 'test@1', system: 'You add.' },
      ...{ maxTokens: 2_000, sample: 0, temperature: 0.1, tries: 3, isLast: true },
      messages: [{ role: 'user', text: String(value) }],
      schema: { name: 'answer', schema: Answer },
      ...{ cache: 'use', batch: true, unknownPrices: 'refuse' },
      read: (answer) => answer.value,
    },
    { signal: new AbortController().signal, details: undefined },
  );
}
