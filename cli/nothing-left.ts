import { isBaseline } from '../domain/candidate.ts';
import type { Job, StageJob } from '../domain/job.schema.ts';
import { asksModels } from '../domain/job.ts';
import type { Routes } from '../domain/job-input.schema.ts';
import type { ExperimentJob } from '../domain/kinds/experiment.schema.ts';
import { gridIn, isPart } from '../domain/kinds/kinds.ts';
import type { PipelineJob } from '../domain/kinds/pipeline.schema.ts';
import { foundIn, meetsGoal, objectiveOf, triesTwice } from '../domain/objective.ts';
import { withoutAny } from '../domain/strategies.ts';
import { bestTrial, goalText } from '../domain/trial.ts';
import { readCells } from '../record/cells.ts';
import { type KeptJob, readJob } from '../record/kept-job.ts';
import type { JobRecord } from '../store/ledger/jobs.ts';
import type { Store } from '../store/store.ts';
import { triesOf } from '../store/tries-of.ts';

/** What a finished job would be taken up with. */
interface Again {
  job: Job;
  routes: Routes;
  stageRoutes: Record<string, Routes>;
  /** Whether it is given more money or tokens than it had. */
  moreMoney: boolean;
  /** Cells that are to be run again. */
  anew?: readonly string[] | undefined;
}

/** Why a job that has ended has nothing to go on with. */
export interface NothingLeft {
  /** What to add is said in it, too. */
  reason: string;
  /** The trials it would take to go on; unset: more trials are no help. */
  trials?: number;
}

/**
 * Returns why a job that has ended has nothing to go on with. Returns null where there is something left to do.
 */
export async function nothingLeft(
  store: Store,
  record: JobRecord,
  again: Again,
): Promise<NothingLeft | null> {
  const { job } = again;
  const grid = gridIn(job);
  if (grid !== null) return noCellLeft(store, record, grid, again.anew ?? []);
  const kept = await readJob(store, record);
  if (!isPart(job)) return 'stages' in job ? nothingLeftBelow(store, kept, { ...again, job }) : null;
  if (await ranOnce(store, kept))
    return {
      reason: `its one program was run, and is not run again as it is; to do that, run the job with --fresh`,
    };
  if ((await triesOf(store.ledger, record.id)).length > 0) return null;
  const objective = objectiveOf(job);
  if (triesTwice(objective))
    return record.status === 'finished' ? nothingToTry(kept, { ...again, job }) : null;
  const best = bestTrial(kept.trials, objective);
  if (record.status === 'finished' && best !== null)
    return { reason: `${best.candidate.id} passes every check; to do it anew, run it with --fresh` };
  const tried = kept.trials.length;
  return record.status === 'failed' && asksModels(job) && tried >= job.budget.trials
    ? trialsUsed(tried, job.budget.trials)
    : null;
}

/** The same of a pipeline: of its searches where it is finished, else of the stages that failed. */
async function nothingLeftBelow(
  store: Store,
  { record, stages }: KeptJob,
  { job, routes, stageRoutes, moreMoney }: Again & { job: PipelineJob },
): Promise<NothingLeft | null> {
  if (record.status === 'cancelled') return null;
  const found: NothingLeft[] = [];
  for (const { needs: _, ...stage } of job.stages) {
    const ran = stages.find((each) => each.record.stage === stage.name);
    const its = { job: stage, routes: stageRoutes[stage.name] ?? routes, stageRoutes: {}, moreMoney };
    const counts =
      record.status === 'failed' ? ran?.record.status === 'failed' : triesTwice(objectiveOf(stage));
    if (ran === undefined || !counts) continue;
    const left = await nothingLeft(store, ran.record, its);
    if (left === null) return null;
    const named = job.stages.length === 1 ? '' : `stage ${stage.name}: `;
    found.push({ ...left, reason: `${named}${left.reason}` });
  }
  if (found.length > 0)
    return {
      ...found.find(({ trials }) => trials !== undefined),
      reason: found.map(({ reason }) => reason).join('; '),
    };
  return record.status === 'finished'
    ? { reason: 'its stages are finished; to do them again, run it with --fresh' }
    : null;
}

/** The same of an experiment: by its cells. */
async function noCellLeft(
  store: Store,
  record: JobRecord,
  job: ExperimentJob,
  anew: readonly string[],
): Promise<NothingLeft | null> {
  if (record.status !== 'finished' || anew.length > 0) return null;
  const rows = await readCells(store, record, job);
  const over = rows.filter(({ status }) => status === 'finished' || status === 'failed');
  const behind = rows.filter(({ status }) => status === 'behind');
  if (over.length + behind.length < rows.length) return null;
  const failed = over.filter(({ status }) => status === 'failed').length;
  const retry =
    failed === 0 ? '' : `; to run those again that failed: crucible retry ${record.name} --failed`;
  const rest = behind.length === 0 ? '' : `, and the arms of the other ${behind.length} were behind`;
  return { reason: `all of its ${over.length} cells are done${rest}${retry}` };
}

/** Returns whether a job was to run one program, and that is on record. */
export async function ranOnce(store: Store, { record, job, trials }: KeptJob): Promise<boolean> {
  if (trials.length === 0 || asksModels(job) || triesTwice(objectiveOf(job))) return false;
  return (await store.ledger.decisions(record.id)).length === 0;
}

const trialsUsed = (tried: number, budget: number): NothingLeft => ({
  reason: `${tried} of ${budget} trials used; add --budget trials=${2 * tried}`,
  trials: 2 * tried,
});

/** The same for a search. */
export function nothingToTry(
  { record: { result }, trials, steps, strategies }: KeptJob,
  { job, routes, moreMoney }: Pick<Again, 'routes' | 'moreMoney'> & { job: StageJob },
): NothingLeft | null {
  const candidates = new Map(
    trials.flatMap(({ candidate }) => (isBaseline(candidate) ? [] : [[candidate.id, candidate]])),
  );
  const budget = job.budget.trials;
  if (candidates.size >= budget) return trialsUsed(candidates.size, budget);
  const objective = objectiveOf(job);
  const best = bestTrial(trials, objective);
  if (best !== null && meetsGoal(foundIn(best.outcome), objective)) return { reason: goalText(objective) };
  const applicable = strategies?.applicable.length;
  if (applicable === undefined) return null;
  const tried = [...candidates.values()].filter(({ operator }) => operator === 'strategy').length;
  const inapplicable = steps.filter(
    ({ kind, end }) => kind === 'propose' && end.kind === 'done' && end.result === null,
  ).length;
  if (tried + inapplicable < applicable) return null;
  const { draft, debug, improve } = routes;
  if ([...draft, ...debug, ...improve].length === 0)
    return {
      reason: `${applicable === 0 ? 'no strategy applies' : 'every strategy that applies was tried'}, and no model is configured: ${withoutAny}`,
    };
  const outOfMoney = /stopped because out of budget/.test(result?.found ?? result?.summary ?? '');
  return outOfMoney && !moreMoney
    ? { reason: 'its money or its tokens are used; add --budget usd=N, or tokens=N' }
    : null;
}
