import type { Operator } from './candidate.schema.ts';
import { isBaseline } from './candidate.ts';
import { markOf } from './mark.ts';
import { best, clears, type Found, foundIn, type Objective, surpasses, triesTwice } from './objective.ts';
import type { Trial } from './trial.schema.ts';
import { isCertain, lastLooks } from './trial.ts';

/** One trial as the workflow remembers it: names and numbers only, at most 300 bytes. */
export interface JournalRow extends Found {
  id: string;
  parents: string[];
  operator: Operator;
  title: string;
  /** Clears the job's objective, and did so again in new sandboxes, with new secret inputs. */
  verified: boolean;
  /** Whether its diagnosis says what can be done without a model. */
  mendable?: true;
  /** Tells failures apart: the same for two that failed of the same; missing where it did not fail. */
  failure?: string;
}

/** Ordered trials, the baseline first. Best, leaves and debug depth are derived, never stored. */
export type Journal = readonly JournalRow[];

/** Returns whether `row` ended with a program that is right. */
export const isRight = ({ outcome }: Pick<JournalRow, 'outcome'>): boolean =>
  outcome === 'scored' || outcome === 'passed';

/** Returns the rows of candidates: all but the baseline. */
export const candidatesIn = (journal: Journal): JournalRow[] => journal.filter((row) => !isBaseline(row));

/** Failed rows that nothing was made of yet: those that can be debugged. */
export const failedLeaves = (journal: Journal): JournalRow[] =>
  candidatesIn(journal).filter(
    (row) => !isRight(row) && !journal.some((other) => other.parents.includes(row.id)),
  );

/** Returns how many debugging steps in a row led to `row`. */
export function debugDepth(journal: Journal, row: JournalRow): number {
  if (row.operator !== 'debug') return 0;
  const parent = journal.find((other) => other.id === row.parents[0]);
  return parent === undefined ? 1 : 1 + debugDepth(journal, parent);
}

/**
 * Returns the row of a finished trial. Of a candidate that was tried again, the row of the second look is what
 * counts.
 */
export function rowOf({ candidate, purpose, outcome }: Trial, objective: Objective): JournalRow {
  const { id, parents, operator, title } = candidate;
  const found = foundIn(outcome);
  return {
    ...{ id, parents, operator, title },
    ...found,
    verified: isCertain({ purpose }, objective) && clears(found, objective),
    ...(isMendable(outcome) ? { mendable: true } : {}),
    ...('reason' in outcome ? { failure: failureOf(outcome) } : {}),
  };
}

/** Numbers, addresses and times differ between two runs that fail of the same. */
function failureOf({ kind, reason, diagnosis }: Extract<Trial['outcome'], { reason: string }>): string {
  const evidence = diagnosis?.evidence ?? reason;
  return markOf(`${kind} ${diagnosis?.kind ?? ''} ${evidence.replace(/0x[0-9a-f]+|\d+/gi, '0')}`);
}

/** Returns whether a debugging step led to the very failure it was to mend. */
export function isStuck(journal: Journal, row: JournalRow): boolean {
  if (row.operator !== 'debug' || row.failure === undefined) return false;
  return journal.find((other) => other.id === row.parents[0])?.failure === row.failure;
}

const isMendable = (outcome: Trial['outcome']): boolean =>
  'diagnosis' in outcome && outcome.diagnosis?.fix?.kind === 'rewrite';

/** Returns how many fixes without a model in a row led to `row`. */
export function fixDepth(journal: Journal, row: JournalRow): number {
  if (row.operator !== 'fix') return 0;
  const parent = journal.find((other) => other.id === row.parents[0]);
  return parent === undefined ? 1 : 1 + fixDepth(journal, parent);
}

/**
 * Returns the journal that recorded trials amount to: a candidate that was tried again stands with what the
 * second look found. Returns the journal that recorded trials amount to. A candidate that was tried again
 * stands with what the second look found.
 */
export function journalOf(trials: readonly Trial[], objective: Objective): JournalRow[] {
  const rows = lastLooks(trials).map((trial) => rowOf(trial, objective));
  return rows.filter((row) => isBaseline(row) || row.verified || !wouldBeBest(row, rows, objective));
}

/** Returns whether what was found of a trial would be the best there is, so that it must be verified. */
export function wouldBeBest(found: Found, journal: Journal, objective: Objective): boolean {
  // Whether more folds are worth their time is decided as any other candidate is.
  if (objective.kind === 'score' && objective.byFolds) return false;
  if (!triesTwice(objective) || !clears(found, objective)) return false;
  const top = best(journal, objective);
  return top === undefined || surpasses(found, top, objective);
}
