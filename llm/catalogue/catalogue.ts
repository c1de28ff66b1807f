import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigWrong } from '../../domain/errors.ts';
import { ProviderLimits } from '../../domain/provider-limits.schema.ts';
import { parseRoute } from '../../domain/route.ts';
import {
  BatchEntry,
  type Catalogue,
  CatalogueFile,
  type CatalogueModel,
  type CatalogueProvider,
  ModelEntry,
} from './catalogue.schema.ts';

const shipped = fileURLToPath(new URL('catalogue.yaml', import.meta.url));

/**
 * Returns the catalogue that ships with Crucible, with `<home>/models.yaml` merged over it by name, field by field. The user's models come
 * first: they are preferred to others of the same strength. Throws `ConfigWrong`, also where the file says where keys are sent
 * though it may not, without `ownProviders`.
 */
export function readCatalogue(home: string, { ownProviders = true } = {}): Catalogue {
  const own = join(home, 'models.yaml');
  const base = readYaml(shipped);
  const over = readYaml(own);
  if (!ownProviders && Object.keys(over.providers).length > 0)
    throw new ConfigWrong(
      `${own}: its providers say where keys are sent, and the .env of the current folder, which names this home, is not yours to trust: set CRUCIBLE_HOME in your environment`,
    );
  const parsed = CatalogueFile.safeParse({
    ...over,
    providers: mergeEntries(base.providers, over.providers),
    models: mergeEntries(base.models, over.models),
    names: { ...base.names, ...over.names },
  });
  if (!parsed.success) throw new ConfigWrong(`${own}: ${issuesOf(parsed.error)}`);
  const { providers, models, names } = parsed.data;
  const isOwn = (route: string): boolean => over.models[route] !== undefined;
  const ownFirst = Object.entries(models).sort(([one], [other]) => Number(isOwn(other)) - Number(isOwn(one)));
  return {
    providers: Object.entries(providers).map(([name, entry]) => ({ name, ...entry })),
    models: ownFirst.map(([route, entry]) => ({
      route,
      ...entry,
      priceFrom: over.models[route]?.price === undefined ? 'catalogue' : 'models.yaml',
    })),
    names,
  };
}

const issuesOf = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');

/** A catalogue file before its entries are checked: each must be a map, whatever is in it. */
const Unchecked = z.looseObject({
  providers: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  models: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  names: z.record(z.string(), z.unknown()).default({}),
});
type Unchecked = z.infer<typeof Unchecked>;

/** Returns the file's maps; empty ones where there is no such file. */
function readYaml(path: string): Unchecked {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    // Without a folder there is no file in it; that the folder cannot be used is told by who needs it.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (['ENOENT', 'ENOTDIR'].includes(code)) return Unchecked.parse({});
    throw new ConfigWrong(
      `${path}: expected a catalogue of models: ${error instanceof Error ? error.message : error}`,
    );
  }
  try {
    return Unchecked.parse(parse(text, { merge: true }) ?? {});
  } catch (error) {
    const reason = error instanceof z.ZodError ? issuesOf(error) : error;
    throw new ConfigWrong(
      `${path}: expected a catalogue of models: ${reason instanceof Error ? reason.message : reason}`,
    );
  }
}

function mergeEntries(base: Unchecked['models'], over: Unchecked['models']): Unchecked['models'] {
  const merged = { ...base };
  for (const [name, entry] of Object.entries(over)) merged[name] = { ...base[name], ...entry };
  return merged;
}

/** Returns the provider called `name`, or known by that alias. */
export const providerNamed = (catalogue: Catalogue, name: string): CatalogueProvider | undefined =>
  catalogue.providers.find((each) => each.name === name || each.aliases.includes(name));

/** What is known of a route. `name` is the model's at its maker; inside E2B that maker is not the first part of the route. */
export interface KnownModel {
  provider: CatalogueProvider | null;
  name: string;
  model: CatalogueModel;
}

/** Returns what the catalogue knows of `route`. */
export function lookUp(catalogue: Catalogue, route: string): KnownModel {
  const { provider: first, model: name } = parseRoute(route);
  const provider = providerNamed(catalogue, first) ?? null;
  if (provider?.protocol === 'e2b' && name.includes('/')) return lookUp(catalogue, name);
  const full = `${provider?.name ?? first}/${name}`;
  const model = catalogue.models.find((each) => each.route === full) ?? unknownModel(full, provider);
  return { provider, name, model };
}

/**
 * Returns what is known of the model that `route` leads to. Of one that is not in the catalogue it is what can
 * be counted on.
 */
export const modelIn = (catalogue: Catalogue, route: string): CatalogueModel =>
  lookUp(catalogue, route).model;

/** Returns what the provider called `name` allows. */
export const limitsOf = (catalogue: Catalogue, name: string): ProviderLimits =>
  providerNamed(catalogue, name)?.limits ?? ProviderLimits.parse({});

/** Servers on own hardware take a temperature and hold any model to a schema. */
const unknownModel = (route: string, provider: CatalogueProvider | null): CatalogueModel => ({
  ...ModelEntry.parse({}),
  route,
  priceFrom: 'catalogue',
  takesTemperature: provider?.free ?? false,
});

/**
 * Returns the routes that `name` stands for, in order of preference; none where nobody knows it. They are itself where it is
 * `provider/model`, what the catalogue's names say, or every model of that name. The provider is given by its own name.
 */
export function routesNamed(catalogue: Catalogue, name: string): string[] {
  const slash = name.indexOf('/');
  const provider = slash < 0 ? undefined : providerNamed(catalogue, name.slice(0, slash));
  if (provider === undefined) {
    const known = Object.hasOwn(catalogue.names, name) ? catalogue.names[name] : undefined;
    if (known !== undefined) return known.map((route) => canonical(catalogue, route));
    return catalogue.models.map(({ route }) => route).filter((route) => route.endsWith(`/${name}`));
  }
  const model = name.slice(slash + 1);
  if (provider.protocol === 'e2b')
    return routesNamed(catalogue, model).map((inner) => `${provider.name}/${inner}`);
  const named = model.includes('/') ? [] : routesNamed(catalogue, model);
  const renamed = named.find((route) => parseRoute(route).provider === provider.name);
  return [renamed ?? `${provider.name}/${model}`];
}

/** Returns the route with its provider's own name in place of an alias. */
function canonical(catalogue: Catalogue, route: string): string {
  const { provider, model } = parseRoute(route);
  return `${providerNamed(catalogue, provider)?.name ?? provider}/${model}`;
}

/** Returns whether `baseUrl` is OpenAI itself, in any region. */
export const isOpenAi = (baseUrl: string | null): boolean =>
  baseUrl === null || /^(.+\.)?api\.openai\.com$/.test(new URL(baseUrl).hostname);

/** Returns how a provider is spoken to at `baseUrl`. */
export const protocolAt = (
  { protocol, elsewhere }: CatalogueProvider,
  baseUrl: string | null,
): CatalogueProvider['protocol'] => (isOpenAi(baseUrl) ? protocol : (elsewhere ?? protocol));

/** Returns how the batches of the provider called `name` are gathered and paid. */
export const batchingOf = (catalogue: Catalogue, name: string): CatalogueProvider['batch'] =>
  providerNamed(catalogue, name)?.batch ?? BatchEntry.parse({});
