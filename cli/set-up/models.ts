import { z } from 'zod';
import { dollars } from '../../domain/money.ts';
import { parseRoute } from '../../domain/route.ts';
import { stepKey } from '../../domain/step.ts';
import type { CatalogueModel } from '../../llm/catalogue/catalogue.schema.ts';
import { modelIn, providerNamed, routesNamed } from '../../llm/catalogue/catalogue.ts';
import { costOf, type ListedPrice, listedPrice } from '../../llm/catalogue/prices.ts';
import { isChosenFrom, keysToSet, lackOf, type ModelConfig } from '../../llm/catalogue/routes.ts';
import type { ModelRequest } from '../../llm/model.ts';
import { createModel } from '../../llm/providers/create-model.ts';
import { closeE2bSandboxes } from '../../llm/providers/e2b.ts';
import { asModelFailure } from '../../llm/providers/failure.ts';
import type { RouteStats } from '../../store/ledger/route-stats.ts';
import {
  type Cell,
  type Column,
  type CommandContext,
  durationText,
  oneLine,
  paint,
  percentText,
  table,
  UserMistake,
  wrap,
} from '../terminal.ts';

/** One model, what is known of it, and how it did. */
export interface ModelRow
  extends Pick<CatalogueModel, 'route' | 'context' | 'maxOutput' | 'strengths' | 'tier' | 'structured'> {
  price: ListedPrice | null;
  /** What is to be set before it can be asked; null: it is configured. */
  needs: string | null;
  /** Null: never asked. */
  stats: RouteStats | null;
}

/** `crucible models`: the configured models, or `all` of the catalogue, with prices and what was measured of them. */
export async function models(
  context: CommandContext,
  config: ModelConfig,
  { all }: { all: boolean },
): Promise<void> {
  const { store, out } = context;
  const rows = modelRows(config, await store.ledger.routeStats());
  const shown = rows.filter(({ needs }) => all || needs === null);
  if (context.json) return out(JSON.stringify(shown));
  if (shown.length > 0) for (const line of tableOf(context, shown)) out(line);
  if (shown.length === 0) {
    out(
      `No model is configured: set ${keysToSet(config).join(', ')} or another key, or the URL of a server of your own.`,
    );
  }
  if (!all && shown.length < rows.length)
    out(`${rows.length - shown.length} more that lack a key: crucible models --all`);
}

/** The catalogue's models and all that were ever asked, the configured ones first. */
function modelRows(config: ModelConfig, measured: readonly RouteStats[]): ModelRow[] {
  const { catalogue } = config;
  const statsOf = new Map(measured.map((stats) => [stats.route, stats]));
  const others = measured
    .map(({ route }) => route)
    .filter((route) => !catalogue.models.some((model) => model.route === route));
  const now = new Date();
  return [...catalogue.models, ...others.map((route) => modelIn(catalogue, route))]
    .map(({ route, context, maxOutput, strengths, tier, structured }) => ({
      ...{ route, context, maxOutput, strengths, tier, structured },
      price: listedPrice(catalogue, route, now),
      needs: needsOf(route, config),
      stats: statsOf.get(route) ?? null,
    }))
    .sort((one, other) => Number(one.needs !== null) - Number(other.needs !== null));
}

/**
 * Unlike a job that names a route, a list takes no server for granted. One may not run, or not have OpenAI's
 * models.
 */
function needsOf(route: string, config: ModelConfig): string | null {
  const lack = lackOf(route, config);
  const provider = providerNamed(config.catalogue, parseRoute(route).provider);
  if (lack !== null || provider === undefined) return lack;
  if (config.access[provider.name] === undefined) return provider.baseUrlVariable;
  const listed = config.catalogue.models.some((model) => model.route === route);
  return listed && !isChosenFrom(provider, config) ? `no ${provider.baseUrlVariable}` : null;
}

const sizeText = (tokens: number): string =>
  tokens >= 1_000_000 ? `${(tokens / 1e6).toFixed(1)}M` : `${Math.round(tokens / 1000)}k`;

