import { access, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from 'vitest';
import { tableOfQuery } from '../../cli/start/table-of-query.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';

let file: string;

beforeEach(async () => {
  file = join(await temporaryFolder(), 'flats.db');
  const database = new DatabaseSync(file);
  database.exec(`create table flats (id integer, district text, price real, note text);
    insert into flats values (9007199254740993, 'old, "town"', 1.5, null), (2, ' north', 2e300, 'two
lines')`);
  database.close();
});

const asked = (sql: string, url: string, test?: string) =>
  tableOfQuery({ sql, connection: 'FLATS' }, { FLATS: url }, { test, signal: AbortSignal.timeout(60_000) });

describe('the answer of a query', () => {
  it('is a table: quoted where it must be, nothing rounded, missing where the database has nothing', async () => {
    const { table, query, test, remove } = await asked(
      'select * from flats order by id desc;\n',
      `sqlite:${file}`,
    );
    expect(await readFile(table, 'utf8')).toBe(
      'id,district,price,note\n9007199254740993,"old, ""town""",1.5,\n2," north",2e+300,"two\nlines"\n',
    );
    expect(await readFile(query, 'utf8')).toBe('select * from flats order by id desc\n');
    expect(test).toBeUndefined();
    await remove();
    await expect(access(table)).rejects.toThrow('ENOENT');
  });

  it('has the test that was named beside it', async () => {
    const path = join(dirname(file), 'later.csv');
    await writeFile(path, 'id\n1\n');
    const { test, remove } = await asked('select * from flats', `sqlite://${file}`, path);
    expect(await readFile(test ?? '', 'utf8')).toBe('id\n1\n');
    await remove();
  });

  it('is refused where it has no row, is no answer, or would change the database', async () => {
    for (const [sql, said] of [
      ['select * from flats where id = 0', 'expected rows to learn from, the query gave none'],
      ['delete from flats', 'expected a query that gives rows'],
      ["insert into flats values (1, '', 1, '') returning id", 'readonly database'],
      ['select * from houses', 'no such table: houses'],
      [' ; ', 'expected a query'],
    ] as const)
      await expect(asked(sql, `sqlite:${file}`), sql).rejects.toThrow(said);
    await expect(asked('select 1', 'sqlite:nowhere.db')).rejects.toThrow('found no file nowhere.db');
  });

  it('is not asked for where the variable is unknown or holds no such URL, and what it holds is never said', async () => {
    const options = { test: undefined, signal: AbortSignal.timeout(60_000) };
    const of = (connection: string, environment: Record<string, string>) =>
      tableOfQuery({ sql: 'select 1', connection }, environment, options);
    await expect(of('FLATS', {})).rejects.toThrow('--connection FLATS: expected an environment variable');
    for (const [connection, environment] of [
      ['postgresql://me:s3cret@db/flats', {}],
      ['FLATS', { FLATS: 'mysql://me:s3cret@db/flats' }],
      ['FLATS', { FLATS: 'postgresql://me:s3cret@[db/flats' }],
    ] as const) {
      const said = await of(connection, environment).catch(String);
      expect(said).toMatch(/--connection/);
      expect(said).not.toContain('s3cret');
    }
  });

  it('says why a database cannot be reached, without the password', async () => {
    const deaf = createServer((socket) => socket.end('E s3cret-password'));
    await new Promise<void>((ready) => deaf.listen(0, '127.0.0.1', ready));
    const address = deaf.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const said = await asked('select 1', `postgresql://me:s3cret-password@127.0.0.1:${port}/flats`).catch(
      String,
    );
    expect(said).toContain('--sql: the database of FLATS gave no table');
    expect(said).not.toContain('s3cret-password');
    deaf.close();
  });
});

it('a query takes a connection, and is no table beside', async () => {
  const said = async (...args: string[]) =>
    (await crucible(['fit', ...args], { home: await temporaryFolder() })).error;
  expect(await said('--sql', 'select 1', '--target', 'y')).toContain('--sql: expected --connection with it');
  expect(await said('a.csv', '--sql', 'select 1', '--connection', 'X')).toContain('got both');
  expect(await said('a.csv', '--connection', 'X')).toContain('--connection: expected a query beside it');
  expect(await said()).toContain('expected a table, as in crucible fit data.csv');
});
