import { createRequire } from 'node:module';
import { dollars } from '../../domain/money.ts';
import type { Usage } from '../../domain/usage.ts';
import type { ModelRequest } from '../model.ts';
import type { Catalogue, CatalogueProvider, Price } from './catalogue.schema.ts';
import { lookUp } from './catalogue.ts';

type PriceTable = typeof import('@pydantic/genai-prices');
let table: PriceTable | undefined;

/** The table takes 40 ms to load, which commands that ask for no price do not spend. */
function priceTable(): PriceTable {
  table ??= createRequire(import.meta.url)('@pydantic/genai-prices') as PriceTable;
  return table;
}

/**
 * Returns what a request of `usage` on `route` costs at `at`, in whole millionths of a US dollar, rounded up. Null where the price is
 * not known: that is not 0. The catalogue's price, which may be the user's, comes before the price table; what runs on own
 * hardware costs 0. A model in an E2B sandbox costs what the model costs: the sandbox's own seconds are not counted.
 */
export function priceOf(catalogue: Catalogue, route: string, usage: Usage, at: Date): number | null {
  const exact = exactPrice(catalogue, route, usage, at);
  return exact === null ? null : Math.max(0, Math.ceil(exact - 1e-6));
}

function exactPrice(catalogue: Catalogue, route: string, usage: Usage, at: Date): number | null {
  const { provider, model, name } = lookUp(catalogue, route);
  if (model.price !== null) return byPrice(model.price, usage);
  if (provider === null) return null;
  return provider.free ? 0 : byTable(provider, name, usage, at);
}

/**
 * Returns what a request cost, in millionths of a US dollar. It is what the provider says it charged, else its
 * usage at the prices of now. Null where neither is known.
 */
export const costOf = (
  catalogue: Catalogue,
  route: string,
  { usage, chargedMicroUsd }: { usage: Usage | null; chargedMicroUsd: number | null },
): number | null => chargedMicroUsd ?? (usage === null ? null : priceOf(catalogue, route, usage, new Date()));

/** What a million tokens cost on a route, in US dollars, and who says so. */
export interface ListedPrice {
  inputPerMtok: number;
  outputPerMtok: number;
  source: 'models.yaml' | 'catalogue' | 'genai-prices' | 'own hardware';
}

/** Returns the price of fresh input and of output on `route` at `at`; null where it is not known. */
export function listedPrice(catalogue: Catalogue, route: string, at: Date): ListedPrice | null {
  const { provider, model } = lookUp(catalogue, route);
  // Thousands, not millions: beyond some length of a prompt many models cost more a token.
  const input = exactPrice(catalogue, route, { ...noUsage, input: 1_000 }, at);
  const output = exactPrice(catalogue, route, { ...noUsage, output: 1_000 }, at);
  if (input === null || output === null) return null;
  const source = model.price !== null ? model.priceFrom : provider?.free ? 'own hardware' : 'genai-prices';
  return { inputPerMtok: input / 1_000, outputPerMtok: output / 1_000, source };
}

const noUsage: Usage = { input: 0, cached: 0, written: 0, output: 0, reasoning: 0 };

function byPrice(price: Price, usage: Usage): number {
  const { longPrompts } = price;
  const rates = longPrompts !== undefined && usage.input > longPrompts.beyond ? longPrompts : price;
  const { inputPerMtok, cachedPerMtok = inputPerMtok, writtenPerMtok = inputPerMtok, outputPerMtok } = rates;
  const { fresh, cached, written } = partsOf(usage);
  // Dollars per million tokens are millionths of a dollar per token.
  return (
    fresh * inputPerMtok + cached * cachedPerMtok + written * writtenPerMtok + usage.output * outputPerMtok
  );
}

/** Returns the input's parts, which never come to more than the whole, whatever a server reported. */
function partsOf({ input, cached, written }: Usage): { fresh: number; cached: number; written: number } {
  const read = Math.min(cached, input);
  const wrote = Math.min(written, input - read);
  return { fresh: input - read - wrote, cached: read, written: wrote };
}

