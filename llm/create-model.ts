import { parseRoute } from '../domain/route.ts';
import { createAnthropicModel } from './anthropic.ts';
import { isOpenAi, providerNamed } from './catalogue.ts';
import { createE2bModel } from './e2b.ts';
import { createGoogleModel } from './google.ts';
import type { Model } from './model.ts';
import { createOpenAiModel } from './openai.ts';
import { createOpenRouterModel } from './openrouter.ts';
import { accessTo, lackOf, type ModelConfig } from './routes.ts';
import type { AdapterOptions } from './streaming-model.ts';

/**
 * The model that `route` leads to; `send` carries its requests in place of Node's own `fetch`. Throws an `Error` that says what the
 * route lacks, if it lacks something.
 */
export function createModel(route: string, config: ModelConfig, send?: typeof fetch): Model {
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
    fetch: send,
  };
  const protocol = isOpenAi(access.baseUrl) ? provider.protocol : (provider.elsewhere ?? provider.protocol);
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
      return createInE2b(route, access.key, config);
  }
}

/** The model of the route inside, whose requests are sent from a sandbox. */
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
