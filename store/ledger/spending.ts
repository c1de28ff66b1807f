import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import type { Usage } from '../../domain/usage.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import type { UsageColumns } from './usage.ts';

/** What a group of model calls came to. */
export interface SpendRow {
  /**
   * A job's ID, a route, or a day (`2026-11-22`, UTC). Or the ID of an experiment or other job without a
   * parent.
   */
  name: string;
  /** Logical calls, each with as many requests as it took. */
  calls: number;
  /** Sent; replies from the cache are not. */
  requests: number;
  failed: number;
  ambiguous: number;
  cached: number;
  usage: Usage;
  /** Of the requests whose price is known. */
  microUsd: number;
  /** Requests that were answered, or charged for, at a price that is not known. */
  unknownPrice: number;
  /** Counted against budgets for the ambiguous requests, at their estimates; not in `microUsd`. */
  ambiguousMicroUsd: number;
}

export interface SpendFilter {
  by: 'job' | 'model' | 'day' | 'experiment';
  /** Milliseconds since 1970: requests started then or later. */
  since?: number;
  /** This job and all below it. */
  jobId?: string;
}

export interface Spending {
  /** What was asked and paid, grouped: days in order, all else the most expensive first. */
  spend(filter: SpendFilter): Promise<SpendRow[]>;
}

const dayMs = 24 * 60 * 60 * 1000;

export function createSpending(db: Kysely<LedgerSchema>): Spending {
  return {
    async spend({ by, since = 0, jobId }) {
      // What each group is named. A call outside any job, as of a test of routes, is its own experiment.
      const name = {
        job: sql<string | number>`model_calls.job_id`,
        model: sql<string | number>`model_calls.route`,
        // A literal, since a bound number makes this no division of integers.
        day: sql<string | number>`model_calls.started_at / ${sql.lit(dayMs)}`,
        experiment: sql<string | number>`coalesce(tree.root, model_calls.job_id)`,
      }[by];
      const rows = await db
        .withRecursive('tree(id, root)', (tree) => {
          const tops = tree.selectFrom('jobs').select(['jobs.id as id', 'jobs.id as root']);
          return (
            jobId === undefined ? tops.where('jobs.parent', 'is', null) : tops.where('jobs.id', '=', jobId)
          ).unionAll(
            tree
              .selectFrom('jobs')
              .innerJoin('tree', 'tree.id', 'jobs.parent')
              .select(['jobs.id as id', 'tree.root as root']),
          );
        })
        .selectFrom('modelCalls')
        .leftJoin('tree', 'tree.id', 'modelCalls.jobId')
        .where('modelCalls.startedAt', '>=', since)
        .$if(jobId !== undefined, (query) =>
          query.where((where) =>
            where.or([where('tree.id', 'is not', null), where('modelCalls.jobId', '=', jobId ?? '')]),
          ),
        )
        .select(name.as('name'))
        .select(totals)
        .groupBy(name)
        .execute();
      const order = by === 'day' ? byName : byCost;
      return rows
        .map(({ name, ...row }) => toRow(by === 'day' ? dayOf(Number(name)) : String(name), row))
        .sort(order);
    },
  };
}

/** Returns the sums over one group of requests. */
function totals(select: ExpressionBuilder<LedgerSchema, 'modelCalls'>) {
  const { fn, and, or } = select;
  const sum = (amount: Expression<number | null>) => fn.coalesce(fn.sum<number>(amount), sql.lit(0));
  const sumWhere = (which: Expression<SqlBool>, amount: Expression<number | null>) =>
    sum(select.case().when(which).then(amount).else(sql.lit(0)).end());
  const count = (which: Expression<SqlBool>) => sumWhere(which, sql.lit(1));
  const ref = select.ref;
  const sent = select('modelCalls.cached', '=', 0);
  const ambiguous = and([sent, select('modelCalls.status', '=', 'ambiguous')]);
  const charged = or([
    select('modelCalls.status', '=', 'done'),
    select('modelCalls.inputTokens', 'is not', null),
    and([select('modelCalls.status', '=', 'failed'), select('modelCalls.firstTokenMs', 'is not', null)]),
  ]);
  return [
    fn.count<number>('modelCalls.key').distinct().as('calls'),
    count(sent).as('requests'),
    count(select('modelCalls.status', '=', 'failed')).as('failed'),
    count(ambiguous).as('ambiguous'),
    count(select('modelCalls.cached', '=', 1)).as('cached'),
    sum(ref('modelCalls.inputTokens')).as('inputTokens'),
    sum(ref('modelCalls.cachedTokens')).as('cachedTokens'),
    sum(ref('modelCalls.writtenTokens')).as('writtenTokens'),
    sum(ref('modelCalls.outputTokens')).as('outputTokens'),
    sum(ref('modelCalls.reasoningTokens')).as('reasoningTokens'),
    sum(ref('modelCalls.microUsd')).as('microUsd'),
    count(and([sent, charged, select('modelCalls.microUsd', 'is', null)])).as('unknownPrice'),
    sumWhere(ambiguous, ref('modelCalls.estimateMicroUsd')).as('ambiguousMicroUsd'),
  ] as const;
}

type Totals = Omit<SpendRow, 'name' | 'usage'> & UsageColumns<number>;

/** Databases differ in what type a sum has; here it is a number. */
function toRow(name: string, totals: Totals): SpendRow {
  const { inputTokens, cachedTokens, writtenTokens, outputTokens, reasoningTokens, ...counts } = totals;
  return {
    name,
    calls: Number(counts.calls),
    requests: Number(counts.requests),
    failed: Number(counts.failed),
    ambiguous: Number(counts.ambiguous),
    cached: Number(counts.cached),
    usage: {
      input: Number(inputTokens),
      cached: Number(cachedTokens),
      written: Number(writtenTokens),
      output: Number(outputTokens),
      reasoning: Number(reasoningTokens),
    },
    microUsd: Number(counts.microUsd),
    unknownPrice: Number(counts.unknownPrice),
    ambiguousMicroUsd: Number(counts.ambiguousMicroUsd),
  };
}

/** `day` counts from 1970. */
const dayOf = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);
const byName = (a: SpendRow, b: SpendRow): number => (a.name < b.name ? -1 : 1);
const byCost = (a: SpendRow, b: SpendRow): number => b.microUsd - a.microUsd || byName(a, b);