function byTable(
  { priceTable: providerId }: CatalogueProvider,
  name: string,
  usage: Usage,
  at: Date,
): number | null {
  if (providerId === null) return null;
  const { cached, written } = partsOf(usage);
  const found = priceTable().calcPrice(
    {
      input_tokens: usage.input,
      cache_read_tokens: cached,
      cache_write_tokens: written,
      output_tokens: usage.output,
    },
    name,
    { providerId, timestamp: at },
  );
  if (found === null) return null;
  // The table has entries without prices, which it counts as nothing; only OpenRouter's `:free` models are meant so.
  const priced = found.model_price.input_mtok !== undefined && found.model_price.output_mtok !== undefined;
  return priced || name.endsWith(':free') ? found.total_price * 1e6 : null;
}

/** What a request takes at most. */
export interface Estimate {
  /** Of the whole request, as if all of its input were written to a prompt cache. */
  usage: Usage;
  tokens: number;
  /** Null where the price is not known. */
  microUsd: number | null;
}

/**
 * Returns what `request` on `route` takes at most: all of its `maxTokens`, and a count of its text. The count
 * is a quarter and more above what current tokenizers make of it. Money is counted at the prices of `at`. All
 * input counts as written to a prompt cache, which is dearest.
 */
export function estimateOf(
  catalogue: Catalogue,
  route: string,
  { system, messages, maxTokens }: Pick<ModelRequest, 'system' | 'messages' | 'maxTokens'>,
  at = new Date(),
): Estimate {
  // A few tokens around each message, and the schema that goes along.
  const overhead = 500 + 20 * messages.length;
  const texts = [system, ...messages.map(({ text }) => text)];
  const input = texts.reduce((sum, text) => sum + mostTokens(text), overhead);
  const usage: Usage = { ...noUsage, input, written: input, output: maxTokens };
  return { usage, tokens: input + maxTokens, microUsd: priceOf(catalogue, route, usage, at) };
}

/** A request has taken what its server says. */
export interface Taken {
  usage: Usage | null;
  /** Millionths of a dollar. */
  chargedMicroUsd: number | null;
}

/** What a server says beyond this many times the most that was asked for is not true of that request. */
const mostOverEstimate = 2;

/**
 * Returns what a server says a request took. Null, with why in words, where it cannot be true of one estimated
 * at `estimate`.
 */
export function credible(estimate: Estimate, said: Taken): Taken & { doubts: string[] } {
  const { usage, chargedMicroUsd } = said;
  const { input, output } = estimate.usage;
  // Not a number is within nothing.
  const within = (count: number, most: number): boolean => count >= 0 && count <= mostOverEstimate * most;
  const counts =
    usage === null ||
    (usage.input > 0 &&
      [usage.input, usage.cached, usage.written].every((count) => within(count, input)) &&
      [usage.output, usage.reasoning].every((count) => within(count, output)));
  const mostMicroUsd = estimate.microUsd ?? Number.MAX_SAFE_INTEGER / mostOverEstimate;
  const charge = chargedMicroUsd === null || within(chargedMicroUsd, mostMicroUsd);
  return {
    usage: counts ? usage : null,
    chargedMicroUsd: charge ? chargedMicroUsd : null,
    doubts: [
      ...(counts
        ? []
        : [`${usage.input} tokens in and ${usage.output} out, of ${input} and ${output} at most`]),
      ...(charge ? [] : [`a charge of ${dollars(chargedMicroUsd)}, of ${dollars(mostMicroUsd)} at most`]),
    ],
  };
}

/** What no tokenizer puts into one token: of words three letters, each digit, each sign. A long unbroken run is no words. */
const pieces = /[\w+/=]{25,}|\s?[A-Z]?[a-z]{1,3}|\s{1,2}|./gsu;
const ascii = /^\p{ASCII}/u;

/** Returns how many tokens `text` is at most. Random letters are counted one by one, other scripts by the byte, as tokenizers do at worst. */
function mostTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(pieces))
    tokens += !ascii.test(piece) ? Buffer.byteLength(piece) : piece.length > 24 ? piece.length : 1;
  return tokens;
}
