import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, type KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findJob } from '../../cli/follow/find-job.ts';
import { list } from '../../cli/follow/list.ts';
import { newEvents } from '../../cli/follow/logs.ts';
import { createLedger } from '../../store/ledger.ts';
import type { LedgerSchema } from '../../store/ledger-schema.ts';
import { createSqliteDialect } from '../../store/sqlite.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openJob, recorded } from './kept-jobs.ts';

const many = 100_000;
const parent = 'pipeline/wide/0123456789.1';
const stages = 1_000;

let folder: string;
let store: Store;
let db: Kysely<LedgerSchema>;
/** What was read from the ledger since it was last set back. */
const read = { queries: 0, rows: 0 };

const counter: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => {
    read.queries += 1;
    read.rows += result.rows.length;
    return result;
  },
};

/** `job-00001` to `job-100000`, the last the newest, one in a thousand of them failed; and a pipeline of many stages. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'many-jobs-'));
  const opened = await openStore(folder);
  const first = 'solve/first/0000000000.1';
  await openJob(opened, { kind: 'solve', name: 'first', script: 'a.py' }, { id: first });
  const database = new DatabaseSync(join(folder, 'ledger.db'));
  const columns = database.prepare('select name from pragma_table_info(?)').all('jobs');
  /** Inserts `count` jobs like the first, but for these columns. */
  const insert = (count: number, own: Record<string, string>): void => {
    const names = columns.map(({ name }) => String(name));
    const values = names.map((name) => own[name] ?? `(select ${name} from jobs where id = '${first}')`);
    database.exec(
      `with recursive each(n) as (select 1 union all select n + 1 from each where n < ${count})
       insert into jobs (${names.join(', ')}) select ${values.join(', ')} from each`,
    );
  };
  const series = "'solve/job-' || printf('%05d', n) || '/0123456789'";
  insert(many, {
    ...{ id: `${series} || '.1'`, root: `${series} || '.1'`, series },
    name: "'job-' || printf('%05d', n)",
    status: "iif(n % 1000 = 0, 'failed', 'finished')",
    started_at: '1000 + n',
  });
  const wide = `'${parent}'`;
  insert(1, { id: wide, root: wide, series: wide, name: "'wide'", kind: "'pipeline'", started_at: '1' });
  const stage = "'part-' || printf('%04d', n)";
  const stageId = `'${parent}/' || ${stage}`;
  insert(stages, {
    ...{ id: stageId, root: wide, parent: wide, series: stageId, name: stage, stage },
    ...{ role: "'stage'", status: "'finished'", started_at: '2 + n' },
  });
  database.close();
  db = new Kysely<LedgerSchema>({
    dialect: createSqliteDialect(join(folder, 'ledger.db')),
    plugins: [new CamelCasePlugin(), counter],
  });
  store = { ...opened, ledger: createLedger(db, console.error) };
});

afterAll(async () => {
  await store.close();
  await db.destroy();
  await rm(folder, { recursive: true });
});

const idOf = (number: number): string => `solve/job-${String(number).padStart(5, '0')}/0123456789.1`;

/** What `act` reads of the ledger. */
async function readBy(act: () => Promise<unknown>): Promise<typeof read> {
  Object.assign(read, { queries: 0, rows: 0 });
  await act();
  return { ...read };
}

describe('of 100,000 jobs', () => {
  it('a list reads one page, and tells how to read the next', async () => {
    const { context, lines } = recorded(store, { columns: 200 });
    const page = (given: { after?: string; status?: string }) =>
      readBy(() => {
        lines.length = 0;
        return list(context, { limit: 20, ...given });
      });
    const shown = () => lines.slice(1, -1).map((line) => line.split(' ')[0]);
    // The first job was opened just now; then come the newest of the others.
    expect((await page({})).rows).toBeLessThan(40);
    expect(shown().slice(1)).toEqual(Array.from({ length: 19 }, (_, index) => idOf(many - index)));
    expect(lines.at(-1)).toBe(`20 of 100,002; the next: crucible list --limit 20 --after ${idOf(many - 18)}`);
    expect((await page({ after: idOf(many - 18) })).rows).toBeLessThan(40);
    expect(shown()).toEqual(Array.from({ length: 20 }, (_, index) => idOf(many - 19 - index)));
    expect((await page({ status: 'failed', after: idOf(99_000) })).rows).toBeLessThan(40);
    expect(shown().slice(0, 2)).toEqual([idOf(98_000), idOf(97_000)]);
    expect(lines.at(-1)).toMatch(/^20 of 100; the next: crucible list --status failed --limit 20 --after /);
  });

  it.each([
    ['by its ID', idOf(77), idOf(77)],
    ['by its name', 'job-00077', idOf(77)],
    ['by its series', 'solve/job-00077/0123456789', idOf(77)],
    ['by the beginning of its ID', 'solve/job-00077/01', idOf(77)],
    ['by its pipeline and its stage', 'wide/part-0500', `${parent}/part-0500`],
    ['as the latest', 'latest', 'solve/first/0000000000.1'],
  ])('one is found %s, by a few rows', async (_, text, id) => {
    const found = await readBy(async () => expect((await findJob(store, text)).id).toBe(id));
    expect(found.rows).toBeLessThan(12);
  });

  it('what could mean several, or none, is answered with a few of them and their number', async () => {
    const found = await readBy(async () => {
      await expect(findJob(store, 'solve/job-')).rejects.toThrow(
        /^solve\/job- is the beginning of 100000 jobs: .*\n {2}solve\/job-100000\/\S+ {2}failed\n[\s\S]*and 99992 more/,
      );
      await expect(findJob(store, 'nothing/of/that')).rejects.toThrow(/there is no job[\s\S]*and 99994 more/);
    });
    expect(found.rows).toBeLessThan(40);
  });

  it('the log of a pipeline is followed with one question a look, whatever the number of its stages', async () => {
    const next = newEvents(store, parent);
    await store.ledger.say(parent, 'a', 'it begins', 10);
    await store.ledger.say(`${parent}/part-0007`, 'a', 'a part begins', 20);
    const first = await readBy(async () =>
      expect((await next()).map(({ text, stage }) => [text, stage])).toEqual([
        ['it begins', null],
        ['a part begins', 'part-0007'],
      ]),
    );
    expect(first).toEqual({ queries: 1, rows: 2 });
    expect(await readBy(async () => expect(await next()).toEqual([]))).toEqual({ queries: 1, rows: 0 });
    await store.ledger.say(`${parent}/part-0999`, 'a', 'another begins', 5);
    expect(await readBy(async () => expect(await next()).toHaveLength(1))).toEqual({ queries: 1, rows: 1 });
    // A stage by itself says what it said, and nothing of the others.
    const alone = newEvents(store, `${parent}/part-0007`);
    expect((await alone()).map(({ text, stage }) => [text, stage])).toEqual([['a part begins', null]]);
  });
});
