import { type ActivityOptions, inWorkflowContext, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CellActivities } from '../../activities/cells.ts';
import type { ChatActivities } from '../../activities/chat.ts';
import type { EnvironmentActivities } from '../../activities/environment.ts';
import type { ExtensionActivities } from '../../activities/extension.ts';
import type { CurveActivities } from '../../activities/fit/curve.ts';
import type { DecideActivities } from '../../activities/fit/decide.ts';
import type { DeliverActivities } from '../../activities/fit/deliver.ts';
import type { EndActivities } from '../../activities/fit/end.ts';
import type { FoldActivities } from '../../activities/fit/fold.ts';
import type { PlanActivities } from '../../activities/fit/plan-by-model.ts';
import type { TableActivities } from '../../activities/fit/table.ts';
import type { WordsActivities } from '../../activities/fit/words-by-model.ts';
import type { JobActivities } from '../../activities/job.ts';
import type { FixActivities } from '../../activities/propose/by-fix.ts';
import type { HandActivities } from '../../activities/propose/by-hand.ts';
import type { ModelActivities } from '../../activities/propose/by-model.ts';
import type { RecipeActivities } from '../../activities/propose/by-recipe.ts';
import type { StrategyActivities } from '../../activities/propose/by-strategy.ts';
import type { OtherFixActivities } from '../../activities/propose/other-fixes.ts';
import type { ReportActivities } from '../../activities/report.ts';
import type { SampleActivities } from '../../activities/sample.ts';
import type { BuildActivities } from '../../activities/try/build.ts';
import type { CaseActivities } from '../../activities/try/cases.ts';
import type { GradeActivities } from '../../activities/try/grade.ts';
import type { MeasureActivities } from '../../activities/try/measure.ts';
import type { RunActivities } from '../../activities/try/run.ts';
import type { SanitizeActivities } from '../../activities/try/sanitize.ts';
import { finalErrors } from '../../domain/errors.ts';
import type { Limits } from '../../domain/limits.schema.ts';
import { benchOf, endingIn, modelQueue, queues } from '../../domain/queues.ts';

/** A queue of the store that the job is of. */
const ending = inWorkflowContext() ? endingIn(workflowInfo().taskQueue) : '';
const own = (queue: string): string => `${queue}${ending}`;

const common: ActivityOptions = {
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '30s',
    // About a quarter of an hour: a restarted engine or a full disk is answered within that, or by a person.
    maximumAttempts: 40,
    nonRetryableErrorTypes: [...finalErrors],
  },
};

/** A worker that is gone is noticed after this; a cancel arrives with the next beat. */
const beating: ActivityOptions = { ...common, heartbeatTimeout: '10s' };

/** Bookkeeping in the ledger and the store: short, safe to repeat. */
const bookkeeping: ActivityOptions = {
  ...beating,
  taskQueue: own(queues.orchestrate),
  startToCloseTimeout: '60s',
};
export const {
  openJob,
  closeJob,
  takeMessage,
  readJournal,
  recordDecision,
  endInVain,
  recordTrial,
  packProgram,
  packInputs,
  mergeFiles,
} = proxyActivities<JobActivities>(bookkeeping);
export const { packExtension, keepExtension } = proxyActivities<ExtensionActivities>(bookkeeping);
export const { packSample } = proxyActivities<SampleActivities>(bookkeeping);
export const { readStanding, endTurn } = proxyActivities<ChatActivities>(bookkeeping);
export const { cellsLeft, tableOfCells } = proxyActivities<CellActivities>(bookkeeping);
export const { proposeOther } = proxyActivities<OtherFixActivities>(bookkeeping);
export const { proposeByHand } = proxyActivities<HandActivities>(bookkeeping);
export const { proposeByRecipe } = proxyActivities<RecipeActivities>(bookkeeping);

export const { writeReport } = proxyActivities<ReportActivities>({
  ...beating,
  taskQueue: own(queues.orchestrate),
  startToCloseTimeout: '5m',
});

