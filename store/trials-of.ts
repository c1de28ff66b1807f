import type { TrialRecord } from './ledger/trials.ts';
import type { Ledger } from './ledger.ts';

/**
 * A job's trials in the order they were recorded, and behind them what later verifications found of its candidates: of several looks
 * at a candidate the last is what is known of it.
 */
export async function trialsOf(ledger: Ledger, jobId: string): Promise<TrialRecord[]> {
  const own = (await ledger.trials(jobId)).toSorted((a, b) => a.createdAt - b.createdAt);
  const later: TrialRecord[] = [];
  for (const record of await ledger.children(jobId, 'verification'))
    for (const found of await ledger.trials(record.id)) {
      const { trial } = found;
      const first = own.find((each) => each.trial.candidate.id === trial.candidate.id)?.trial;
      if (trial.purpose !== 'verification' || first === undefined) continue;
      // It was verified as it had been built; what was written is what the job knows.
      const { candidate, artifacts } = first;
      const program = artifacts.program === undefined ? {} : { program: artifacts.program };
      later.push({
        ...found,
        jobId,
        trial: { ...trial, candidate, artifacts: { ...trial.artifacts, ...program } },
      });
    }
  return [...own, ...later.sort((a, b) => a.createdAt - b.createdAt)];
}
