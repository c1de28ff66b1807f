import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { FitJob } from '../../domain/kinds/fit.schema.ts';
import type { SplitTable } from '../../domain/table.schema.ts';
import type { RunningJob } from '../job/frame.ts';
import { summarized } from '../job/summary.ts';
import { askRoutes } from './ask.ts';

/** A model's plan that is being asked for beside a search. */
export interface PlanAsked {
  /** The plan, as soon as there is one; the search waits for none. */
  plan(): Artifact | null;
  /** Asks no longer: the search is over. */
  end(): void;
}

/** Asks the routes for plans, where there are any, how the time of a search is best spent. A model that gives none is noted, and costs no time. */
export function askForPlan(running: RunningJob<FitJob>, table: SplitTable): PlanAsked {
  let plan: Artifact | null = null;
  const scope = new CancellationScope();
  if (running.input.routes.plan.length > 0)
    void scope
      .run(async () => {
        const asked = await askRoutes(running, {
          ...{ role: 'plan', about: 'a plan', step: 'plan' },
          ask: ({ planByModel }, attempt, doing) =>
            summarized(doing, planByModel, { ...attempt, job: running.job, table }),
        });
        if (asked.kind !== 'answered') return;
        plan = asked.answer;
        running.note('a model planned a second set of candidates');
      })
      .catch((error: unknown) => {
        if (!isCancellation(error))
          running.note('a model could not be asked for a plan: the planner chooses alone');
      });
  return { plan: () => plan, end: () => scope.cancel() };
}