/** Packages are downloaded and unpacked: large ones take minutes, and an index that is down is waited for. */
const fetching: ActivityOptions = { ...beating, taskQueue: own(queues.build), startToCloseTimeout: '60m' };
export const { prepareEnvironment } = proxyActivities<EnvironmentActivities>(fetching);

/** The same for one candidate, which is worth no long wait: it may do without. */
export const { prepareEnvironment: preparePackages } = proxyActivities<EnvironmentActivities>({
  ...fetching,
  retry: { ...common.retry, maximumAttempts: 3 },
});

/** Waiting for a worker that holds the provider's key, where another route could be asked instead. */
const waitForKey = '5m';

/**
 * Returns what sends requests to one provider. A retry waits as long as the provider, its rate or the budget asks. `leftMs`, what is left of
 * the job's time, ends it. The ledger counts how often a route is tried.
 */
export function modelActivities(provider: string, leftMs: number, hasFallback: boolean) {
  return proxyActivities<ModelActivities & PlanActivities & WordsActivities>({
    ...beating,
    taskQueue: own(modelQueue(provider)),
    // Above the deadline of a whole reply.
    startToCloseTimeout: '35m',
    scheduleToCloseTimeout: leftMs,
    ...(hasFallback ? { scheduleToStartTimeout: waitForKey } : {}),
    retry: { ...common.retry, maximumAttempts: Number.POSITIVE_INFINITY },
  });
}

/** A sandbox is waited for behind others and cleaned up after: this much on top of its own limit. */
const aroundMs = 10 * 60_000;

/** The activities that run a sandbox within `limits`; `host` is the bench that was claimed. */
export function sandboxActivities(limits: Limits) {
  const within = { ...beating, startToCloseTimeout: limits.wallMs + aroundMs };
  const at = (taskQueue: string): ActivityOptions => ({ ...within, taskQueue: own(taskQueue) });
  // A proxy makes its functions when they are asked for by name: it cannot be spread.
  const { prepareCases, listStrategies, proposeByStrategy, proposeByFix, runProgram } = proxyActivities<
    CaseActivities & StrategyActivities & FixActivities & RunActivities
  >(at(queues.sandbox));
  const { buildProgram, sanitizeProgram } = proxyActivities<BuildActivities & SanitizeActivities>(
    at(queues.build),
  );
  const { gradeModule, gradeRun, gradeTimed, tryCheck } = proxyActivities<GradeActivities>(at(queues.grade));
  const { claimBench, measure } = proxyActivities<MeasureActivities>(at(queues.bench));
  const measureOn = (host: string) => proxyActivities<MeasureActivities>(at(benchOf(host))).measure;
  return {
    ...{ prepareCases, listStrategies, proposeByStrategy, proposeByFix, runProgram },
    ...{
      buildProgram,
      sanitizeProgram,
      gradeModule,
      gradeRun,
      gradeTimed,
      tryCheck,
      claimBench,
      measure,
      measureOn,
    },
  };
}

/** The activities that learn from a table. Those that hold labels, and no program, run where what is graded does. */
export function learningActivities(limits: Limits) {
  const within = { ...beating, startToCloseTimeout: limits.wallMs + aroundMs };
  const { fitFold, applyMembers, probeMembers, drawCurve } = proxyActivities<
    FoldActivities & EndActivities & DeliverActivities & CurveActivities
  >({ ...within, taskQueue: own(queues.sandbox) });
  const { gradeFolds, blendFits, judgeTest, decideFit, explainBlend, deliverModel } = proxyActivities<
    FoldActivities & EndActivities & DeliverActivities & DecideActivities
  >({ ...within, taskQueue: own(queues.grade) });
  // Packages are installed first, where no job needed them yet.
  const { prepareTable, coolLearning } = proxyActivities<TableActivities>({
    ...fetching,
    taskQueue: own(queues.sandbox),
  });
  return {
    ...{ fitFold, applyMembers, probeMembers, drawCurve, gradeFolds, blendFits, judgeTest, decideFit },
    ...{ explainBlend, deliverModel, prepareTable, coolLearning },
  };
}
