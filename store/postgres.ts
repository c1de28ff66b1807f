import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DataTypeNode,
  type Dialect,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  type PostgresPoolClient,
  PostgresQueryCompiler,
  type PostgresQueryResult,
} from 'kysely';
import pg from 'pg';
import { StorageFull, StoreRefused, StoreUnavailable } from '../domain/errors.ts';
import { TryAgain } from './ledger/transaction.ts';

/** How long one that is away is waited for, as while it is started again. What waits longer is tried again by those who asked. */
const patienceMs = 5_000;
/** Of one process; a server takes 100 by default. */
const mostConnections = 8;

/** What the server, or the way to it, says where it is away for a while. */
const away = /^(08...|57P0[1-3]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|EAI_AGAIN|AWAY)$/;
/** Serialization failure, deadlock; a row of that key has come meanwhile. */
const inTheWay = /^(40001|40P01|23505)$/;

/** Types that come as text, since they might not fit into a number: counts, sums and times do. */
const numbers: number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

/**
 * Kysely over a PostgreSQL server, for any number of processes on any number of hosts. Text is compared by its bytes, as SQLite does. A server that
 * is away is waited for; a transaction it was in throws `TryAgain`. Throws `StoreUnavailable` where it cannot be reached or refuses
 * the user, `StorageFull` where it has no room. No message holds the password.
 */
export function createPostgresDialect(url: string): Dialect {
  return {
    createDriver: () => new PostgresDriver({ pool: async () => createPool(url) }),
    createQueryCompiler: () => new BytewiseCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

/** Returns the address of a ledger without its password, for people. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return 'postgres://…';
  const { username, host, pathname, hostname } = new URL(url);
  const user = username === '' ? '' : `${username}@`;
  return `postgres://${user}${hostname === '' ? 'localhost' : host}${pathname}`;
}

class BytewiseCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node);
    if (node.dataType === 'text') this.append(' collate "C"');
  }
}

function createPool(url: string) {
  const pool = new pg.Pool({
    connectionString: url,
    max: mostConnections,
    connectionTimeoutMillis: patienceMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'crucible',
    // An answer that takes longer does not come.
    query_timeout: 60_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        numbers.includes(oid) ? Number : pg.types.getTypeParser(oid, format),
    },
  });
  // One that breaks while nobody uses it is replaced by the pool.
  pool.on('error', ignore);
  return {
    connect: async (): Promise<PostgresPoolClient> => new PatientClient(pool, url),
    end: () => pool.end(),
    options: {},
  };
}

/** That a connection broke is said again by the query it breaks; without a listener it would end the process. */
const ignore = (): void => {};

/** A connection that is made when it is first needed, and again where it broke outside a transaction. */
class PatientClient {
  readonly #pool: pg.Pool;
  readonly #url: string;
  #client: pg.PoolClient | undefined;
  #inTransaction = false;

  constructor(pool: pg.Pool, url: string) {
    this.#pool = pool;
    this.#url = url;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query(): never;
  async query<R>(sql = '', parameters: readonly unknown[] = []): Promise<PostgresQueryResult<R>> {
    const ends = sql === 'commit' || sql === 'rollback';
    // What the server has lost with the connection it has taken back.
    if (sql === 'rollback' && this.#client === undefined) {
      this.#inTransaction = false;
      return { command: 'ROLLBACK', rowCount: 0, rows: [] };
    }
    const deadline = performance.now() + patienceMs;
    for (let tries = 1; ; tries += 1) {
      try {
        this.#client ??= await this.#connect();
        const result = await this.#client.query(sql, parameters.map(storable));
        if (sql === 'begin') this.#inTransaction = true;
        else if (ends) this.#inTransaction = false;
        return result as PostgresQueryResult<R>;
      } catch (error) {
        const code = codeOf(error);
        const isAway = away.test(code);
        if (isAway) this.release(error);
        if (this.#inTransaction && (isAway || inTheWay.test(code)))
          throw new TryAgain(`${shownUrl(this.#url)}: ${code}`, { cause: this.#told(error, code, tries) });
        if (!isAway || performance.now() > deadline) throw this.#told(error, code, tries);
        await sleep(Math.min(20 * 2 ** tries, 500) * (0.5 + Math.random()));
      }
    }
  }

  release(error?: unknown): void {
    this.#client?.off('error', ignore);
    this.#client?.release(error !== undefined);
    this.#client = undefined;
  }

  async #connect(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect();
    client.on('error', ignore);
    return client;
  }

  /** The error in words of ours where it is the server's, or one of the way to it. */
  #told(cause: unknown, code: string, tries: number): unknown {
    const where = shownUrl(this.#url);
    const said = cause instanceof Error ? cause.message : String(cause);
    const tried = tries === 1 ? '' : `, asked ${tries} times in ${patienceMs / 1000} s`;
    if (away.test(code) || code === 'ENOTFOUND')
      return new StoreUnavailable(
        `CRUCIBLE_STORE: expected a PostgreSQL server at ${where}, which cannot be reached (${said || code}${tried}): start it, or correct the variable`,
        { cause },
      );
    if (/^28|^SASL$/.test(code))
      return new StoreUnavailable(
        `CRUCIBLE_STORE: the server at ${where} refuses the user or the password (${said}): correct the variable, or PGPASSWORD`,
        { cause },
      );
    if (code === '3D000')
      return new StoreUnavailable(
        `CRUCIBLE_STORE: the server at ${where} has no such database: create it (createdb NAME), or correct the variable`,
        { cause },
      );
    if (code === '42501')
      return new StoreRefused(
        `CRUCIBLE_STORE: the user of ${where} may not do what a ledger needs (${said}): make it the owner of the database`,
        { cause },
      );
    if (/^53[12]00$/.test(code))
      return new StorageFull(`${where}: the server has no room left (${said}); free some there`, { cause });
    return cause;
  }
}

/** PostgreSQL keeps every character in text but one. */
const storable = (value: unknown): unknown =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\u{fffd}') : value;

/** The server's code, the system's, or one of ours where pg has none. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Of several addresses that were tried.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (/terminated|timeout|not queryable|ended/i.test(error.message)) return 'AWAY';
  return /SASL|password/.test(error.message) ? 'SASL' : '';
}
