import type { Artifact } from './artifact.schema.ts';
import type { NextDecision, NumberedDecision } from './decision.schema.ts';
import type { Journal } from './journal.ts';

/** What a search knows when it begins: nothing, or what it had done before its job was taken up again. */
export interface Known {
  /** The user's own program, and what was tried; empty where `more` has it. */
  journal: Journal;
  /** The journal as JSON where it is more than one answer may hold; it is read in pages. */
  more: Artifact | null;
  /** What was decided and has not come to an end, in order. */
  open: readonly NumberedDecision[];
  /** Decisions that led to no program. */
  inVain: readonly NextDecision[];
  /** The highest number that a candidate was given; 0 for none. */
  decided: number;
}

export const nothingKnown: Known = { journal: [], more: null, open: [], inVain: [], decided: 0 };
