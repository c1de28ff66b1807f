import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkedJob } from '../../cli/start/job-file.ts';
import { submit } from '../../cli/start/submit.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import { type TestCrucible, until } from '../support/crucible.ts';
import { modelConfig } from '../support/model-config.ts';

export const patienceMs = 300_000;

/** A stream of numbers from 0 to 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A table of flats, of which large ones are sold more often; with `permuted` it says nothing of that. */
export function flats(rows: number, { permuted = false, seed = 1 } = {}): string {
  const random = randomOf(seed);
  const lines = Array.from({ length: rows }, () => {
    const [rooms, noise, district] = [1 + Math.floor(random() * 6), random(), Math.floor(random() * 4)];
    const wanted = permuted ? 0.5 : 1 / (1 + Math.exp(3.5 - rooms - (district === 2 ? 1.5 : 0)));
    const sold = random() < wanted ? 'yes' : 'no';
    return [
      rooms,
      (rooms * 20 + noise * 9).toFixed(1),
      ['north', 'south', 'old town', 'east'][district],
      sold,
    ];
  });
  return [['rooms', 'size', 'district', 'sold'], ...lines].map((each) => each.join(',')).join('\n');
}

/** Starts a job that learns from `table`. */
export async function started(
  { store, client }: TestCrucible,
  name: string,
  table: string,
  fields: object = {},
  models: Record<string, string> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crucible-fit-'));
  await writeFile(join(folder, 'flats.csv'), table);
  const file = await checkedJob(
    { kind: 'fit', name, table: 'flats.csv', target: 'sold', metric: 'auc', ...fields },
    folder,
  );
  const submitted = await submit(file, { store, client, models: modelConfig(models), fresh: false });
  if (submitted.kind === 'finished') throw new Error('expected a new job, found a finished one');
  return submitted.jobId;
}

/** How a job ended. */
export async function endOf(
  { store }: TestCrucible,
  jobId: string,
): Promise<{ record: JobRecord; trials: Trial[]; summary: string }> {
  const record = await until(`the end of ${jobId}`, patienceMs, async () => {
    const found = await store.ledger.job(jobId);
    return found !== undefined && found.status !== 'running' && found;
  });
  const trials = (await store.ledger.trials(jobId)).map(({ trial }) => trial);
  return { record, trials, summary: record.result?.summary ?? '' };
}
