import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { defaults } from '../domain/defaults.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { candidatesIn, isRight, type Journal, type JournalRow, rowOf } from '../domain/journal.ts';
import { type Exam, optimizeExam, optimizeOriginal } from '../domain/judging.ts';
import { best, objectiveOf, reaches } from '../domain/objective.ts';
import { policies } from '../domain/search-policy.ts';
import { proposedStep } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import { notUsedText, withoutAny } from '../domain/strategies.ts';
import { times } from '../domain/trial.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { packProgram, sandboxActivities } from './job/proxies.ts';
import { summarized } from './job/summary.ts';
import { casesFor, measureBaseline } from './loop/baseline.ts';
import { searchFor } from './loop/search-for.ts';

const trialsAtOnce = 2;

/** Measures the program as it is, then searches for a faster one that is still right, within the budget. */
export async function optimize(input: JobInput<OptimizeJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job } = running;
    const objective = objectiveOf(job);
    const began = Date.now();
    const { candidate: packed, seen } = await packProgram({
      ...running.placeOf('c-0/pack'),
      ...{ files: input.files, original: optimizeOriginal(job) },
    });
    const asked = optimizeExam(job, input.files, seen);
    // What can be tried is known from the text: it is told before anything takes long.
    const strategies = await strategiesFor(running, packed, await sampleOf(running, asked));
    running.tell('measuring the program as it is');
    const { exam, trial: baseline, sample } = await measureBaseline(running, packed, asked);
    const routes = routesOf(input);
    const { journal, stopped } = await searchFor(running, {
      ...{ exam, sample, atOnce: trialsAtOnce, endsAt: began + job.budget.wallMs },
      policy: policies[job.policy],
      first: [rowOf(baseline, objective)],
      strategies: {
        applicable: strategies.applicable,
        propose: (strategy, id) => byStrategy(running, strategy, id, packed, sample),
      },
      models: routes.length > 0,
      enough: (top) => goalMet(job, top),
    });
    const why = routes.length === 0 ? `${stopped}${whyNone(strategies)}` : stopped;
    return {
      summary: summaryOf(journal, best(journal, objective), why),
      best: null,
      refused: 0,
      product: null,
    };
  });
}

/** The routes that models are asked on for programs. */
function routesOf({ routes: { draft, debug, improve } }: JobInput): string[] {
  return [...new Set([...draft, ...debug, ...improve])];
}

/** One case of a function, which nobody has answered: it tells the types of the arguments. Null for a script. */
async function sampleOf(running: RunningJob<OptimizeJob>, exam: Exam): Promise<Artifact | null> {
  const what = 'a sample case, for the types of the arguments';
  return (await casesFor(running, exam, 'c-0/sample', { checks: 0, timings: 1 }, what))?.caseSet ?? null;
}

/** Finds which strategies apply to the program as it is, and tells those that do not, with the reason. */
async function strategiesFor(
  running: RunningJob<OptimizeJob>,
  { program }: Candidate,
  sample: Artifact | null,
): Promise<StrategyList> {
  const { job, input } = running;
  running.tell('looking for strategies that apply');
  const routes = routesOf(input);
  const { listStrategies } = sandboxActivities(job.limits);
  const models = routes.length > 0;
  const asked = { ...running.placeOf('strategies'), job, program, sample, models };
  const list = await summarized('strategies that apply', listStrategies, asked);
  running.note(
    `${list.applicable.length} strategies apply; ${models ? `models: ${routes.join(', ')}` : 'no model is configured: strategies alone'}`,
  );
  for (const each of list.notUsed) running.note(`not used: ${notUsedText(each)}`);
  return list;
}

/** Has a strategy, or a combination, make a candidate of the program as it is. */
function byStrategy(
  { job, placeOf }: RunningJob<OptimizeJob>,
  strategy: string,
  id: string,
  { program }: Candidate,
  sample: Artifact | null,
): Promise<Candidate | null> {
  const { proposeByStrategy } = sandboxActivities(job.limits);
  return summarized(`${id}: ${strategy}`, proposeByStrategy, {
    // The step of what models propose, too: a candidate's number stands for one program.
    ...placeOf(proposedStep(id)),
    ...{ job, id, strategy, sample, program },
  });
}

/** That the goal is met; null where it is not, or there is none. */
function goalMet(job: OptimizeJob, top: JournalRow | undefined): string | null {
  const { goal } = job;
  return goal !== undefined && top !== undefined && reaches(top, goal, objectiveOf(job))
    ? `the goal of ${goal}× is met`
    : null;
}

/** The first reason why there was nothing to try, and what to do about it; nothing where strategies apply. */
const whyNone = ({ applicable, notUsed }: StrategyList): string =>
  applicable.length > 0 ? '' : ` (${notUsed.slice(0, 1).map(notUsedText).join('')}): ${withoutAny}`;

function summaryOf(journal: Journal, top: JournalRow | undefined, stopped: string): string {
  const tried = journal.length - 1;
  const right = candidatesIn(journal).filter(isRight).length;
  const found =
    top === undefined || top.metric === null
      ? 'nothing faster that is right was found'
      : `${top.title} is ${times(top.metric.value)} faster (at least ${times(top.metric.low)} with ${defaults.confidence * 100} % confidence)`;
  return `${found}; ${tried} tried, ${right} right; stopped because ${stopped}`;
}
