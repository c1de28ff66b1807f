import type { Kysely } from 'kysely';
import { Trial } from '../../domain/trial.schema.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import { toJson } from './json.ts';
import type { ReadRow } from './rows.ts';

/** A trial of a job; `index` counts from 0, the baseline. */
export interface TrialRecord {
  jobId: string;
  index: number;
  trial: Trial;
  createdAt: number;
}

export interface Trials {
  /** Records a trial; the same index, candidate and purpose again changes nothing. */
  recordTrial(record: { jobId: string; index: number; trial: Trial }): Promise<void>;
  /**
   * The job's trials by index, and of one index in the order they were recorded. Those that cannot be read are
   * left out.
   */
  trials(jobId: string): Promise<TrialRecord[]>;
}

export function createTrials(db: Kysely<LedgerSchema>, readRow: ReadRow): Trials {
  return {
    async recordTrial({ jobId, index, trial }) {
      await db
        .insertInto('trials')
        .values({
          jobId,
          position: index,
          candidateId: trial.candidate.id,
          purpose: trial.purpose,
          trialJson: toJson(trial, `trial ${index} of job ${jobId}`),
          createdAt: Date.now(),
        })
        .onConflict((conflict) =>
          conflict.columns(['jobId', 'position', 'candidateId', 'purpose']).doNothing(),
        )
        .execute();
    },

    async trials(jobId) {
      const rows = await db
        .selectFrom('trials')
        .selectAll()
        .where('jobId', '=', jobId)
        .orderBy('position')
        .orderBy('createdAt')
        .orderBy('purpose')
        .execute();
      return rows.flatMap(({ position: index, candidateId, purpose, trialJson, createdAt }) => {
        const trial = readRow(`${purpose} ${candidateId} of job ${jobId}`, () =>
          Trial.parse(JSON.parse(trialJson)),
        );
        return trial === undefined ? [] : [{ jobId, index, trial, createdAt }];
      });
    },
  };
}
