import type { OutcomeKind } from '../domain/outcome.schema.ts';
import { type CandidateFacts, lastTry, type Standing, standingOf } from './facts.ts';

/** What the parts of a report call things. */

const outcomeWords: Record<OutcomeKind, string> = {
  passed: 'passed',
  scored: 'right',
  wrong: 'wrong answer',
  invalidOutput: 'invalid output',
  rejected: 'rejected',
  crashed: 'crashed',
  timedOut: 'timed out',
  outOfMemory: 'out of memory',
  resourceLimit: 'over a limit',
  buildFailed: 'did not build',
};

const standingWords: Partial<Record<Standing, string>> = {
  verified: 'verified',
  faster: 'faster',
  slower: 'no sure gain',
};

/** How a candidate stands, in two or three words. */
export function verdictWords(candidate: CandidateFacts): string {
  return standingWords[standingOf(candidate)] ?? outcomeWords[lastTry(candidate).outcome.kind];
}

/** How one try ended, in two or three words. */
export const triedWords = (kind: OutcomeKind): string => outcomeWords[kind];
