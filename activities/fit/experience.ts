import { z } from 'zod';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { Blend, FoldsEnded } from '../../domain/table.schema.ts';
import { readJson, writeJson } from '../../store/documents.ts';
import type { Store } from '../../store/store.ts';
import { fittedIn } from './fitted.ts';
import { fileIn } from './table-files.ts';

/** What worked on a table: its meta-features, the configurations that the blend was made of, and with what weight. */
const Experience = z.object({
  job: z.string(),
  /** The table, and the rows that were kept apart of it. */
  table: z.string(),
  kept: z.string(),
  meta: z.looseObject({}),
  rows: z.array(
    z.object({ config: FoldsEnded.shape.config, score: z.number().nullable(), seconds: z.number() }),
  ),
  blend: z.array(z.object({ id: z.string(), weight: z.number() })),
});
export type Experience = z.infer<typeof Experience>;

/** So many earlier jobs are looked at, the newest first. */
const mostJobs = 60;

/** The artifact of a job's blend that later jobs read. */
export const experienceFile = 'experience';

/** Returns what a finished search taught, for jobs that come later. */
export async function experienceOf(
  store: Store,
  { jobId, table, blend }: { jobId: string; table: Tree; blend: Artifact },
): Promise<Artifact> {
  const { blobs } = store;
  const { members, leaderboard } = await readJson(blobs, blend, Blend);
  const fitted = await fittedIn(store, jobId);
  const known = members.flatMap(({ id, weight }) => {
    const found = fitted.find((each) => each.id === id);
    // What somebody brought is of its table alone.
    return found === undefined || !('model' in found.config) ? [] : [{ found, weight }];
  });
  const experience: Experience = {
    ...{ job: jobId, table: fileIn(table, 'table.arrow'), kept: fileIn(table, 'test.arrow') },
    meta: await readJson(blobs, fileIn(table, 'meta.json'), z.looseObject({})),
    rows: known.map(({ found: { id, config, folds } }) => ({
      config,
      score: leaderboard.find((row) => row.id === id)?.score ?? null,
      seconds: folds.reduce((sum, { seconds }) => sum + seconds, 0),
    })),
    blend: known.map(({ found, weight }) => ({ id: found.config.id, weight })),
  };
  return writeJson(blobs, experience);
}

/**
 * Returns what earlier jobs taught that may be used on this table. Of the same table split in another way
 * nothing is taken. What worked there was chosen by rows that are kept apart here.
 */
export async function experienceFor({ ledger, blobs }: Store, table: Tree): Promise<Experience[]> {
  const jobs = await ledger.jobs({ kind: ['fit'], status: 'finished', limit: mostJobs });
  const found = await Promise.all(
    jobs.map(async ({ id }) => {
      const blend = (await ledger.trials(id)).findLast(({ trial }) => experienceFile in trial.artifacts);
      const artifact = blend?.trial.artifacts[experienceFile];
      return artifact === undefined ? [] : [await readJson(blobs, artifact, Experience)];
    }),
  );
  const [own, kept] = [fileIn(table, 'table.arrow'), fileIn(table, 'test.arrow')];
  return found.flat().filter((each) => each.table !== own || each.kept === kept);
}
