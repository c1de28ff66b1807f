import { isBaseline } from '../domain/candidate.ts';
import type { Job, StageJob } from '../domain/job.schema.ts';
import { asksModels } from '../domain/job.ts';
import type { Routes } from '../domain/job-input.ts';
import { isPart } from '../domain/kinds/kinds.ts';
import { foundIn, objectiveOf, reaches, triesTwice } from '../domain/objective.ts';
import { withoutAny } from '../domain/strategies.ts';
import { bestTrial, times } from '../domain/trial.ts';
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
}

/** Why a job that has ended has nothing to go on with, and what to add; null where there is something left to do. */
export async function nothingLeft(store: Store, record: JobRecord, again: Again): Promise<string | null> {
  const { job, routes, stageRoutes, moreMoney } = again;
  if ((await triesOf(store.ledger, record.id)).length > 0) return null;
  if (record.status === 'failed' && isPart(job) && asksModels(job) && !triesTwice(objectiveOf(job))) {
    const tried = (await readJob(store, record)).trials.length;
    return tried < job.budget.trials ? null : trialsUsed(tried, job.budget.trials);
  }
  if (record.status !== 'finished') return null;
  const kept = await readJob(store, record);
  if (isPart(job)) return nothingToTry(kept, { job, routes, moreMoney });
  const reasons: string[] = [];
  for (const { needs: _, ...stage } of job.stages) {
    const ran = kept.stages.find((each) => each.record.stage === stage.name);
    if (!triesTwice(objectiveOf(stage)) || ran === undefined) continue;
    const its = { job: stage, routes: stageRoutes[stage.name] ?? routes, moreMoney };
    const reason = nothingToTry(ran, its);
    if (reason === null) return null;
    reasons.push(job.stages.length === 1 ? reason : `stage ${stage.name}: ${reason}`);
  }
  return reasons.length > 0
    ? reasons.join('; ')
    : 'its stages are finished; to do them again, run it with --fresh';
}

const trialsUsed = (tried: number, budget: number): string =>
  `${tried} of ${budget} trials used; add --budget trials=${2 * tried}`;

/** The same for a search. */
export function nothingToTry(
  { record: { result }, trials, steps, strategies }: KeptJob,
  { job, routes, moreMoney }: { job: StageJob; routes: Routes; moreMoney: boolean },
): string | null {
  const candidates = new Map(
    trials.flatMap(({ candidate }) => (isBaseline(candidate) ? [] : [[candidate.id, candidate]])),
  );
  const budget = job.budget.trials;
  if (candidates.size >= budget) return trialsUsed(candidates.size, budget);
  const objective = objectiveOf(job);
  const best = bestTrial(trials, objective);
  if (
    'goal' in job &&
    job.goal !== undefined &&
    best !== null &&
    reaches(foundIn(best.outcome), job.goal, objective)
  )
    return `the goal of ${times(job.goal)} is met`;
  const applicable = strategies?.applicable.length;
  if (applicable === undefined) return null;
  const tried = [...candidates.values()].filter(({ operator }) => operator === 'strategy').length;
  const inapplicable = steps.filter(
    ({ kind, end }) => kind === 'propose' && end.kind === 'done' && end.result === null,
  ).length;
  if (tried + inapplicable < applicable) return null;
  const { draft, debug, improve } = routes;
  if ([...draft, ...debug, ...improve].length === 0)
    return `${applicable === 0 ? 'no strategy applies' : 'every strategy that applies was tried'}, and no model is configured: ${withoutAny}`;
  const outOfMoney = /stopped because out of budget/.test(result?.found ?? result?.summary ?? '');
  return outOfMoney && !moreMoney
    ? 'its money or its tokens are used; add --budget usd=N, or tokens=N'
    : null;
}
