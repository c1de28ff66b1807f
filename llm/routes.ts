import { z } from 'zod';
import type { Models } from '../domain/job.schema.ts';
import { createAnthropicModel } from './anthropic.ts';
import type { Model } from './model.ts';
import { createOpenAiModel, isOpenAi } from './openai.ts';

/** In the order in which they are tried where neither the job nor DEFAULT_LLM_PROVIDER says otherwise. */
const providers = ['anthropic', 'openai'] as const;
type ProviderName = (typeof providers)[number];

/** The model of a route that names only its provider. */
const defaultModels: Record<ProviderName, string> = { anthropic: 'claude-opus-5-5', openai: 'gpt-6-sol' };

/** A variable that is set to nothing is not set. */
const variable = z
  .string()
  .optional()
  .transform((value) => value?.trim() || null);
const url = variable.refine(
  (value) => value === null || /^https?:\/\/[^/]/.test(value),
  'expected a URL that begins with http:// or https://',
);

const Environment = z.object({
  OPENAI_API_KEY: variable,
  OPENAI_BASE_URL: url,
  ANTHROPIC_API_KEY: variable,
  ANTHROPIC_BASE_URL: url,
  DEFAULT_LLM_PROVIDER: variable.pipe(z.enum(providers).nullable()),
});

/** How a provider is reached. At least one of the two is set. */
export interface Access {
  key: string | null;
  baseUrl: string | null;
}

/** The models that this process may use. It holds keys: it is neither logged nor handed on. */
export interface ModelConfig {
  access: Partial<Record<ProviderName, Access>>;
  defaultProvider: ProviderName | null;
}

/**
 * Reads the variables that configure models, once, where the process starts. A base URL without a key is enough: many
 * compatible servers ask for none. Throws an `Error` naming the variable that is wrong, never its value.
 */
export function readModelConfig(environment: Record<string, string | undefined>): ModelConfig {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the environment configures models wrongly: ${wrong.join('; ')}`);
  }
  const read = parsed.data;
  const access: ModelConfig['access'] = {};
  if (read.ANTHROPIC_API_KEY !== null || read.ANTHROPIC_BASE_URL !== null)
    access.anthropic = { key: read.ANTHROPIC_API_KEY, baseUrl: read.ANTHROPIC_BASE_URL };
  if (read.OPENAI_API_KEY !== null || read.OPENAI_BASE_URL !== null)
    access.openai = { key: read.OPENAI_API_KEY, baseUrl: read.OPENAI_BASE_URL };
  return { access, defaultProvider: read.DEFAULT_LLM_PROVIDER };
}

/** A provider and the model to ask it for. */
export interface Route {
  provider: string;
  model: string;
}

/** Splits `provider/model`; the model may hold further slashes. */
export function parseRoute(route: string): Route {
  const slash = route.indexOf('/');
  if (slash <= 0 || slash === route.length - 1)
    throw new Error(`route ${JSON.stringify(route)}: expected provider/model`);
  return { provider: route.slice(0, slash), model: route.slice(slash + 1) };
}

export type Role = keyof Models;

/**
 * The routes for `role`, to be tried in order: those the job names for it, else those it names for another role, else
 * one for each configured provider. Routes to providers that are not configured are left out; the list may be empty.
 */
export function routesFor(role: Role, models: Models, config: ModelConfig): string[] {
  // A job that names its models for one role has said whom its program may be shown to.
  const named = [models[role], models.improve, models.draft, models.debug].find(
    (routes) => routes !== undefined,
  );
  return (named ?? defaultRoutes(config)).filter((route) => parseRoute(route).provider in config.access);
}

function defaultRoutes({ access, defaultProvider }: ModelConfig): string[] {
  const ordered = [...providers].sort(
    (one, other) => Number(other === defaultProvider) - Number(one === defaultProvider),
  );
  return ordered
    .filter((provider) => access[provider] !== undefined)
    .filter((provider) => provider !== 'openai' || isOpenAi(access.openai?.baseUrl ?? null))
    .map((provider) => `${provider}/${defaultModels[provider]}`);
}

/** One line for people on why `routesFor` found nothing. */
export function explainNoRoute(models: Models, { access }: ModelConfig): string {
  const named = Object.values(models).flatMap((routes) => routes ?? []);
  if (named.length > 0)
    return `no model configured: the job names ${named.join(', ')}, and the keys set are for ${Object.keys(access).join(', ') || 'none'}`;
  if (access.openai !== undefined)
    return 'no model configured: OPENAI_BASE_URL names a server but no model; name one in the job, models: { improve: [openai/NAME] }';
  return 'no model configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own';
}

/** The model that `route` leads to. Throws an `Error` if its provider is unknown or not configured. */
export function createModel(route: string, { access }: ModelConfig): Model {
  const { provider } = parseRoute(route);
  if (provider === 'anthropic' && access.anthropic !== undefined)
    return createAnthropicModel(access.anthropic);
  if (provider === 'openai' && access.openai !== undefined) return createOpenAiModel(access.openai);
  throw new Error(
    `route ${route}: expected a configured provider (${Object.keys(access).join(', ') || 'none is'}), got ${provider}`,
  );
}
