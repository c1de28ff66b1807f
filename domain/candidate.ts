import type { Candidate } from './candidate.schema.ts';

/** 3 for `c-3`: candidates are numbered in the order they were decided on. */
export const candidateNumber = (candidate: Pick<Candidate, 'id'>): number => Number(candidate.id.slice(2));

/** Returns whether it is the user's own program that others are compared with: neither counted, nor debugged, nor tried anew. */
export const isBaseline = ({ operator }: Pick<Candidate, 'operator'>): boolean => operator === 'baseline';

/**
 * Returns whether somebody wrote it for the search, and nobody has run it yet. That is a model, or a person who
 * has a program tried.
 */
export const isWritten = ({ id, operator }: Pick<Candidate, 'id' | 'operator'>): boolean =>
  ['draft', 'debug', 'improve'].includes(operator) || (operator === 'human' && id !== 'c-0');
