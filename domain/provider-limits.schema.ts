import { z } from 'zod';
import { defaults } from './defaults.ts';

/** Null: no limit of our own; the provider's 429s still slow requests down. */
export const ProviderLimits = z.strictObject({
  requestsPerMinute: z.number().positive().nullable().default(null),
  tokensPerMinute: z.number().positive().nullable().default(null),
  /** Requests under way at once, over all workers. */
  inFlight: z.number().int().positive().default(defaults.model.inFlight),
});
export type ProviderLimits = z.infer<typeof ProviderLimits>;
