import { outcomeWords, verdictWords as wordsOf } from '../domain/leaderboard.ts';
import type { Objective } from '../domain/objective.ts';
import type { OutcomeKind } from '../domain/outcome.schema.ts';
import { type CandidateFacts, lastTry } from './facts.ts';

/** What the parts of a report call things. */

/** Returns how a candidate stands, in two or three words. */
export const verdictWords = (candidate: CandidateFacts, objective: Objective): string =>
  wordsOf(lastTry(candidate), objective);

/** Returns how one try ended, in two or three words. */
export const triedWords = (kind: OutcomeKind): string => outcomeWords[kind];
