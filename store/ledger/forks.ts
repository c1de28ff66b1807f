import type { Kysely, Transaction } from 'kysely';
import type { NumberedDecision } from '../../domain/decision.schema.ts';
import { placeOfKey, stepKey } from '../../domain/step.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import { countEvent } from './events.ts';
import { toJson } from './json.ts';
import { inTransaction } from './transaction.ts';
/** What a fork has of the job it was made from. */
import type { TrialRecord } from './trials.ts';

export interface TakenOver {
  /** The job whose record it is. */
  origin: string;
  trials: readonly TrialRecord[];
  /** Numbers of the decisions that are taken over. */
  decisions: ReadonlySet<number>;
  /** Tells which of the finished steps are, by their path and what they do. */
  steps(step: string, kind: string): boolean;
  /** What is decided for the fork already; null: nothing. */
  next: NumberedDecision | null;
  /** What the fork's log says of it, first of all. */
  said: string;
  at: number;
}

export interface Forks {
  /** Gives an open job what another had finished, in one transaction; a second time changes nothing. Throws where it was not opened. */
  takeOver(jobId: string, taken: TakenOver): Promise<void>;
}

export function createForks(db: Kysely<LedgerSchema>): Forks {
  return {
    async takeOver(jobId, taken) {
      await inTransaction(db, async (transaction) => {
        const { said: text, at, next, trials } = taken;
        // It locks the job until the commit; that the log says so already means that all of it is there.
        const counted = await countEvent(transaction, jobId, `fork of ${taken.origin}`);
        const first = await transaction
          .insertInto('events')
          .values({ jobId, ...counted, key: stepKey({ jobId, step: 'fork' }), text, at })
          .onConflict((conflict) => conflict.columns(['jobId', 'key']).doNothing())
          .returning('key')
          .executeTakeFirst();
        if (first === undefined) return;
        for (const each of trials) await insertTrial(transaction, jobId, each);
        await takeDecisions(transaction, jobId, taken);
        await takeSteps(transaction, jobId, taken);
        if (next === null) return;
        const decisionJson = toJson(next.decision, `decision ${next.number} of job ${jobId}`);
        await transaction
          .insertInto('decisions')
          .values({ jobId, number: next.number, decisionJson, decidedAt: at, inVainAt: null })
          .execute();
      });
    },
  };
}

type Writing = Transaction<LedgerSchema>;

async function insertTrial(
  transaction: Writing,
  jobId: string,
  { index, trial, createdAt }: Pick<TrialRecord, 'index' | 'createdAt'> & { trial: Trial },
): Promise<void> {
  await transaction
    .insertInto('trials')
    .values({
      ...{ jobId, position: index, candidateId: trial.candidate.id, purpose: trial.purpose, createdAt },
      trialJson: toJson(trial, `trial ${index} of job ${jobId}`),
    })
    .execute();
}

async function takeDecisions(
  transaction: Writing,
  jobId: string,
  { origin, decisions }: TakenOver,
): Promise<void> {
  const rows = await transaction
    .selectFrom('decisions')
    .selectAll()
    .where('jobId', '=', origin)
    .orderBy('number')
    .execute();
  for (const row of rows)
    if (decisions.has(row.number))
      await transaction
        .insertInto('decisions')
        .values({ ...row, jobId })
        .execute();
}

async function takeSteps(transaction: Writing, jobId: string, { origin, steps }: TakenOver): Promise<void> {
  const rows = await transaction
    .selectFrom('steps')
    .select(['key', 'kind'])
    .where('jobId', '=', origin)
    .where('status', '=', 'done')
    .execute();
  for (const { key, kind } of rows) {
    const step = placeOfKey(key)?.step ?? '';
    if (!steps(step, kind)) continue;
    const row = await transaction
      .selectFrom('steps')
      .selectAll()
      .where('key', '=', key)
      .executeTakeFirstOrThrow();
    await transaction
      .insertInto('steps')
      .values({ ...row, jobId, key: stepKey({ jobId, step }) })
      .execute();
  }
}
