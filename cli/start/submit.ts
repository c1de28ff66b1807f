import { createHash } from 'node:crypto';
import { routesKey } from '../../domain/cells.ts';
import type { Job } from '../../domain/job.schema.ts';
import { askingOf, asksModels } from '../../domain/job.ts';
import { identityOf, jobId, jobSeries } from '../../domain/job-id.ts';
import type { JobInput, Routes } from '../../domain/job-input.schema.ts';
import { noRoutes } from '../../domain/job-input.ts';
import { gridIn, partsOf, stagesOf } from '../../domain/kinds/kinds.ts';
import { explainNoRoute, type ModelConfig, namesModels, routesFor } from '../../llm/catalogue/routes.ts';
import type { JobRecord } from '../../store/ledger/jobs.ts';
import type { Store } from '../../store/store.ts';
import { filesBeside } from '../beside.ts';
import type { JobClient } from '../server/client.ts';
import { type JobFile, packFiles } from './job-file.ts';

/** What submitting a job led to. `finished`: it was done before, as the record says. */
export type Submitted =
  | { kind: 'started' | 'attached'; jobId: string }
  | { kind: 'finished'; record: JobRecord };

/**
 * Stores a job with its files and starts it. The same job again attaches where it runs, and shows it where it is finished. It is a new run
 * after a failure or a cancel, with `fresh`, or with stages to do `anew`.
 */
export async function submit(
  file: JobFile,
  {
    store,
    client,
    models,
    fresh,
    anew = [],
    spentMs,
  }: {
    store: Store;
    client: JobClient;
    models: ModelConfig;
    fresh: boolean;
    anew?: readonly string[];
    spentMs?: number | undefined;
  },
): Promise<Submitted> {
  const { job } = file;
  const tree = await packFiles(file, store.blobs);
  const files = await store.blobs.put(JSON.stringify(tree));
  return startRun(identityOf(job, files), {
    ...{ store, client, fresh: fresh || anew.length > 0 },
    input: {
      storeId: store.id,
      job,
      files,
      beside: await store.blobs.put(JSON.stringify(await filesBeside(file))),
      role: 'job',
      parent: null,
      ...routesOf(job, models),
      searchable: client.searchable,
      fresh,
      ...(anew.length === 0 ? {} : { anew: [...anew] }),
      ...(spentMs === undefined ? {} : { spentMs }),
      resumed: 0,
    },
  });
}

/**
 * Starts a job that is told from others by `identity`. The same again attaches to it, or shows it, as `submit`
 * says.
 */
export async function startRun(
  identity: string,
  {
    store,
    client,
    fresh,
    input,
  }: { store: Store; client: JobClient; fresh: boolean; input: Omit<JobInput, 'jobId' | 'series' | 'run'> },
): Promise<Submitted> {
  const series = jobSeries(input.job, createHash('sha256').update(identity).digest('hex'));
  // A job that only seems to run would be waited for in vain.
  if ((await store.ledger.latestRun(series))?.status === 'running') await client.closeEnded(store);
  const latest = await store.ledger.latestRun(series);
  if (latest?.status === 'finished' && !fresh) return { kind: 'finished', record: latest };
  const goesOn = latest?.status === 'running' && !fresh;
  const run = latest === undefined ? 1 : goesOn ? latest.run : latest.run + 1;
  const id = jobId(series, run);
  await client.start({ ...input, jobId: id, series, run });
  return { kind: goesOn ? 'attached' : 'started', jobId: id };
}

/** The routes a model can be asked on, of a search or of each stage that is one. */
export function routesOf(job: Job, models: ModelConfig): Pick<JobInput, 'routes' | 'stageRoutes'> {
  const of = (part: Job): Routes => {
    const asking = askingOf(part);
    const routes = asking?.roles.map((role) => [
      role,
      routesFor(role, asking.models, models, part.budget.usd),
    ]);
    return { ...noRoutes, ...Object.fromEntries(routes ?? []) };
  };
  return {
    routes: of(job),
    stageRoutes: Object.fromEntries(
      gridIn(job) !== null
        ? partsOf(job).map(({ part }) => [routesKey(part), of(part)])
        : stagesOf(job)
            .filter(asksModels)
            .map((stage) => [stage.name, of(stage)]),
    ),
  };
}

/**
 * What is to be said where a job will do without models. Null where it has some, or could not use them. That
 * nothing at all is configured is news to a `newcomer` alone.
 */
export function withoutModels(
  { job }: JobFile,
  models: ModelConfig,
  { newcomer }: { newcomer: boolean },
): string | null {
  for (const { part } of partsOf(job)) {
    const asking = askingOf(part);
    if (asking?.otherwise == null || routesFor('improve', asking.models, models).length > 0) continue;
    if (newcomer || namesModels(asking.models) || Object.keys(models.access).length > 0)
      return `${explainNoRoute(asking.models, models)}. ${asking.otherwise}.`;
  }
  return null;
}

/** Whether no job was ever submitted to this store. */
export const isNewcomer = async ({ ledger }: Store): Promise<boolean> =>
  (await ledger.jobs({ limit: 1 })).length === 0;
