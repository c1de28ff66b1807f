import { z } from 'zod';
import { defaults } from '../../domain/defaults.ts';
import { HttpUrl } from '../../domain/http-url.schema.ts';
import { ProviderLimits } from '../../domain/provider-limits.schema.ts';
import { defaultDeadlines } from '../providers/deadlines.ts';

/** How a provider is spoken to; each has one adapter. */
export const protocols = ['responses', 'chat', 'openrouter', 'anthropic', 'google', 'e2b'] as const;

/** What a model is good at. `frontier`: the strongest there is, at a price that only a large budget bears. */
export const strengths = ['code', 'reasoning', 'cheap', 'long-context', 'fast', 'frontier'] as const;

const variable = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'expected the name of an environment variable');

const rates = {
  inputPerMtok: z.number().nonnegative(),
  /** Input read from a prompt cache; unset: as other input. */
  cachedPerMtok: z.number().nonnegative().optional(),
  /** Input written to a prompt cache; unset: as other input. */
  writtenPerMtok: z.number().nonnegative().optional(),
  outputPerMtok: z.number().nonnegative(),
};

/** US dollars per million tokens. */
export const Price = z.strictObject({
  ...rates,
  /** What holds instead, for the whole request, where its input has more tokens than `beyond`. */
  longPrompts: z.strictObject({ beyond: z.number().int().positive(), ...rates }).optional(),
});
export type Price = z.infer<typeof Price>;

const silence = z.number().int().positive().max(defaultDeadlines.totalMs).optional();

/**
 * How long a server may be silent, milliseconds, where the usual is too short for it. A slow model needs it, or
 * a machine of your own.
 */
const DeadlineEntry = z
  .strictObject({ firstTokenMs: silence, idleMs: silence, totalMs: silence })
  .prefault({});

/** How requests of jobs that say `models: { batch: true }` go to a provider that takes batches. */
export const BatchEntry = z
  .strictObject({
    /** So long others may join a request, before a batch is made of what waits. */
    gatherMs: z.number().int().nonnegative().default(defaults.model.batch.gatherMs),
    /** Between two looks at a batch; it grows with each, up to a quarter of an hour. */
    lookMs: z.number().int().positive().default(defaults.model.batch.lookMs),
    /** Requests of one batch. */
    most: z.number().int().positive().max(50_000).default(defaults.model.batch.most),
    /** What a request costs in a batch, as a share of its price. */
    priceShare: z.number().positive().max(1).default(defaults.model.batch.priceShare),
  })
  .prefault({});

const ProviderEntry = z.strictObject({
  aliases: z.array(z.string()).default([]),
  protocol: z.enum(protocols),
  /** What is spoken where `baseUrlVariable` names another server than OpenAI itself; null: the same. */
  elsewhere: z.enum(protocols).nullable().default(null),
  /** Null: the provider's own, or unknown until its variable is set. */
  baseUrl: HttpUrl.nullable().default(null),
  keyVariable: variable.nullable().default(null),
  baseUrlVariable: variable.nullable().default(null),
  /** Whether a server at `baseUrl` may be asked without a key: a job that names it is enough. */
  keyOptional: z.boolean().default(false),
  /** Runs on the user's own hardware: it has no price. */
  free: z.boolean().default(false),
  /** Its name in the price table; null: it is not in it. */
  priceTable: z.string().nullable().default(null),
  limits: ProviderLimits.prefault({}),
  deadlines: DeadlineEntry,
  batch: BatchEntry,
});

export const ModelEntry = z.strictObject({
  /** Tokens that prompt and reply together may have. */
  context: z.number().int().positive().default(32_768),
  /** Tokens that a reply may have at most, reasoning included. */
  maxOutput: z.number().int().positive().default(16_000),
  takesTemperature: z.boolean().default(false),
  /** Whether it can be held to a JSON schema. */
  structured: z.boolean().default(true),
  strengths: z.array(z.enum(strengths)).default([]),
  tier: z.enum(['small', 'medium', 'large']).default('medium'),
  /** Null: as in the price table. */
  price: Price.nullable().default(null),
  /** Before those of its provider. */
  deadlines: DeadlineEntry,
});

const isRoute = /^[^/]+\/.+$/;

/** `catalogue.yaml`, and with every field optional a user's `models.yaml`. The order of models is the order of preference. */
export const CatalogueFile = z.strictObject({
  /** By name. */
  providers: z.record(z.string(), ProviderEntry).default({}),
  /** By route, `provider/model`. */
  models: z
    .record(z.string(), ModelEntry)
    .default({})
    .superRefine((models, context) => {
      for (const route of Object.keys(models))
        if (!isRoute.test(route))
          context.addIssue({ code: 'custom', path: [route], message: 'expected `provider/model`' });
    }),
  /** Well-known names, and the routes each stands for, the first configured of which is taken. */
  names: z.record(z.string(), z.array(z.string().regex(isRoute, 'expected `provider/model`'))).default({}),
});

export type CatalogueProvider = z.infer<typeof ProviderEntry> & { name: string };
export type CatalogueModel = z.infer<typeof ModelEntry> & {
  route: string;
  /** Which file its price stands in, where it has one of its own. */
  priceFrom: 'models.yaml' | 'catalogue';
};

export interface Catalogue {
  /** In the order in which they are tried where nothing else is said. */
  providers: readonly CatalogueProvider[];
  models: readonly CatalogueModel[];
  names: Readonly<Record<string, readonly string[]>>;
}
