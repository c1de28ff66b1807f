import { Agent, fetch as fetchByUndici } from 'undici';
import { parseRoute } from '../../domain/route.ts';
import type { Batching } from '../batching.ts';
import type { CatalogueModel, CatalogueProvider } from '../catalogue/catalogue.schema.ts';
import { modelIn, protocolAt, providerNamed } from '../catalogue/catalogue.ts';
import { accessTo, lackOf, type ModelConfig } from '../catalogue/routes.ts';
import type { Model } from '../model.ts';
import { createAnthropicModel } from './anthropic.ts';
import { createAnthropicBatches } from './anthropic-batches.ts';
import { type Deadlines, defaultDeadlines } from './deadlines.ts';
import { createE2bModel } from './e2b.ts';
import { createGoogleModel } from './google.ts';
import { createGoogleBatches } from './google-batches.ts';
import { createOpenAiModel } from './openai.ts';
import { createOpenAiBatches } from './openai-batches.ts';
import { createOpenRouterModel } from './openrouter.ts';
import type { AdapterOptions } from './streaming-model.ts';

/**
 * Returns the model that `route` leads to; `send` carries its requests in place of Node's own `fetch`. Throws an `Error` that says what the
 * route lacks, if it lacks something.
 */
export function createModel(route: string, config: ModelConfig, send?: typeof fetch): Model {
  const { protocol, options } = reached(route, config, send);
  switch (protocol) {
    case 'responses':
    case 'chat':
      return createOpenAiModel({ ...options, protocol });
    case 'openrouter':
      return createOpenRouterModel(options);
    case 'anthropic':
      return createAnthropicModel(options);
    case 'google':
      return createGoogleModel(options);
    case 'e2b':
      return createInE2b(route, options.key, config);
  }
}

/** Returns the batches of the provider that `route` leads to; null where it has none. Throws as `createModel` does. */
export function createBatches(route: string, config: ModelConfig): Batching | null {
  // Nothing of a batch is silent for long, and undici's own `fetch` uploads no files that a library made.
  const { protocol, options } = reached(route, config, fetch);
  switch (protocol) {
    case 'responses':
      return createOpenAiBatches(options);
    case 'anthropic':
      return createAnthropicBatches(options);
    case 'google':
      return createGoogleBatches(options);
    default:
      return null;
  }
}

function reached(
  route: string,
  config: ModelConfig,
  send?: typeof fetch,
): { protocol: CatalogueProvider['protocol']; options: AdapterOptions } {
  const provider = providerNamed(config.catalogue, parseRoute(route).provider);
  const access = provider === undefined ? undefined : accessTo(provider, config);
  const lack = lackOf(route, config);
  if (lack !== null || provider === undefined || access === undefined)
    throw new Error(`route ${route}: expected a configured provider; it needs ${lack}`);
  const options: AdapterOptions = {
    key: access.key,
    baseUrl: access.baseUrl,
    name: provider.name,
    keyVariable: provider.keyVariable ?? undefined,
    deadlines: deadlinesOf(provider, modelIn(config.catalogue, route)),
    fetch: send ?? patientFetch,
  };
  return { protocol: protocolAt(provider, access.baseUrl), options };
}

function deadlinesOf({ deadlines: ofProvider }: CatalogueProvider, { deadlines }: CatalogueModel): Deadlines {
  const { firstTokenMs, idleMs, totalMs } = defaultDeadlines;
  return {
    firstTokenMs: deadlines.firstTokenMs ?? ofProvider.firstTokenMs ?? firstTokenMs,
    idleMs: deadlines.idleMs ?? ofProvider.idleMs ?? idleMs,
    totalMs: deadlines.totalMs ?? ofProvider.totalMs ?? totalMs,
  };
}

let patient: Agent | undefined;

/** Node's own `fetch` gives up after five minutes of silence; here the deadlines of `withinDeadlines` alone count. */
const patientFetch: typeof fetch = (resource, init) => {
  patient ??= new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  // The same interface in undici's own types, which are not those of Node.
  return fetchByUndici(resource as string, {
    ...(init as object),
    dispatcher: patient,
  }) as unknown as Promise<Response>;
};

/** Returns the model of the route inside, whose requests are sent from a sandbox. */
function createInE2b(route: string, key: string | null, config: ModelConfig): Model {
  const inside = parseRoute(route).model;
  const provider = providerNamed(config.catalogue, parseRoute(inside).provider);
  if (key === null) throw new Error(`route ${route}: expected a key for E2B, there is none`);
  return createE2bModel({
    service: { key, template: config.e2bTemplate },
    key: config.access[provider?.name ?? '']?.key ?? null,
    inner: (send) => createModel(inside, config, send),
  });
}
