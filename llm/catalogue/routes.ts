import { defaults } from '../../domain/defaults.ts';
import { ConfigWrong } from '../../domain/errors.ts';
import { HttpUrl } from '../../domain/http-url.schema.ts';
import type { Models } from '../../domain/job-fields.schema.ts';
import type { Role } from '../../domain/job-input.ts';
import { parseRoute } from '../../domain/route.ts';
import type { Catalogue, CatalogueProvider } from './catalogue.schema.ts';
import { isOpenAi, protocolAt, providerNamed, routesNamed } from './catalogue.ts';
import { budgetLevel, chooseRoutes, type ModelTask, type Need } from './choose-model.ts';
import { listedPrice } from './prices.ts';

/** How a provider is reached. Its key is private: neither JSON nor a log of it shows one. */
export class Access {
  /** Null: where the provider itself answers. */
  readonly baseUrl: string | null;
  readonly #key: string | null;

  constructor(key: string | null, baseUrl: string | null) {
    this.#key = key;
    this.baseUrl = baseUrl;
  }

  /** Null: none is sent. */
  get key(): string | null {
    return this.#key;
  }
}

/** The models that this process may use, and what is known of them. */
export interface ModelConfig {
  catalogue: Catalogue;
  /** By the provider's name; only those that are configured. */
  access: Readonly<Record<string, Access>>;
  defaultProvider: string | null;
  /** What E2B's sandboxes are made from. */
  e2bTemplate: string;
}

/**
 * Reads the variables that the catalogue's providers are configured by, once, where the process starts. A base URL without a key is
 * enough: many servers ask for none. Throws a `ConfigWrong` naming the variable that is wrong, never its value.
 */
export function readModelConfig(
  environment: Record<string, string | undefined>,
  catalogue: Catalogue,
): ModelConfig {
  const wrong: string[] = [];
  /** A variable that is set to nothing is not set. */
  const read = (name: string | null): string | null => (name !== null && environment[name]?.trim()) || null;
  const readUrl = (name: string | null): string | null => {
    const value = read(name);
    const problem = value === null ? undefined : HttpUrl.safeParse(value).error?.issues[0]?.message;
    if (problem !== undefined) wrong.push(`${name}: ${problem}`);
    return value;
  };

  const access: Record<string, Access> = {};
  for (const { name, keyVariable, baseUrlVariable, baseUrl } of catalogue.providers) {
    const key = read(keyVariable);
    // A key with a line's end or a hidden character in it would be quoted by what refuses to send it.
    if (key !== null && !/^[\x21-\x7e]+$/.test(key))
      wrong.push(`${keyVariable}: expected a key of printable ASCII characters without spaces`);
    const ownUrl = readUrl(baseUrlVariable);
    if (key !== null || ownUrl !== null) access[name] = new Access(key, ownUrl ?? baseUrl);
  }
  const wanted = read('DEFAULT_LLM_PROVIDER');
  const defaultProvider = wanted === null ? undefined : providerNamed(catalogue, wanted);
  if (wanted !== null && defaultProvider === undefined)
    wrong.push(`DEFAULT_LLM_PROVIDER: expected one of ${namesOf(catalogue.providers)}`);
  if (wrong.length > 0)
    throw new ConfigWrong(`the environment configures models wrongly: ${wrong.join('; ')}`);
  return {
    catalogue,
    access,
    defaultProvider: defaultProvider?.name ?? null,
    e2bTemplate: read('E2B_TEMPLATE') ?? defaults.model.e2bTemplate,
  };
}

const namesOf = (providers: readonly CatalogueProvider[]): string =>
  providers.map(({ name }) => name).join(', ');

const taskOf: Record<Role, ModelTask> = {
  plan: 'planning',
  draft: 'code generation',
  debug: 'debugging',
  improve: 'optimization',
  explain: 'explanation',
};

/**
 * Returns the routes for `role`, to be tried in order. They are those the job names for it, else those it names
 * for another role. Else it is one of each configured provider. It is chosen by the job's profile, its
 * complexity and `usd`, its limit in US dollars. Routes that lack a key are left out; the list may be empty.
 */
export function routesFor(role: Role, models: Models, config: ModelConfig, usd?: number): string[] {
  const named = namedRoutes(role, models);
  if (named === undefined) return chosenRoutes(role, models, config, usd);
  const found = named.flatMap((name) => {
    const [first] = routesNamed(config.catalogue, name).filter((route) => lackOf(route, config) === null);
    return first ?? [];
  });
  return [...new Set(found)];
}

/** A job that names its models for one role has said who may see its program. */
const namedRoutes = (role: Role, models: Models): string[] | undefined =>
  [models[role], models.improve, models.draft, models.debug, models.plan, models.explain].find(
    (routes) => routes !== undefined,
  );

