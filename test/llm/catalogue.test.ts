import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRoute } from '../../domain/route.ts';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import {
  limitsOf,
  modelIn,
  providerNamed,
  readCatalogue,
  routesNamed,
} from '../../llm/catalogue/catalogue.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { catalogue } from '../support/model-config.ts';

async function catalogueWith(yaml: string): Promise<Catalogue> {
  const home = await temporaryFolder();
  await writeFile(join(home, 'models.yaml'), yaml);
  return readCatalogue(home);
}

describe('the catalogue that ships', () => {
  const shipped = catalogue();

  it('holds models of providers it knows, each of which says where it is reached', () => {
    for (const { route } of shipped.models)
      expect(providerNamed(shipped, parseRoute(route).provider), route).toBeDefined();
    for (const provider of shipped.providers) {
      expect(provider.keyVariable ?? provider.baseUrlVariable, provider.name).toMatch(/^[A-Z0-9_]+$/);
      if (provider.protocol === 'chat') expect(provider.baseUrl, provider.name).toMatch(/^https?:/);
      if (provider.free) expect(provider.keyOptional, provider.name).toBe(true);
    }
  });

  it('has no two providers of one variable, so that no key goes to another than it is for', () => {
    const variables = shipped.providers.flatMap(({ keyVariable, baseUrlVariable }) => [
      keyVariable,
      baseUrlVariable,
    ]);
    const set = variables.filter((name) => name !== null);
    expect(new Set(set).size).toBe(set.length);
  });

  it('has every variable of its providers in .env.example', async () => {
    const example = await readFile(new URL('../../.env.example', import.meta.url), 'utf8');
    for (const { keyVariable, baseUrlVariable } of shipped.providers)
      for (const name of [keyVariable, baseUrlVariable])
        if (name !== null) expect(example, name).toMatch(new RegExp(`^${name}=$`, 'm'));
  });

  it('tries openrouter, anthropic, openai, gemini and e2b first, in this order', () => {
    expect(shipped.providers.slice(0, 5).map(({ name }) => name)).toEqual([
      'openrouter',
      'anthropic',
      'openai',
      'gemini',
      'e2b',
    ]);
  });

  it('has names that stand for routes of its providers', () => {
    for (const routes of Object.values(shipped.names))
      for (const route of routes)
        expect(providerNamed(shipped, parseRoute(route).provider)?.name, route).toBe(
          parseRoute(route).provider,
        );
  });
});

describe('a name', () => {
  const shipped = catalogue();

  it.each([
    ['gpt-4o', 'openai/gpt-4o'],
    ['gpt-4o-mini', 'openai/gpt-4o-mini'],
    ['gpt-4-turbo', 'openai/gpt-6.1-sol'],
    ['gpt-3.5-turbo', 'openai/gpt-6-luna'],
    ['claude-3-opus', 'anthropic/claude-opus-5-5'],
    ['claude-3-sonnet', 'anthropic/claude-sonnet-5-5'],
    ['claude-3-haiku', 'anthropic/claude-haiku-5-5'],
    ['gemini-pro', 'gemini/gemini-3.1-pro-preview'],
    ['llama-3-8b', 'openrouter/meta-llama/llama-3-8b-instruct'],
    ['llama-3-70b', 'openrouter/meta-llama/llama-3-70b-instruct'],
    ['claude-opus-5-5', 'anthropic/claude-opus-5-5'],
    ['google/gemini-3.8-flash', 'gemini/gemini-3.8-flash'],
    ['google/gemini-pro', 'gemini/gemini-3.1-pro-preview'],
    ['openrouter/claude-3-opus', 'openrouter/anthropic/claude-opus-5.5'],
    ['e2b/anthropic/claude-3-opus', 'e2b/anthropic/claude-opus-5-5'],
    ['e2b/google/gemini-3.8-flash', 'e2b/gemini/gemini-3.8-flash'],
    ['openai/a-model-of-tomorrow', 'openai/a-model-of-tomorrow'],
    ['openrouter/google/gemini-x', 'openrouter/google/gemini-x'],
  ])('%s stands for %s', (name, route) => {
    expect(routesNamed(shipped, name)[0]).toBe(route);
  });

  it('that nobody knows stands for nothing', () => {
    for (const name of ['constructor', '__proto__', 'a-model-of-tomorrow', 'nobody/model', 'e2b/nobody'])
      expect(routesNamed(shipped, name)).toEqual([]);
  });
});

describe('a model that is not in the catalogue', () => {
  it('is counted on for little', () => {
    expect(modelIn(catalogue(), 'openai/a-model-of-tomorrow')).toMatchObject({
      route: 'openai/a-model-of-tomorrow',
      context: 32_768,
      maxOutput: 16_000,
      takesTemperature: false,
      price: null,
    });
  });

  it('takes a temperature where it runs on own hardware', () => {
    expect(modelIn(catalogue(), 'ollama/qwen3-coder:30b').takesTemperature).toBe(true);
  });

  it('is what it is without the sandbox it is asked from', () => {
    expect(modelIn(catalogue(), 'e2b/anthropic/claude-opus-5-5')).toMatchObject({ context: 1_000_000 });
    expect(limitsOf(catalogue(), 'e2b').inFlight).toBe(4);
  });
});

describe("a user's models.yaml", () => {
  it('changes single fields of what is known, and adds what is not', async () => {
    const own = await catalogueWith(`
providers:
  openai: { limits: { requestsPerMinute: 60, inFlight: 2 } }
  acme: { protocol: chat, baseUrl: https://models.acme.test/v1, keyVariable: ACME_API_KEY }
models:
  openai/gpt-4o: { price: { inputPerMtok: 1, outputPerMtok: 2 } }
  acme/large: { context: 64000, tier: large, strengths: [code] }
names:
  house: [acme/large]
  search: [google/gemini-3.8-flash]
`);
    expect(limitsOf(own, 'openai')).toEqual({ requestsPerMinute: 60, tokensPerMinute: null, inFlight: 2 });
    expect(providerNamed(own, 'openai')?.keyVariable).toBe('OPENAI_API_KEY');
    expect(modelIn(own, 'openai/gpt-4o')).toMatchObject({ context: 128_000, priceFrom: 'models.yaml' });
    expect(modelIn(own, 'acme/large')).toMatchObject({ context: 64_000, maxOutput: 16_000 });
    expect(routesNamed(own, 'house')).toEqual(['acme/large']);
    expect(routesNamed(own, 'search')).toEqual(['gemini/gemini-3.8-flash']);
    expect(own.models[0]?.route).toBe('openai/gpt-4o');
    expect(own.providers.at(-1)?.name).toBe('acme');
  });

  it('may be empty', async () => {
    expect((await catalogueWith('')).models).toEqual(catalogue().models);
  });

  it.each([
    ['models: { openai/x: { contxt: 1 } }', /models\.yaml: models: openai\/x: .*contxt/],
    ['models: { gpt: {} }', /provider\/model/],
    ['models: { openai/x: { price: { inputPerMtok: -1, outputPerMtok: 1 } } }', /inputPerMtok/],
    ['providers: { acme: { baseUrl: ftp://x } }', /acme/],
    ['models: [openai/x]', /models\.yaml/],
    ['modles: {}', /modles/],
    ['names: { house: [gpt] }', /names: house: 0: expected `provider\/model`/],
    ['models: {', /models\.yaml: expected a catalogue/],
  ])('that is wrong is refused with the place: %s', async (yaml, message) => {
    const refused = catalogueWith(yaml);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ name: 'ConfigWrong' });
  });
});
