import type { Kysely } from 'kysely';
import { type Accounts, createAccounts } from './ledger/accounts.ts';
import { type Batches, createBatchRecords } from './ledger/batches.ts';
import { type Breakers, createBreakers } from './ledger/breakers.ts';
import { createDecisions, type Decisions } from './ledger/decisions.ts';
import { createEvents, type Events } from './ledger/events.ts';
import { createForks, type Forks } from './ledger/forks.ts';
import { createGarbage, type Garbage } from './ledger/garbage.ts';
import { createJobs, type Jobs } from './ledger/jobs.ts';
import { createMemo, type Memo } from './ledger/memo.ts';
import { createMessages, type Messages } from './ledger/messages.ts';
import { createModelCalls, type ModelCalls } from './ledger/model-calls.ts';
import { createPartials, type Partials } from './ledger/partials.ts';
import { createRates, type Rates } from './ledger/rates.ts';
import { createReplies, type Replies } from './ledger/replies.ts';
import { createRouteStats, type RouteStatistics } from './ledger/route-stats.ts';
import { createReadRow, type Warn } from './ledger/rows.ts';
import { createSpending, type Spending } from './ledger/spending.ts';
import { createSteps, type Steps } from './ledger/steps.ts';
import { createTrials, type Trials } from './ledger/trials.ts';
import { createTurns, type Turns } from './ledger/turns.ts';
import type { LedgerSchema } from './ledger-schema.ts';

/**
 * What was asked, done, paid and found, in a database. Every operation may be repeated, and called from several
 * processes at once; each is one transaction. JSON columns hold at most 64 KB, else `PayloadTooLarge`: larger
 * things are artifacts.
 */
export interface Ledger
  extends Jobs,
    Steps,
    Memo,
    Trials,
    Decisions,
    Messages,
    Forks,
    Garbage,
    Events,
    ModelCalls,
    Accounts,
    Rates,
    Breakers,
    Replies,
    Partials,
    Spending,
    RouteStatistics,
    Turns,
    Batches {}

/**
 * Returns the ledger over any Kysely dialect whose schema `migrate` has brought up to date. `warn` hears of
 * rows that cannot be read.
 */
export function createLedger(db: Kysely<LedgerSchema>, warn: Warn): Ledger {
  const readRow = createReadRow(warn);
  return {
    ...createJobs(db, readRow),
    ...createSteps(db, readRow),
    ...createMemo(db),
    ...createTrials(db, readRow),
    ...createDecisions(db, readRow),
    ...createMessages(db, readRow),
    ...createForks(db),
    ...createGarbage(db),
    ...createEvents(db),
    ...createModelCalls(db),
    ...createAccounts(db),
    ...createRates(db),
    ...createBreakers(db),
    ...createReplies(db),
    ...createPartials(db),
    ...createSpending(db),
    ...createRouteStats(db),
    ...createTurns(db),
    ...createBatchRecords(db),
  };
}
