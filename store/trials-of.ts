import { isBaseline } from '../domain/candidate.ts';
import type { TrialRecord } from './ledger/trials.ts';
import type { Ledger } from './ledger.ts';

/** Reads a job's trials with what later verifications found of its candidates, as `withLater` puts them together. */
export async function trialsOf(ledger: Ledger, jobId: string): Promise<TrialRecord[]> {
  const verifications = await ledger.children(jobId, { role: 'verification' });
  const later = await Promise.all(verifications.map(({ id }) => ledger.trials(id)));
  return withLater(await ledger.trials(jobId), later.flat());
}

/**
 * Returns a job's own trials in the order they were recorded, and after them what later verifications found. The last look at a candidate is
 * what is known of it.
 */
export function withLater(trials: readonly TrialRecord[], verified: readonly TrialRecord[]): TrialRecord[] {
  const own = trials.toSorted((a, b) => a.createdAt - b.createdAt);
  const later = verified.flatMap((found): TrialRecord[] => {
    const { trial } = found;
    const first = own.find((each) => each.trial.candidate.id === trial.candidate.id)?.trial;
    if (trial.purpose !== 'verification' || first === undefined) return [];
    // It was verified as it had been built; what was written is what the job knows.
    const { candidate, artifacts } = first;
    const program = artifacts.program === undefined ? {} : { program: artifacts.program };
    return [{ ...found, trial: { ...trial, candidate, artifacts: { ...trial.artifacts, ...program } } }];
  });
  return [...own, ...later.sort((a, b) => a.createdAt - b.createdAt)];
}

/** Returns how many candidates were tried by `at`, milliseconds since 1970: those that count in a budget. */
export const triedBy = (recorded: readonly TrialRecord[], at: number): number =>
  new Set(
    recorded.flatMap(({ createdAt, trial: { candidate } }) =>
      createdAt > at || isBaseline(candidate) ? [] : [candidate.id],
    ),
  ).size;