const rounded = (value: number): string => String(Number(value.toPrecision(3)));

interface ModelColumn extends Column {
  cell: (row: ModelRow) => Cell;
}

const modelColumns: readonly ModelColumn[] = [
  { title: 'model', cell: ({ route }) => route },
  { title: 'context', align: 'right', cell: ({ context }) => sizeText(context) },
  {
    title: '$ in / out',
    align: 'right',
    cell: ({ price }) =>
      price === null
        ? { text: 'unknown', format: 'dim' }
        : `${rounded(price.inputPerMtok)} / ${rounded(price.outputPerMtok)}`,
  },
  { title: 'price from', cell: ({ price }) => price?.source ?? '' },
  { title: 'p50', align: 'right', cell: measured(({ p50Ms }) => p50Ms, durationText) },
  { title: 'p95', align: 'right', cell: measured(({ p95Ms }) => p95Ms, durationText) },
  { title: 'tokens/s', align: 'right', cell: measured(({ tokensPerSecond }) => tokensPerSecond, rounded) },
  { title: 'answered', align: 'right', cell: measured(({ successRate }) => successRate, percentText) },
  { title: 'good at', stretch: true, cell: ({ strengths }) => strengths.join(' ') },
  { title: 'set', cell: ({ needs }) => (needs === null ? '' : { text: needs, format: 'yellow' }) },
];

/** A cell of what was measured, empty where nothing was. */
function measured(
  of: (stats: RouteStats) => number | null,
  text: (value: number) => string,
): ModelColumn['cell'] {
  return ({ stats }) => {
    const value = stats === null ? null : of(stats);
    return value === null ? '' : text(value);
  };
}

/** The table; a column in which there is nothing is left out. */
function tableOf(context: CommandContext, rows: readonly ModelRow[]): string[] {
  const columns = modelColumns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  return table(
    context,
    columns,
    rows.map((row) => columns.map(({ cell }) => cell(row))),
  );
}

/** How one small request went. */
export type ModelTest = { route: string; ms: number } & (
  | { kind: 'ok'; tokens: number | null; microUsd: number | null; model: string }
  | { kind: 'failed'; error: string; message: string }
);

const patienceMs = 60_000;
/** Enough for a model that thinks before it says one word. */
const testTokens = 2_000;
const testSchema = { name: 'word', schema: z.object({ word: z.string() }) };

/**
 * `crucible models test`: asks each of `names`, or each configured model, for one word, all at once. Returns whether all answered. The
 * requests count in `crucible spend` and in what is known of a route. Throws `UserMistake` where a name stands for nothing that is configured.
 */
export async function testModels(
  context: CommandContext,
  config: ModelConfig,
  { names, signal }: { names: readonly string[]; signal: AbortSignal },
): Promise<boolean> {
  const { out, json } = context;
  const routes = names.length > 0 ? names.map((name) => routeNamed(name, config)) : configuredRoutes(config);
  if (routes.length === 0)
    throw new UserMistake(
      'no model is configured: crucible models --all shows which variable to set for each',
    );
  const tests = await Promise.all(routes.map((route) => testRoute(route, context, config, signal))).finally(
    closeE2bSandboxes,
  );
  if (json) out(JSON.stringify(tests));
  else showTests(context, tests);
  return tests.every(({ kind }) => kind === 'ok');
}

const configuredRoutes = (config: ModelConfig): string[] =>
  config.catalogue.models
    .map(({ route }) => route)
    .filter((route) => {
      const provider = providerNamed(config.catalogue, parseRoute(route).provider);
      return provider !== undefined && isChosenFrom(provider, config) && lackOf(route, config) === null;
    });

