import type { Operator } from './candidate.schema.ts';
import type { OutcomeKind } from './outcome.schema.ts';
import type { Trial } from './trial.schema.ts';

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

/** The row of a finished trial. */
export function rowOf({ candidate, outcome }: Trial): JournalRow {
  const { id, parents, operator, title } = candidate;
  const metric = outcome.kind === 'scored' ? outcome.metric : null;
  return {
    id,
    parents,
    operator,
    title,
    outcome: outcome.kind,
    value: metric?.value ?? null,
    low: metric?.low ?? null,
    verified: false,
  };
}

/** The row of a trial that was tried again: what the second look found is what counts. */
export function confirmedRow(trial: Trial, again: Trial): JournalRow {
  const row = rowOf({ ...again, candidate: trial.candidate });
  return { ...row, verified: isRight(row) && (row.low ?? 0) > 1 };
}

/**
 * The journal that recorded trials amount to: a candidate that was tried again stands with what the second look found. One that
 * should have been tried again, and was not when its job ended, is left out: it is still to be finished.
 */
export function journalOf(trials: readonly Trial[]): JournalRow[] {
  const rows = trials
    .filter(({ purpose }) => purpose !== 'verification')
    .map((trial) => {
      const again = trials.findLast(
        (other) => other.purpose === 'verification' && other.candidate.id === trial.candidate.id,
      );
      return again === undefined ? rowOf(trial) : confirmedRow(trial, again);
    });
  return rows.filter((row) => row.operator === 'human' || row.verified || !wouldBeBest(row, rows));
}

/** Whether a trial's measured gain is real and above that of the best so far, so that it must be verified. */
export const wouldBeBest = ({ value, low }: Pick<JournalRow, 'value' | 'low'>, journal: Journal): boolean =>
  (low ?? 0) > 1 && (value ?? 0) > (best(journal)?.value ?? 1);
