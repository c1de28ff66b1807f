import { dollars } from '../../domain/money.ts';
import type { SpendFilter, SpendRow } from '../../store/ledger/spending.ts';
import { type Cell, type Column, type CommandContext, table, UserMistake } from '../terminal.ts';
import { findJob } from './find-job.ts';

const groupings = ['job', 'model', 'day', 'experiment'] as const satisfies readonly SpendFilter['by'][];

/** `crucible spend`: what models were asked and paid, grouped. Throws `UserMistake` for a grouping or a date that is none. */
export async function spend(
  context: CommandContext,
  { job, by, since }: { job?: string; by: string; since?: string },
): Promise<void> {
  const { store, out, json } = context;
  const grouping = groupings.find((each) => each === by);
  if (grouping === undefined)
    throw new UserMistake(`--by: expected ${groupings.join(', ')}, got ${JSON.stringify(by)}`);
  const from = since === undefined ? undefined : Date.parse(since);
  if (Number.isNaN(from))
    throw new UserMistake(`--since: expected a date such as 2026-11-22, got ${JSON.stringify(since)}`);
  const rows = await store.ledger.spend({
    by: grouping,
    ...(from === undefined ? {} : { since: from }),
    ...(job === undefined ? {} : { jobId: (await findJob(store, job)).id }),
  });
  if (json) return out(JSON.stringify(rows));
  if (rows.length === 0) return out('No model was asked yet, so nothing was spent.');
  const [heading = '', ...lines] = table(context, columns(grouping), [...rows, totalOf(rows)].map(cells));
  out(heading);
  for (const line of lines) out(line);
  const ambiguous = rows.reduce((sum, row) => sum + row.ambiguous, 0);
  if (ambiguous > 0)
    out(
      `${ambiguous} requests are ambiguous: a worker died after they were sent, so they may have been paid. Budgets count ${dollars(
        rows.reduce((sum, row) => sum + row.ambiguousMicroUsd, 0),
      )} for them, their estimate; it is not in the table.`,
    );
  if (rows.some((row) => row.unknownPrice > 0))
    out(
      'unknown: requests whose price is not known; add it to models.yaml. They are not counted as nothing.',
    );
}

const columns = (by: string): Column[] => [
  { title: by, stretch: true },
  ...['calls', 'requests', 'failed', 'ambiguous', 'cached', 'input', 'of it cached', 'output', 'cost'].map(
    (title): Column => ({ title, align: 'right' }),
  ),
  { title: 'unknown', align: 'right' },
];

const cells = (row: SpendRow): Cell[] => [
  row.name,
  ...[row.calls, row.requests, row.failed, row.ambiguous, row.cached].map(count),
  ...[row.usage.input, row.usage.cached, row.usage.output].map(count),
  row.microUsd === 0 && row.unknownPrice > 0 ? 'unknown' : dollars(row.microUsd),
  row.unknownPrice === 0 ? '' : count(row.unknownPrice),
];

const count = (value: number): string => value.toLocaleString('en');

function totalOf(rows: readonly SpendRow[]): SpendRow {
  const sum = (of: (row: SpendRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    name: 'all',
    calls: sum((row) => row.calls),
    requests: sum((row) => row.requests),
    failed: sum((row) => row.failed),
    ambiguous: sum((row) => row.ambiguous),
    cached: sum((row) => row.cached),
    usage: {
      input: sum((row) => row.usage.input),
      cached: sum((row) => row.usage.cached),
      written: sum((row) => row.usage.written),
      output: sum((row) => row.usage.output),
      reasoning: sum((row) => row.usage.reasoning),
    },
    microUsd: sum((row) => row.microUsd),
    unknownPrice: sum((row) => row.unknownPrice),
    ambiguousMicroUsd: sum((row) => row.ambiguousMicroUsd),
  };
}
