import type { Kysely, Selectable, Transaction } from 'kysely';
import { Extension, Message, type Told, type Waiting } from '../../domain/message.schema.ts';
import { raisedBy, saidOf } from '../../domain/steered.ts';
import type { JobTable, LedgerSchema } from '../ledger-schema.ts';
import { countEvent } from './events.ts';
import { type JobEnd, keepResult } from './jobs.ts';
import { toJson } from './json.ts';
import type { ReadRow } from './rows.ts';
import { inTransaction } from './transaction.ts';

export interface Messages {
  /**
   * Takes what a job was told. It is kept, said in the job's log, and changes the job's budget or pause at
   * once. The same ID again changes nothing. With `ended` only a job that has ended takes it, and keeps what it
   * came to with it. One that runs is left alone, for its workflow takes what that is told.
   * Returns whether the job has it. Throws where the job was not opened.
   */
  takeMessage(jobId: string, told: Told, ended?: Pick<JobEnd, 'result' | 'best'>): Promise<boolean>;
  /** What a job was told, in the order it was taken; without what cannot be read. */
  messages(jobId: string): Promise<Told[]>;
}

export function createMessages(db: Kysely<LedgerSchema>, readRow: ReadRow): Messages {
  return {
    async takeMessage(jobId, told, ended) {
      return inTransaction(db, async (transaction) => {
        const { id, message, at } = told;
        // It locks the job until the commit: messages are taken one after another.
        const counted = await countEvent(transaction, jobId, `message ${id}`);
        const job = await lockJob(transaction, jobId);
        if (ended !== undefined && job.status === 'running') return false;
        const taken = await transaction
          .insertInto('messages')
          .values({
            ...{ jobId, id, number: counted.number, at },
            messageJson: toJson(message, `message ${id} to job ${jobId}`),
          })
          .onConflict((conflict) => conflict.columns(['jobId', 'id']).doNothing())
          .returning('id')
          .executeTakeFirst();
        if (taken === undefined) return true;
        const event = { jobId, ...counted, key: `${jobId}#message/${id}`, text: saidOf(message), at };
        await transaction.insertInto('events').values(event).execute();
        await apply(transaction, job, told, counted.number);
        if (ended?.result !== undefined) await keepResult(transaction, jobId, ended);
        return true;
      });
    },

    async messages(jobId) {
      const rows = await db
        .selectFrom('messages')
        .selectAll()
        .where('jobId', '=', jobId)
        .orderBy('number')
        .execute();
      return rows.flatMap(({ id, messageJson, at }) => {
        const message = readRow(`message ${id} to job ${jobId}`, () =>
          Message.parse(JSON.parse(messageJson)),
        );
        return message === undefined ? [] : [{ id, message, at }];
      });
    },
  };
}

type Locked = Pick<Selectable<JobTable>, 'id' | 'status' | 'budgetJson' | 'pausedAt'>;

/** A job's own row, which nobody else changes before the commit: setting a column to itself locks it. */
const lockJob = (transaction: Transaction<LedgerSchema>, jobId: string): Promise<Locked> =>
  transaction
    .updateTable('jobs')
    .set((set) => ({ status: set.ref('status') }))
    .where('id', '=', jobId)
    .returning(['id', 'status', 'budgetJson', 'pausedAt'])
    .executeTakeFirstOrThrow();

/** What a message changes of its job's row and account. */
async function apply(
  transaction: Transaction<LedgerSchema>,
  { id: jobId, budgetJson, pausedAt }: Locked,
  { message, at }: Told,
  number: number,
): Promise<void> {
  const job = transaction.updateTable('jobs').where('id', '=', jobId);
  const waiting = pausedAt === null ? null : await waitingBefore(transaction, jobId, number);
  if (message.kind === 'pause' || message.kind === 'wait')
    await job.set({ pausedAt: at }).where('pausedAt', 'is', null).execute();
  else if (message.kind === 'resume' || waiting !== null)
    await job
      .set((set) => ({
        pausedMs: set('pausedMs', '+', set(set.val(at), '-', set.ref('pausedAt'))),
        pausedAt: null,
      }))
      .where('pausedAt', 'is not', null)
      .execute();
  const before = Extension.parse(JSON.parse(budgetJson));
  const raised = raisedBy(message, waiting, before);
  if (raised === null) return;
  await job.set({ budgetJson: JSON.stringify({ ...before, ...raised }) }).execute();
  const { usd, tokens } = raised;
  const caps = {
    ...(usd === undefined ? {} : { capMicroUsd: Math.round(usd * 1e6) }),
    ...(tokens === undefined ? {} : { capTokens: tokens }),
  };
  if (Object.keys(caps).length > 0)
    await transaction.updateTable('accounts').set(caps).where('id', '=', jobId).execute();
}

/**
 * That the job said last, before message `number`, that it waits for a person. Null where it was told something
 * since.
 */
async function waitingBefore(
  transaction: Transaction<LedgerSchema>,
  jobId: string,
  number: number,
): Promise<Waiting | null> {
  const last = await transaction
    .selectFrom('messages')
    .select('messageJson')
    .where('jobId', '=', jobId)
    .where('number', '<', number)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  const message = last === undefined ? undefined : Message.safeParse(JSON.parse(last.messageJson)).data;
  return message?.kind === 'wait' ? message : null;
}
