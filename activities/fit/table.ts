import { createHash } from 'node:crypto';
import type { Artifact, Tree } from '../../domain/artifact.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { JobRejected } from '../../domain/errors.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import { type Place, stepKey } from '../../domain/step.ts';
import { LearningPlan, Look, leftOutLines, Meta, type SplitTable } from '../../domain/table.schema.ts';
import { readJson, readTree, writeJson } from '../../store/documents.ts';
import { type ActivityContext, takeStep } from '../context.ts';
import { programsOf } from '../propose/sandbox-programs.ts';
import { experienceFor } from './experience.ts';
import { createLearning, type Learning } from './learning.ts';
import { fileIn } from './table-files.ts';

/** What is asked of a table before anything is known of it: the target may be missing. */
export type Asked = Omit<Partial<FitJob>, 'table'> & Pick<FitJob, 'table' | 'limits' | 'cores'>;

export type TableActivities = ReturnType<typeof createTableActivities>;

/** A look and a split read the whole table; the supervisor ends them after this. */
const lookMs = 10 * 60_000;

export const createTableActivities = ({ store, sandbox }: ActivityContext) => {
  const { blobs, ledger } = store;
  const learning = createLearning({ store, sandbox });

  return {
    /** Looks at the job's table, splits it, and plans what to fit within `seconds`. Says in the job's log what was found. */
    async prepareTable({
      job,
      files,
      seconds,
      ...place
    }: Place & { job: FitJob; files: Artifact; seconds: number }): Promise<SplitTable> {
      return takeStep<SplitTable>(store, place, 'table', async ({ signal }) => {
        const given = await readTree(blobs, files);
        const looked = await lookAt({ store, learning }, place, { asked: job, given, signal });
        const { task, table } = tableFiles(job, given);
        const inputs = {
          ...table,
          'task.json': await writeJson(blobs, { ...task, seconds, threads: job.cores }),
        };
        const common = { shared: null, limits: { ...job.limits, wallMs: lookMs }, cores: job.cores };
        const split = await learning.trusted(
          place,
          { script: 'split', files: { ...inputs, ...looked }, ...common },
          signal,
        );
        const earlier = job.experience === false ? [] : await experienceFor(store, { ...looked, ...split });
        const plan = await learning.trusted(
          place,
          {
            script: 'plan',
            files: { ...inputs, ...looked, ...split, 'experience.json': await writeJson(blobs, earlier) },
            ...common,
          },
          signal,
        );
        const tree: Tree = { ...looked, ...split, ...plan, 'task.json': inputs['task.json'] };
        const { folds, reserveSeconds, models, from } = await readJson(
          blobs,
          fileIn(tree, 'plan.json'),
          LearningPlan,
        );
        const meta = await readJson(blobs, fileIn(tree, 'meta.json'), Meta);
        const look = await readJson(blobs, fileIn(tree, 'look.json'), Look);
        const lines = [
          `${look.rows} rows, ${look.columns.length} columns; ${look.task}: ${look.target.name}, by ${look.metric}`,
          ...leftOutLines(look),
          ...[...look.warnings, ...meta.warnings].map(({ message }) => `warning: ${message}`),
          `split: ${meta.split}: ${meta.rows} rows in ${folds} folds, ${meta.testRows} kept for the end`,
          ...from.map(({ job: each, what }) => `plan: begins with what worked in ${each} (${what})`),
          ...models.map(
            ({ name, why, share }) => `plan: ${name}, ${Math.round(share * 100)} % of the time: ${why}`,
          ),
        ];
        for (const [index, line] of lines.entries())
          await ledger.say(place.jobId, `${stepKey(place)}/${index}`, line, Date.now());
        return { files: await writeJson(blobs, tree), folds, reserveMs: Math.round(reserveSeconds * 1000) };
      });
    },

    /** Closes the sandboxes that stayed warm for the job. */
    async coolLearning(place: Place): Promise<void> {
      await learning.cool(place);
    },
  };
};

/**
 * Returns what a look at a table left behind. It is the one that the same table led to before, where nothing
 * else was asked.
 */
export async function lookAt(
  { store, learning }: Pick<ActivityContext, 'store'> & { learning: Learning },
  place: Place,
  { asked, given, signal }: { asked: Asked; given: Tree; signal: AbortSignal },
): Promise<Tree> {
  const { blobs, ledger } = store;
  const { task, table } = tableFiles(asked, given);
  const contentKey = await keyOf(store, { asked, given });
  const known = await ledger.recall(contentKey);
  if (typeof known === 'string' && (await blobs.has(known))) return readTree(blobs, known);
  const looked = await learning.trusted(
    place,
    {
      script: 'look',
      files: { ...table, 'task.json': await writeJson(blobs, task) },
      ...{ shared: null, limits: { ...asked.limits, wallMs: lookMs }, cores: asked.cores },
    },
    signal,
  );
  await keepLook(store, { asked, given, looked });
  return looked;
}

/** Keeps what a look left behind, for whoever asks this of the same table. */
export async function keepLook(
  store: ActivityContext['store'],
  { asked, given, looked }: { asked: Asked; given: Tree; looked: Tree },
): Promise<void> {
  await store.ledger.remember(await keyOf(store, { asked, given }), await writeJson(store.blobs, looked));
}

/** Returns what tells looks apart: the table, what is asked of it, and the scripts that look. */
async function keyOf(
  { blobs }: ActivityContext['store'],
  { asked, given }: { asked: Asked; given: Tree },
): Promise<string> {
  const { task, table } = tableFiles(asked, given);
  const content = JSON.stringify([task, table, await programsOf('learn', blobs)]);
  return `look ${createHash('sha256').update(content).digest('hex')}`;
}

/**
 * Returns the table, and the test where there is one, under names of their own. With them comes what is asked,
 * as the scripts read it.
 */
function tableFiles(asked: Asked, given: Tree): { table: Tree; task: Record<string, unknown> } {
  const { fit } = defaults;
  const placed = (path: string, name: string): [string, Artifact][] => {
    const artifact = given[path];
    if (artifact === undefined)
      throw new JobRejected(`${path}: expected a table among the files of the job, found none`);
    return [[`${name}${extensionOf(path)}`, artifact]];
  };
  const table = placed(asked.table, 'table');
  const test = asked.test === undefined ? [] : placed(asked.test, 'test');
  const { target, task, metric, groups, time, weights, drop, kinds, seed, interpretable, maxLatencyMs } =
    asked;
  return {
    table: Object.fromEntries([...table, ...test]),
    task: {
      ...{ table: table.map(([name]) => name), test: test[0]?.[0] ?? null },
      called: Object.fromEntries([
        ...table.map(([name]) => [name, asked.table]),
        ...test.map(([name]) => [name, asked.test]),
      ]),
      ...{ target, task, metric, groups, time, weights, drop, kinds, seed, interpretable, maxLatencyMs },
      ...{ folds: fit.folds, testShare: fit.testShare },
    },
  };
}

/** `.csv` of `data.csv`, `.csv.gz` of `data.csv.gz`: by it a table is read. */
const extensionOf = (path: string): string =>
  /(?:\.[A-Za-z0-9]{1,8}){0,2}$/.exec(path)?.[0].toLowerCase() ?? '';
