import { APIError } from 'openai';
import { z } from 'zod';
import type { Model, ModelRequest } from '../model.ts';
import { ProviderFault } from './failure.ts';
import { explainOpenAi, openAiClient, streamChat } from './openai.ts';
import { type AdapterOptions, createStreamingModel } from './streaming-model.ts';

/**
 * Returns the models of many providers through OpenRouter, by chat completions; a base URL ends before
 * `/chat/completions`. Its replies say what they cost. While a model is waited for it sends comments, which the
 * library passes over in silence. They are no signs of life here: the first event has to come within the
 * deadline.
 */
export function createOpenRouterModel(options: AdapterOptions): Model {
  const client = openAiClient(options, 'https://openrouter.ai/api/v1');
  return createStreamingModel(
    {
      name: 'openrouter',
      keyVariable: 'OPENROUTER_API_KEY',
      stream: (request, signal) => streamChat(client, request, signal, extrasOf(request)),
      explain,
    },
    options,
  );
}

const extrasOf = ({ schema }: ModelRequest) => ({
  usage: { include: true },
  provider: {
    // Programs are their owner's: they go to no host that keeps or trains on what it is sent.
    data_collection: 'deny',
    // By default a host that cannot hold a model to a schema is asked all the same, and the schema dropped.
    require_parameters: schema !== undefined,
  },
});

/** What OpenRouter adds to an error: why its moderation objected, or what the provider behind it said. */
const ErrorBody = z.object({
  metadata: z
    .object({
      reasons: z.array(z.string()).nullish(),
      provider_name: z.string().nullish(),
      raw: z.unknown(),
    })
    .partial()
    .nullish(),
});

function explain(error: unknown): unknown {
  const fault = explainOpenAi(error);
  if (!(error instanceof APIError && fault instanceof ProviderFault)) return fault;
  const { metadata } = ErrorBody.safeParse(error.error).data ?? {};
  if (!metadata) return fault;
  const { reasons, provider_name, raw } = metadata;
  if (reasons)
    return new ProviderFault(`${fault.message}: ${reasons.join(', ')}`, {
      ...fault,
      codes: ['content_policy_violation', ...fault.codes],
    });
  const upstream = typeof raw === 'string' ? raw : JSON.stringify(raw);
  return upstream === undefined
    ? fault
    : new ProviderFault(`${fault.message} (${provider_name ?? 'upstream'}: ${upstream})`, fault);
}
