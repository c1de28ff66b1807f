import type { Candidate } from './candidate.schema.ts';

/** 3 for `c-3`: candidates are numbered in the order they were decided on. */
export const candidateNumber = (candidate: Pick<Candidate, 'id'>): number => Number(candidate.id.slice(2));
