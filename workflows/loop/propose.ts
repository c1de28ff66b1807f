import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { NextDecision } from '../../domain/decision.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import {
  BudgetExhausted,
  finalForRoute,
  ModelQuotaExceeded,
  ModelUnauthenticated,
  waitedOut,
} from '../../domain/errors.ts';
import type { OptimizeJob } from '../../domain/job.schema.ts';
import { providerOf } from '../../domain/route.ts';
import { questionKey } from '../../domain/search-policy.ts';
import type { RunningJob } from '../job/frame.ts';
import { modelActivities, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import type { Proposed } from './search.ts';
import type { Bench } from './trial.ts';

/** Has decisions made into candidates. */
export interface Proposer {
  /**
   * A strategy's candidate from the sandbox; a draft, debug or improvement by a model, its routes tried in order. `none` where a
   * strategy turns out not to apply, or no route gave a usable program; `later` where none may be asked.
   */
  propose(decision: NextDecision, id: string): Promise<Proposed>;
  /** Why no more is to be proposed: the money is spent, or models fail one after another. Null to go on. */
  givenUp(): string | null;
}

/** A request that was begun in time is let come to its end. */
const leastMs = 60_000;

type ModelDecision = Exclude<NextDecision, { kind: 'strategy' }>;

/** `endsAt`: when the job's time is over, milliseconds since 1970. */
export function createProposer(
  running: RunningJob<OptimizeJob>,
  { bench, sample, endsAt }: { bench: Bench; sample: Artifact | null; endsAt: number },
): Proposer {
  const { job, placeOf } = running;
  let exhausted: string | null = null;
  let fruitless = 0;
  /** Different questions, since the last program, that models gave none for. */
  const inVain = new Set<string>();
  let lastReason = '';

  async function byModel(decision: ModelDecision, id: string): Promise<Candidate | null> {
    const routes = running.input.routes[decision.kind];
    let outOfBudget: string | null = null;
    const refusals: string[] = [];
    for (const [index, route] of routes.entries()) {
      const isLast = index === routes.length - 1;
      const leftMs = Math.max(leastMs, endsAt - Date.now());
      const { proposeByModel } = modelActivities(providerOf(route), leftMs, !isLast);
      const stepOf = (round: number): string =>
        `${id}/propose-${index}${round === 0 ? '' : `/repair-${round}`}`;
      for (let round = 0; round <= defaults.model.repairs; round += 1) {
        const repairs = round === 0 ? null : stepOf(round - 1);
        const what = round === 0 ? `${decision.kind} by ${route}` : `${route} repairs its reply`;
        try {
          return await summarized(`${id}: ${what}`, proposeByModel, {
            ...placeOf(stepOf(round)),
            ...{ job, id, route, decision, sample, repairs, isLast },
            files: running.input.files,
            fresh: running.input.fresh,
          });
        } catch (error) {
          const failure = failureOfModel(error);
          if (failure === undefined) throw error;
          if (failure.kind === 'BudgetExhausted') {
            // The next route may be cheaper, or cost nothing.
            outOfBudget = failure.message;
            break;
          }
          if (failure.kind === 'ModelReplyUnusable' && round < defaults.model.repairs) continue;
          lastReason = failure.message;
          if (accountsRefused.has(failure.kind)) refusals.push(failure.message);
          running.note(`${id}: ${route} gave no program: ${failure.message}`);
          break;
        }
      }
    }
    if (outOfBudget !== null) {
      const { jobId, parent } = running.input;
      exhausted = `out of budget: ${outOfBudget}. To go on: crucible resume ${parent?.jobId ?? jobId} --budget usd=N, or tokens=N`;
    }
    // Another question would be refused like this one.
    if (routes.length > 0 && refusals.length === routes.length) exhausted = refusals.join('; ');
    return null;
  }

  return {
    async propose(decision, id) {
      if (decision.kind !== 'strategy') {
        const candidate = await byModel(decision, id);
        if (candidate !== null) {
          fruitless = 0;
          inVain.clear();
          return candidate;
        }
        if (exhausted !== null) return 'later';
        fruitless += 1;
        inVain.add(decision.kind === 'draft' ? id : questionKey(decision));
        return 'none';
      }
      const { proposeByStrategy } = sandboxActivities(job.limits);
      const { strategy } = decision;
      const candidate = await summarized(`${id}: ${strategy}`, proposeByStrategy, {
        // The step of what models propose, too: a candidate's number stands for one program.
        ...placeOf(`${id}/proposed`),
        ...{ job, id, strategy, sample },
        program: bench.baselineProgram,
      });
      return candidate ?? 'none';
    },
    givenUp() {
      if (exhausted !== null) return exhausted;
      return inVain.size < defaults.model.fruitlessProposals
        ? null
        : `models gave no program ${fruitless} times in a row; the last reason: ${lastReason}`;
    },
  };
}

const accountsRefused: ReadonlySet<string> = new Set([ModelUnauthenticated.name, ModelQuotaExceeded.name]);

const failuresOfModels: ReadonlySet<string> = new Set(
  [BudgetExhausted, ...finalForRoute, ...waitedOut].map((each) => each.name),
);

/** Undefined where the platform failed, or the job was cancelled. */
function failureOfModel(error: unknown): { kind: string; message: string } | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    // With a failure of the model as its cause it was waiting for a retry.
    const last =
      cause.cause instanceof ApplicationFailure ? cause.cause.message : 'no worker answered in time';
    return { kind: 'TimedOut', message: last };
  }
  if (!(cause instanceof ApplicationFailure) || !failuresOfModels.has(cause.type ?? '')) return undefined;
  return { kind: cause.type ?? '', message: cause.message };
}
