import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { access, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { plainReason } from '../plain-reason.ts';
import { UserMistake } from '../terminal.ts';

/** A query, and the name of the environment variable that says which database answers it. */
export interface Query {
  sql: string;
  connection: string;
}

/** The answer of a query as files of a job, and how to remove them once they are stored. */
export interface QueriedTable {
  table: string;
  /** The query itself: what the table is, can be read later. */
  query: string;
  /** The copy of a test beside it; undefined where there is none. */
  test: string | undefined;
  remove(): Promise<void>;
}

type Row = readonly (string | null)[];

/** Column names, then rows. */
interface Answer {
  columns: readonly string[];
  rows: AsyncIterable<Row>;
}

/**
 * Asks a database, on this machine and not in a sandbox, and writes its answer as a table. The database is only read. Throws `UserMistake`,
 * which never says the connection itself: it may hold a password.
 */
export async function tableOfQuery(
  { sql, connection }: Query,
  environment: Record<string, string | undefined>,
  { test, signal }: { test: string | undefined; signal: AbortSignal },
): Promise<QueriedTable> {
  const url = connectionIn(connection, environment);
  const query = sql.trim().replace(/[\s;]+$/, '');
  if (query === '') throw new UserMistake('--sql: expected a query, as in "select * from flats"; got none');
  const folder = await mkdtemp(join(tmpdir(), 'crucible-query-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const table = join(folder, 'query.csv');
    const answer = url.kind === 'sqlite' ? fromSqlite(url.path, query) : fromPostgres(url.url, query, signal);
    const rows = await written(await answer, table);
    if (rows === 0) throw new UserMistake('--sql: expected rows to learn from, the query gave none');
    await writeFile(join(folder, 'query.sql'), `${query}\n`);
    const beside = test === undefined ? undefined : join(folder, `test-${basename(test)}`);
    if (test !== undefined && beside !== undefined) await copyFile(test, beside);
    return { table, query: join(folder, 'query.sql'), test: beside, remove };
  } catch (error) {
    await remove();
    if (error instanceof UserMistake) throw error;
    throw new UserMistake(`--sql: the database of ${connection} gave no table: ${without(url, error)}`);
  }
}

type Connection = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: URL };

function connectionIn(name: string, environment: Record<string, string | undefined>): Connection {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new UserMistake(
      '--connection: expected the name of an environment variable with the connection URL, as in DATABASE_URL; got something else. A URL typed here would stay in the history of the shell',
    );
  const text = environment[name];
  if (text === undefined || text === '')
    throw new UserMistake(
      `--connection ${name}: expected an environment variable of that name with the connection URL, found ${text === undefined ? 'none' : 'an empty one'}`,
    );
  if (/^sqlite:/i.test(text)) return { kind: 'sqlite', path: text.replace(/^sqlite:(?:\/\/)?/i, '') };
  if (/^postgres(?:ql)?:\/\//i.test(text) && URL.canParse(text))
    return { kind: 'postgres', url: new URL(text) };
  throw new UserMistake(
    `--connection ${name}: expected a URL that begins with postgresql:// or sqlite:, which the value of ${name} does not`,
  );
}

/** What went wrong, without what is secret. */
function without(connection: Connection, error: unknown): string {
  const said = plainReason(error);
  if (connection.kind === 'sqlite') return said;
  const { password, href } = connection.url;
  const secrets = [href, password, decodeURIComponent(password)].filter((each) => each !== '');
  return secrets.reduce((text, secret) => text.replaceAll(secret, '•••'), said);
}

async function fromSqlite(path: string, query: string): Promise<Answer> {
  // `sqlite:///flats.db` is a file of this folder to some, and one of the root to others.
  const [file] = await existing([path, path.replace(/^\/+/, '')]);
  if (file === undefined) throw new UserMistake(`--sql: expected an SQLite database, found no file ${path}`);
  const database = new DatabaseSync(file, { readOnly: true });
  const statement = database.prepare(query);
  const columns = statement.columns().map(({ name }) => name);
  if (columns.length === 0)
    throw new UserMistake('--sql: expected a query that gives rows, as a SELECT does');
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  async function* rows(): AsyncGenerator<Row> {
    try {
      // Rows are arrays here, which the types of Node do not know.
      for (const row of statement.iterate() as Iterable<unknown>)
        if (Array.isArray(row)) yield row.map(cellOf);
    } finally {
      database.close();
    }
  }
  return { columns, rows: rows() };
}

const cellOf = (value: unknown): string | null =>
  value === null || value === undefined
    ? null
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : String(value);

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return found.flat();
}

/** So many rows are asked for at once. */
const page = 5_000;
const connectMs = 15_000;
/** Types of PostgreSQL whose text is not that of tables. */
const booleanType = 16;
const timeWithZone = 1184;

async function fromPostgres(url: URL, query: string, signal: AbortSignal): Promise<Answer> {
  const client = new Client({
    connectionString: url.href,
    connectionTimeoutMillis: connectMs,
    application_name: 'crucible fit',
    // As the database writes it: nothing is rounded, and no time is moved.
    types: { getTypeParser: (type: number) => (text: string) => textOf(type, text) },
  });
  // A connection that breaks later rejects what is asked on it.
  client.on('error', () => {});
  const stop = (): void => void client.end().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  const next = () => client.query<(string | null)[]>({ text: `fetch ${page} from answer`, rowMode: 'array' });
  const first = await asked().catch(async (error: unknown) => {
    await client.end();
    throw error;
  });
  async function asked() {
    await client.connect();
    await client.query("begin read only; set local datestyle = 'ISO'; set local timezone = 'UTC'");
    // In a prepared statement there is one, however the text goes on.
    await client.query({ text: `declare answer no scroll cursor for ${query}`, name: 'answer' });
    return next();
  }
  async function* rows(): AsyncGenerator<Row> {
    try {
      for (let found = first; found.rows.length > 0; found = await next()) yield* found.rows;
    } finally {
      signal.removeEventListener('abort', stop);
      await client.end();
    }
  }
  return { columns: first.fields.map(({ name }) => name), rows: rows() };
}

const textOf = (type: number, text: string): string =>
  type === booleanType
    ? text === 't'
      ? 'true'
      : 'false'
    : type === timeWithZone
      ? text.replace(/\+00(?::00)?$/, '')
      : text;

/** Writes an answer as CSV; returns how many rows it has. */
async function written({ columns, rows }: Answer, path: string): Promise<number> {
  const file = createWriteStream(path);
  const line = async (cells: Row): Promise<void> => {
    if (!file.write(`${cells.map(quoted).join(',')}\n`)) await once(file, 'drain');
  };
  let count = 0;
  await line(columns);
  for await (const row of rows) {
    await line(row);
    count += 1;
  }
  file.end();
  await once(file, 'finish');
  return count;
}

const quoted = (cell: string | null): string =>
  cell === null ? '' : /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
