import { defaults } from '../../domain/defaults.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import { askingOf, capOf } from '../../domain/job.ts';
import type { Asking } from '../../domain/kinds/kind.ts';
import { isPart, partsOf } from '../../domain/kinds/kinds.ts';
import { dollars } from '../../domain/money.ts';
import { parseRoute } from '../../domain/route.ts';
import type { Usage } from '../../domain/usage.ts';
import { batchingOf, modelIn } from '../../llm/catalogue/catalogue.ts';
import { priceOf } from '../../llm/catalogue/prices.ts';
import { type ModelConfig, routesFor, takesBatches } from '../../llm/catalogue/routes.ts';
import type { Ledger } from '../../store/ledger.ts';
import type { JobFile } from './job-file.ts';

const { usualTokens, usualCalls } = defaults.model;

/** What a program takes on a route, about, and at most. */
interface Takes {
  /** Millionths of a dollar; null where the price is not known. */
  microUsd: number | null;
  mostMicroUsd: number | null;
  tokens: number;
  mostTokens: number;
  /** By what that is known. */
  by: string;
}

/**
 * Says of each part of a job that asks models what a program costs on its first route, about. It says how many
 * its budget affords, too.
 */
export async function affordable({ job }: JobFile, models: ModelConfig, ledger: Ledger): Promise<string[]> {
  const said: string[] = [];
  const above = isPart(job) ? { microUsd: null, tokens: null } : capOf(job);
  for (const { part } of partsOf(job)) {
    const asking = askingOf(part);
    if (asking === null) continue;
    const [route] = routesFor('draft', asking.models, models, part.budget.usd);
    if (route === undefined) continue;
    const takes = await takesOf(route, asking, models, ledger);
    const own = capOf(part);
    const cap = { microUsd: least(own.microUsd, above.microUsd), tokens: least(own.tokens, above.tokens) };
    const name = isPart(job) ? '' : `stage ${part.name}: `;
    said.push(`${name}${route}, ${priceText(takes)}${limitsText(part, takes, cap)}`);
  }
  return said;
}

const least = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** By the calls on record where there are some, else by the price of what a program takes, about. */
async function takesOf(
  route: string,
  { models: { programTokens, batch } }: Asking,
  config: ModelConfig,
  ledger: Ledger,
): Promise<Takes> {
  const { catalogue } = config;
  const isBatched = batch === true && takesBatches(route, config);
  const share = isBatched ? batchingOf(catalogue, parseRoute(route).provider).priceShare : 1;
  const { input, output } = usualTokens;
  const usageOf = (read: number, written: number): Usage => ({
    ...{ input: read, cached: 0, written: 0, output: written, reasoning: 0 },
  });
  const most = usageOf(input, Math.min(programTokens, modelIn(catalogue, route).maxOutput));
  const now = new Date();
  const price = (usage: Usage): number | null => {
    const whole = priceOf(catalogue, route, usage, now);
    return whole === null ? null : Math.ceil(whole * share);
  };
  const asked = {
    mostMicroUsd: price(most),
    mostTokens: most.input + most.output,
  };
  const usual = await ledger.usualOf(route);
  // What was paid for single requests says nothing of batches, nor the reverse: a call's record does not say which it was.
  if (!isBatched && usual.calls >= usualCalls && usual.microUsd !== null && usual.tokens !== null)
    return {
      ...{ ...asked, microUsd: usual.microUsd, tokens: usual.tokens },
      by: `as its last ${usual.calls} calls here`,
    };
  return {
    ...{ ...asked, microUsd: price(usageOf(input, output)), tokens: input + output },
    by: `by its price${isBatched ? ' in a batch' : ''}, for ${input.toLocaleString('en')} tokens read and ${output.toLocaleString('en')} written`,
  };
}

function priceText({ microUsd, by }: Takes): string {
  if (microUsd === null) return 'of which no price is known';
  return microUsd === 0 ? 'which costs nothing' : `about ${dollars(microUsd)} a program (${by})`;
}

function limitsText(
  { budget: { trials, unknownPrices } }: StageJob,
  { microUsd, mostMicroUsd, tokens, mostTokens }: Takes,
  cap: { microUsd: number | null; tokens: number | null },
): string {
  if (cap.microUsd !== null && microUsd === null && unknownPrices === 'refuse')
    return ', so under a budget in dollars it is not asked: give the budget in tokens, or its price in models.yaml';
  const money = affords(cap.microUsd, microUsd, mostMicroUsd);
  const read = affords(cap.tokens, tokens, mostTokens);
  if (money === null && read === null)
    return microUsd === null || microUsd === 0
      ? ''
      : `; nothing limits the money, and ${trials} trials come to about ${dollars(trials * microUsd)}`;
  const budgets = [
    ...(cap.microUsd === null ? [] : [dollars(cap.microUsd)]),
    ...(cap.tokens === null ? [] : [`${cap.tokens.toLocaleString('en')} tokens`]),
  ].join(' and ');
  const count = Math.min(money ?? Number.POSITIVE_INFINITY, read ?? Number.POSITIVE_INFINITY);
  if (count === 0) {
    const most = [
      ...(cap.microUsd === null || mostMicroUsd === null ? [] : [dollars(mostMicroUsd)]),
      ...(cap.tokens === null ? [] : [`${mostTokens.toLocaleString('en')} tokens`]),
    ].join(' and ');
    return `; ${budgets} affords none: a request may take up to ${most}, and is sent only where that fits`;
  }
  const fewer = count < trials ? `, fewer than its ${trials} trials` : `, enough for its ${trials} trials`;
  return `; ${budgets} affords about ${count.toLocaleString('en')}${fewer}`;
}

/**
 * Returns how many requests a budget affords that take `each`. The last is sent where what it may take at most
 * still fits. Null: without limit.
 */
function affords(cap: number | null, each: number | null, most: number | null): number | null {
  if (cap === null || each === null || most === null || each === 0) return null;
  return cap < most ? 0 : Math.floor((cap - most) / each) + 1;
}