function routeNamed(name: string, config: ModelConfig): string {
  const routes = routesNamed(config.catalogue, name);
  const [first] = routes.filter((route) => lackOf(route, config) === null);
  if (first !== undefined) return first;
  if (routes.length === 0)
    throw new UserMistake(
      `${name}: expected provider/model or a name in the catalogue: crucible models --all`,
    );
  throw new UserMistake(`${name} needs ${routes.map((route) => lackOf(route, config)).join(', or ')}`);
}

async function testRoute(
  route: string,
  { store: { ledger, blobs } }: CommandContext,
  config: ModelConfig,
  signal: AbortSignal,
): Promise<ModelTest> {
  const { catalogue } = config;
  const known = modelIn(catalogue, route);
  const request: ModelRequest<{ word: string }> = {
    model: parseRoute(route).model,
    system: 'You answer with the word you are asked for, and nothing else.',
    messages: [{ role: 'user', text: 'The word is: ready' }],
    maxTokens: Math.min(testTokens, known.maxOutput),
    temperature: known.takesTemperature ? 0 : undefined,
    schema: testSchema,
  };
  const key = stepKey({ jobId: 'models-test', step: `${route}/${Date.now()}` });
  const begun = await ledger.startCall({ key, jobId: 'models-test', route });
  // A breaker that is open is no reason not to look: it may be what this is about.
  const number = begun.kind === 'started' ? begun.request : null;
  const startedAt = performance.now();
  let firstTokenMs: number | null = null;
  const onDelta = (): void => {
    firstTokenMs ??= performance.now() - startedAt;
  };
  const late = AbortSignal.timeout(patienceMs);
  try {
    const options = { signal: AbortSignal.any([signal, late]), onDelta };
    const reply = await createModel(route, config).generate(request, options);
    const ms = performance.now() - startedAt;
    const microUsd = costOf(catalogue, route, reply);
    if (number !== null) {
      const kept = await blobs.put(
        JSON.stringify({ request: { ...request, schema: testSchema.name }, reply }),
      );
      await ledger.finishCall(key, number, { usage: reply.usage, microUsd, firstTokenMs, reply: kept });
    }
    await ledger.noteRoute(route, 'answered');
    const tokens = reply.usage === null ? null : reply.usage.input + reply.usage.output;
    return { route, ms, kind: 'ok', tokens, microUsd, model: reply.model };
  } catch (error) {
    signal.throwIfAborted();
    const ms = performance.now() - startedAt;
    const failure = asModelFailure(error);
    if (failure === undefined && !late.aborted) throw error;
    const { name, message } = failure ?? lateFailure;
    const costs = failure && { usage: failure.usage, microUsd: costOf(catalogue, route, failure) };
    if (number !== null)
      await ledger.failCall(key, number, { error: name, problem: message, firstTokenMs, ...costs });
    return { route, ms, kind: 'failed', error: name, message };
  }
}

const lateFailure = { name: 'ModelUnavailable', message: `no answer within ${durationText(patienceMs)}` };

function showTests(context: CommandContext, tests: readonly ModelTest[]): void {
  const { out, columns } = context;
  const [heading = '', ...lines] = table(context, testHeadings, tests.map(testCells));
  out(heading);
  for (const [index, test] of tests.entries()) {
    out(lines[index] ?? '');
    if (test.kind === 'ok') continue;
    for (const line of wrap(oneLine(test.message), columns - 2)) out(paint(context, 'red', `  ${line}`));
  }
}

const testHeadings: Column[] = [
  { title: 'model', stretch: true },
  { title: '' },
  { title: 'took', align: 'right' },
  { title: 'tokens', align: 'right' },
  { title: 'cost', align: 'right' },
];

const testCells = (test: ModelTest): Cell[] => [
  test.route,
  test.kind === 'ok' ? { text: 'ok', format: 'green' } : { text: 'failed', format: 'red' },
  durationText(test.ms),
  ...(test.kind === 'ok' ? [test.tokens?.toString() ?? 'unknown', costText(test.microUsd)] : ['', '']),
];

const costText = (microUsd: number | null): string => (microUsd === null ? 'unknown' : dollars(microUsd));
