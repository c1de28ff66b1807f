import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { median } from '../../domain/speedup.ts';
import { dialectOf, openStore, type SharedPlaces } from '../../store/store.ts';
import { startPostgres } from '../support/postgres.ts';

const rounds = 400;

/** What a new step costs on a ledger in a file and on PostgreSQL, each beside a bare query of one row: the way there and back. */
export async function run(): Promise<void> {
  const postgres = await startPostgres();
  const blobs = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  try {
    const ledger = await postgres.database('bench');
    const sqlite = await timed(null);
    const server = await timed({ ledger, blobs: { folder: blobs } });
    for (const [name, { step, bare }] of [['SQLite', sqlite] as const, ['PostgreSQL', server] as const])
      console.log(
        `${name.padEnd(12)} a step ${step.toFixed(2)} ms, a bare query ${bare.toFixed(2)} ms (p50 of ${rounds})`,
      );
    console.log(
      JSON.stringify({
        ...{ name: 'store', sqlite_step_ms: sqlite.step, sqlite_bare_ms: sqlite.bare },
        ...{ postgres_step_ms: server.step, postgres_bare_ms: server.bare },
      }),
    );
  } finally {
    await postgres.stop();
    await rm(blobs, { recursive: true, force: true });
  }
}

async function timed(shared: SharedPlaces | null): Promise<{ step: number; bare: number }> {
  const home = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const store = await openStore(home, { shared });
  const db = new Kysely<unknown>({ dialect: dialectOf(home, shared).dialect });
  const step: number[] = [];
  const bare: number[] = [];
  const clock = async (into: number[], act: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await act();
    into.push(performance.now() - began);
  };
  try {
    for (let round = 0; round < rounds; round += 1) {
      await clock(step, () =>
        store.ledger.once(`bench#step-${round}`, { jobId: 'bench', kind: 'run' }, async () => ({ round })),
      );
      await clock(bare, () => sql`select id from store`.execute(db));
    }
    return { step: round2(median(step)), bare: round2(median(bare)) };
  } finally {
    await db.destroy();
    await store.close();
    await rm(home, { recursive: true, force: true });
  }
}

const round2 = (ms: number): number => Math.round(ms * 100) / 100;
