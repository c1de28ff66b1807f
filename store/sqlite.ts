import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { StorageFull } from '../domain/errors.ts';

/** How long a write waits for another process to finish its own. */
const busyMs = 5_000;

/** SQLite's result codes: the low byte of `errcode`. */
const code = { busy: 5, full: 13 };

/**
 * Kysely over Node's own SQLite, so that no native add-on has to match the Node it runs under. One connection;
 * write-ahead log; every commit reaches the disk (0.3 ms, little beside what a row stands for).
 * Throws `StorageFull` where the disk has no room.
 */
export function createSqliteDialect(path: string): Dialect {
  return {
    createDriver: () => new SqliteDriver(path),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new TransactionalDdlAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/**
 * For this user only; SQLite gives the files beside it the same mode. One that is there is not opened: closing it would give up this
 * process's locks on it.
 */
function createClosed(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** With DDL in a transaction that begins with the write lock, several processes may migrate at once. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #path: string;
  #connection: SqliteConnection | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    createClosed(this.#path);
    try {
      this.#connection = new SqliteConnection(this.#path);
      await this.#connection.execute('pragma journal_mode = wal');
      await this.#connection.execute('pragma synchronous = full');
    } catch (cause) {
      if (cause instanceof StorageFull) throw cause;
      throw new Error(`${this.#path}: expected a ledger, found a file that SQLite cannot open`, { cause });
    }
  }

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#connection === undefined) throw new Error(`${this.#path}: the ledger is not open`);
    return this.#connection;
  }

  /** Takes the write lock at once: a transaction that reads first may find that it can never write. */
  async beginTransaction(connection: SqliteConnection): Promise<void> {
    await connection.execute('begin immediate');
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.execute('commit');
  }

  /** SQLite has already rolled back where the disk was full. */
  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    if (connection.inTransaction) await connection.execute('rollback');
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection?.close();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** By their text, of which the ledger has a limited number: preparing takes as long as running. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#path = path;
    // SQLite's own waiting would block the event loop, heartbeats included; `#waiting` sleeps instead.
    this.#database = new DatabaseSync(path, { timeout: 0 });
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  close(): void {
    this.#database.close();
  }

  execute(sql: string): Promise<void> {
    return this.#waiting(() => this.#database.exec(sql));
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return this.#waiting(() => {
      const statement = this.#prepared(sql);
      // Kysely types parameters as unknown; SQLite itself refuses what it cannot hold.
      const values = parameters as SQLInputValue[];
      // The row type R is what Kysely derived from the query.
      if (statement.columns().length > 0) return { rows: statement.all(...values) as R[] };
      return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) };
    });
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Does `work`, again and again while another process is writing. */
  async #waiting<T>(work: () => T): Promise<T> {
    const deadline = performance.now() + busyMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 25)) {
      try {
        return work();
      } catch (error) {
        const result = resultCode(error);
        if (result === code.full)
          throw new StorageFull(`${this.#path}: no room left on the disk; free some space`, { cause: error });
        if (result !== code.busy) throw error;
        if (performance.now() > deadline)
          throw new Error(`${this.#path}: another process has been writing for ${busyMs} ms`, {
            cause: error,
          });
        await sleep(pauseMs * (0.5 + Math.random()));
      }
    }
  }
}

const resultCode = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