function chosenRoutes(
  role: Role,
  { profile, complexity }: Models,
  config: ModelConfig,
  usd: number | undefined,
): string[] {
  const { catalogue, defaultProvider } = config;
  const need: Need = {
    task: taskOf[role],
    complexity,
    budget: budgetLevel(usd),
    profile: profile ?? null,
  };
  const now = new Date();
  const costOf = (route: string): number | null => {
    const price = listedPrice(catalogue, route, now);
    return price === null ? null : price.inputPerMtok + price.outputPerMtok;
  };
  const usable = catalogue.providers.filter((provider) => isChosenFrom(provider, config));
  const names = usable
    .map(({ name }) => name)
    .sort((one, other) => Number(other === defaultProvider) - Number(one === defaultProvider));
  const routes = chooseRoutes(catalogue.models, names, need, costOf);
  // Asking from inside a sandbox is for those who said so; it is no other way to get at a model.
  const inside = isE2b(defaultProvider, config);
  return inside
    ? routes.map((route) => `${defaultProvider}/${route}`).filter((route) => lackOf(route, config) === null)
    : routes;
}

/** Returns whether the catalogue's models of this provider are known to answer: behind another server's URL, nobody knows. */
export const isChosenFrom = ({ name, elsewhere }: CatalogueProvider, { access }: ModelConfig): boolean =>
  access[name] !== undefined && (elsewhere === null || isOpenAi(access[name].baseUrl));

const isE2b = (name: string | null, { catalogue }: ModelConfig): boolean =>
  name !== null && providerNamed(catalogue, name)?.protocol === 'e2b';

/**
 * Returns how `provider` is reached, if it can be. A server on its usual port is asked where a route names it.
 */
export const accessTo = (provider: CatalogueProvider, { access }: ModelConfig): Access | undefined =>
  access[provider.name] ?? (provider.keyOptional ? new Access(null, provider.baseUrl) : undefined);

/** Returns the providers that this process can ask. */
export const reachableProviders = (config: ModelConfig): CatalogueProvider[] =>
  config.catalogue.providers.filter((provider) => accessTo(provider, config) !== undefined);

/** Returns what is to be set before `route` can be asked, in words; null where nothing is. */
export function lackOf(route: string, config: ModelConfig): string | null {
  const { provider: name, model } = parseRoute(route);
  const provider = providerNamed(config.catalogue, name);
  if (provider === undefined)
    return `a provider ${name} in models.yaml (known are ${namesOf(config.catalogue.providers)})`;
  const own =
    accessTo(provider, config) === undefined ? (provider.keyVariable ?? provider.baseUrlVariable) : null;
  if (provider.protocol !== 'e2b') return own;
  if (!model.includes('/')) return `a provider inside: ${name}/anthropic/${model}`;
  const inner = lackOf(model, config) ?? unfitInside(model, config);
  return [own, inner].filter((lack) => lack !== null).join(' and ') || null;
}

/** A sandbox in the cloud reaches neither this machine nor another sandbox's inside. */
function unfitInside(route: string, { catalogue }: ModelConfig): string | null {
  const provider = providerNamed(catalogue, parseRoute(route).provider);
  return provider?.protocol === 'e2b' || provider?.keyOptional
    ? `a hosted provider in place of ${provider.name}`
    : null;
}

/** One line for people on why `routesFor` found nothing. */
export function explainNoRoute(models: Models, config: ModelConfig): string {
  const { catalogue, access } = config;
  const named = namedRoutes('improve', models);
  if (named?.length === 0) return 'no model configured: the job names none';
  if (named !== undefined) {
    const lacks = named.map((name) => {
      const routes = routesNamed(catalogue, name);
      if (routes.length === 0)
        return `${name} is no route and no name in the catalogue (see: crucible models --all)`;
      return `${name} needs ${routes.map((route) => lackOf(route, config)).join(', or ')}`;
    });
    return `no model configured: ${lacks.join('; ')}`;
  }
  const silent = catalogue.providers.filter(({ name }) => access[name] !== undefined);
  for (const provider of silent) {
    if (provider.protocol === 'e2b')
      return `no model configured: ${provider.keyVariable} needs the key of a provider to be asked from inside, and DEFAULT_LLM_PROVIDER=${provider.name}`;
    return `no model configured: ${provider.baseUrlVariable} names a server but no model; name one in the job, models: { improve: [${provider.name}/NAME] }`;
  }
  return `no model configured: set ${keysToSet(config).join(', ')} or another key (see: crucible models)`;
}

/** Returns the variables of the keys that are the first to be asked for, in the order of the catalogue. */
export const keysToSet = ({ catalogue, access }: ModelConfig): string[] =>
  catalogue.providers
    .filter(({ name }) => access[name] === undefined)
    .flatMap(({ keyVariable }) => keyVariable ?? [])
    .slice(0, 4);

/** The protocols that have an endpoint for batches. */
const batched: readonly CatalogueProvider['protocol'][] = ['responses', 'anthropic', 'google'];

/** Returns whether requests on `route` can go in batches. */
export function takesBatches(route: string, config: ModelConfig): boolean {
  const provider = providerNamed(config.catalogue, parseRoute(route).provider);
  const access = provider === undefined ? undefined : accessTo(provider, config);
  if (provider === undefined || access === undefined) return false;
  return batched.includes(protocolAt(provider, access.baseUrl));
}

/** Returns whether a job says itself which models it wants. */
export const namesModels = (models: Models): boolean => namedRoutes('improve', models) !== undefined;
