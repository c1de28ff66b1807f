import type { Kysely } from 'kysely';
import { NextDecision, type NumberedDecision } from '../../domain/decision.schema.ts';
import type { LedgerSchema } from '../ledger-schema.ts';
import { toJson } from './json.ts';
import type { ReadRow } from './rows.ts';

export interface DecisionRecord extends NumberedDecision {
  /** When it was found to lead to no program, milliseconds since 1970; null where it was not. */
  inVainAt: number | null;
}

export interface Decisions {
  /** Records what a candidate is to be, before anything is done for it; the same number again changes nothing. */
  decide(jobId: string, decided: NumberedDecision): Promise<void>;
  /** Records that the decision led to no program. */
  endInVain(jobId: string, number: number): Promise<void>;
  /** The job's decisions by number; without those that cannot be read. */
  decisions(jobId: string): Promise<DecisionRecord[]>;
}

export function createDecisions(db: Kysely<LedgerSchema>, readRow: ReadRow): Decisions {
  return {
    async decide(jobId, { number, decision }) {
      const decisionJson = toJson(decision, `decision ${number} of job ${jobId}`);
      await db
        .insertInto('decisions')
        .values({ jobId, number, decisionJson, decidedAt: Date.now(), inVainAt: null })
        .onConflict((conflict) => conflict.columns(['jobId', 'number']).doNothing())
        .execute();
    },

    async endInVain(jobId, number) {
      await db
        .updateTable('decisions')
        .set({ inVainAt: Date.now() })
        .where('jobId', '=', jobId)
        .where('number', '=', number)
        .where('inVainAt', 'is', null)
        .execute();
    },

    async decisions(jobId) {
      const rows = await db
        .selectFrom('decisions')
        .selectAll()
        .where('jobId', '=', jobId)
        .orderBy('number')
        .execute();
      return rows.flatMap(({ number, decisionJson, inVainAt }) => {
        const decision = readRow(`decision ${number} of job ${jobId}`, () =>
          NextDecision.parse(JSON.parse(decisionJson)),
        );
        return decision === undefined ? [] : [{ number, decision, inVainAt }];
      });
    },
  };
}
