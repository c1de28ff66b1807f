import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { StoreRefused, StoreUnavailable } from '../domain/errors.ts';
import type { LedgerSchema } from './ledger-schema.ts';

/** Steps from an empty database to the newest schema, in order of name. A released step is never changed. */
const migrations: Record<string, Migration> = {
  '0001-ledger': { up: createTables },
  '0002-batches': { up: createBatchTables },
};

/** What ledgers began with before the first release: there were several of that name, and none can be read. */
const unreleased = '0001-first';

/**
 * Brings the ledger to the newest schema; several processes may do so at once.
 * Throws `StoreRefused`, and changes nothing, where a newer or an unreleased Crucible has been here: its rows could be misread. `where` names the
 * ledger in messages.
 */
export async function migrate(db: Kysely<LedgerSchema>, where: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StoreUnavailable) throw error;
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`
    .execute(db)
    .catch(() => ({ rows: [] }));
  const unknown = applied.rows.filter(({ name }) => !(name in migrations)).map(({ name }) => name);
  if (unknown.length === 0) throw error;
  const expected = `expected a schema up to ${Object.keys(migrations).at(-1)}, found ${unknown.join(', ')}`;
  throw new StoreRefused(
    unknown.includes(unreleased)
      ? `${where}: written by a Crucible from before its first release (${expected}): move its folder away, or set CRUCIBLE_HOME to another`
      : `${where}: written by a newer Crucible (${expected}): update Crucible or choose another store`,
  );
}

async function createTables(db: Kysely<unknown>): Promise<void> {
  await createJobTables(db);
  await createStepTables(db);
  await createModelTables(db);
  await createMoneyTables(db);
}

async function createJobTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('store')
    .addColumn('only', 'integer', (column) => column.primaryKey())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('jobs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('series', 'text', (column) => column.notNull())
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('input', 'text', (column) => column.notNull())
    .addColumn('parent', 'text')
    .addColumn('stage', 'text')
    .addColumn('root', 'text', (column) => column.notNull())
    .addColumn('startedAt', 'bigint', (column) => column.notNull())
    .addColumn('endedAt', 'bigint')
    .addColumn('report', 'text')
    .addColumn('resultJson', 'text')
    .addColumn('best', 'double precision')
    .addColumn('history', 'text')
    .addColumn('eventCount', 'integer', (column) => column.notNull())
    .addColumn('budgetJson', 'text', (column) => column.notNull())
    .addColumn('beganAt', 'bigint', (column) => column.notNull())
    .addColumn('pausedAt', 'bigint')
    .addColumn('pausedMs', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('jobsBySeries').unique().on('jobs').columns(['series', 'run']).execute();
  await db.schema.createIndex('jobsByParent').on('jobs').columns(['parent', 'startedAt']).execute();
  await db.schema.createIndex('jobsByName').on('jobs').columns(['name', 'startedAt']).execute();

  await db.schema
    .createTable('trials')
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('candidateId', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('trialJson', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('trialsKey', ['jobId', 'position', 'candidateId', 'purpose'])
    .execute();

  await db.schema
    .createTable('decisions')
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('decisionJson', 'text', (column) => column.notNull())
    .addColumn('decidedAt', 'bigint', (column) => column.notNull())
    .addColumn('inVainAt', 'bigint')
    .addPrimaryKeyConstraint('decisionsKey', ['jobId', 'number'])
    .execute();

  await db.schema
    .createTable('messages')
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('messageJson', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('messagesKey', ['jobId', 'id'])
    .execute();

  await db.schema
    .createTable('events')
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('root', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('eventsKey', ['jobId', 'key'])
    .execute();
  await db.schema.createIndex('eventsByNumber').on('events').columns(['jobId', 'number']).execute();
  await db.schema.createIndex('eventsByRoot').unique().on('events').columns(['root', 'number']).execute();
}

async function createStepTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('steps')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('worker', 'text', (column) => column.notNull())
    .addColumn('startedAt', 'bigint', (column) => column.notNull())
    .addColumn('doneAt', 'bigint')
    .addColumn('starts', 'integer', (column) => column.notNull())
    .addColumn('resultJson', 'text')
    .execute();
  await db.schema.createIndex('stepsByJob').on('steps').columns(['jobId', 'startedAt']).execute();

  await db.schema
    .createTable('memo')
    .addColumn('contentKey', 'text', (column) => column.primaryKey())
    .addColumn('valueJson', 'text', (column) => column.notNull())
    .addColumn('rememberedAt', 'bigint', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('turns')
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('behind', 'text')
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('until', 'bigint')
    .addPrimaryKeyConstraint('turnsOfKey', ['key', 'since'])
    .execute();
  await db.schema.createIndex('turnsByJob').on('turns').column('jobId').execute();
}

async function createModelTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('modelCalls')
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request', 'integer', (column) => column.notNull())
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('route', 'text', (column) => column.notNull())
    .addColumn('provider', 'text')
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('cached', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('prompt', 'text')
    .addColumn('startedAt', 'bigint', (column) => column.notNull())
    .addColumn('lostAt', 'bigint', (column) => column.notNull())
    .addColumn('firstTokenMs', 'integer')
    .addColumn('doneAt', 'bigint')
    .addColumn('inputTokens', 'bigint')
    .addColumn('cachedTokens', 'bigint')
    .addColumn('writtenTokens', 'bigint')
    .addColumn('outputTokens', 'bigint')
    .addColumn('reasoningTokens', 'bigint')
    .addColumn('microUsd', 'bigint')
    .addColumn('estimateMicroUsd', 'bigint')
    .addColumn('reply', 'text')
    .addColumn('error', 'text')
    .addColumn('problem', 'text')
    .addColumn('retryAfterMs', 'bigint')
    .addPrimaryKeyConstraint('modelCallsKey', ['key', 'request'])
    .execute();
  await db.schema.createIndex('modelCallsByJob').on('modelCalls').columns(['jobId', 'startedAt']).execute();
  // In flight, by provider; the newest of a route.
  await db.schema
    .createIndex('modelCallsByStatus')
    .on('modelCalls')
    .columns(['status', 'provider', 'lostAt'])
    .execute();
  await db.schema.createIndex('modelCallsByRoute').on('modelCalls').columns(['route', 'startedAt']).execute();

  await db.schema
    .createTable('replies')
    .addColumn('cacheKey', 'text', (column) => column.primaryKey())
    .addColumn('reply', 'text', (column) => column.notNull())
    .addColumn('rememberedAt', 'bigint', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('partials')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('route', 'text', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('partialsByJob').on('partials').columns(['jobId', 'key']).execute();
}

async function createMoneyTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('accounts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('parent', 'text')
    .addColumn('capMicroUsd', 'bigint')
    .addColumn('spentMicroUsd', 'bigint', (column) => column.notNull())
    .addColumn('heldMicroUsd', 'bigint', (column) => column.notNull())
    .addColumn('capTokens', 'bigint')
    .addColumn('spentTokens', 'bigint', (column) => column.notNull())
    .addColumn('heldTokens', 'bigint', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('holds')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('microUsd', 'bigint', (column) => column.notNull())
    .addColumn('tokens', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('holdsByAccount').on('holds').columns(['accountId', 'status']).execute();

  await db.schema
    .createTable('providers')
    .addColumn('provider', 'text', (column) => column.primaryKey())
    .addColumn('requestsFullAt', 'double precision', (column) => column.notNull())
    .addColumn('tokensFullAt', 'double precision', (column) => column.notNull())
    .addColumn('slowUntil', 'bigint', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('routes')
    .addColumn('route', 'text', (column) => column.primaryKey())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('opens', 'integer', (column) => column.notNull())
    .addColumn('openUntil', 'bigint')
    .addColumn('probing', 'integer', (column) => column.notNull())
    .addColumn('broken', 'integer', (column) => column.notNull())
    .execute();
}

async function createBatchTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('batches')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('route', 'text', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('lookAt', 'bigint', (column) => column.notNull())
    .addColumn('looks', 'integer', (column) => column.notNull())
    .addColumn('heldUntil', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('batchesByStatus').on('batches').columns(['status', 'createdAt']).execute();

  await db.schema
    .createTable('batchItems')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request', 'integer', (column) => column.notNull())
    .addColumn('jobId', 'text', (column) => column.notNull())
    .addColumn('route', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('queuedAt', 'bigint', (column) => column.notNull())
    .addColumn('batchId', 'text')
    .addColumn('result', 'text')
    .addColumn('withdrawn', 'integer', (column) => column.notNull())
    .addUniqueConstraint('batchItemsByCall', ['key', 'request'])
    .execute();
  await db.schema
    .createIndex('batchItemsByRoute')
    .on('batchItems')
    .columns(['route', 'batchId', 'queuedAt'])
    .execute();
  await db.schema.createIndex('batchItemsByBatch').on('batchItems').columns(['batchId', 'id']).execute();
  await db.schema.createIndex('batchItemsByJob').on('batchItems').columns(['jobId', 'key']).execute();
}
