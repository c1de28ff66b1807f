import type { Operator } from './candidate.schema.ts';
import type { OutcomeKind } from './outcome.schema.ts';

/** One trial as the workflow remembers it: names and numbers only, at most 200 bytes. */
export interface JournalRow {
  id: string;
  parents: string[];
  operator: Operator;
  title: string;
  outcome: OutcomeKind;
  /** The metric and its lower bound; null where nothing was scored. */
  value: number | null;
  low: number | null;
  /** Judged and measured again in new sandboxes, with new secret inputs. */
  verified: boolean;
}

/** Ordered trials, the baseline first. Best, leaves and debug depth are derived, never stored. */
export type Journal = readonly JournalRow[];

/** The verified row with the highest metric; undefined while only the baseline stands. */
export const best = (journal: Journal): JournalRow | undefined =>
  journal
    .filter((row) => row.verified && row.value !== null)
    .reduce<JournalRow | undefined>(
      (top, row) => (top === undefined || (row.value ?? 0) > (top.value ?? 0) ? row : top),
      undefined,
    );

/** Whether `row` ended with a program that is right. */
export const isRight = (row: JournalRow): boolean => row.outcome === 'scored' || row.outcome === 'passed';

/** Failed rows that nothing was made of yet: those that can be debugged. */
export const failedLeaves = (journal: Journal): JournalRow[] =>
  journal.filter(
    (row) =>
      row.operator !== 'human' && !isRight(row) && !journal.some((other) => other.parents.includes(row.id)),
  );

/** How many debugging steps in a row led to `row`. */
export function debugDepth(journal: Journal, row: JournalRow): number {
  if (row.operator !== 'debug') return 0;
  const parent = journal.find((other) => other.id === row.parents[0]);
  return parent === undefined ? 1 : 1 + debugDepth(journal, parent);
}
