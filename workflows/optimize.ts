import { defaults } from '../domain/defaults.ts';
import type { JobInput, JobResult } from '../domain/job-input.schema.ts';
import { candidatesIn, isRight, type Journal, type JournalRow, rowOf } from '../domain/journal.ts';
import { optimizeExam, optimizeOriginal } from '../domain/judging.ts';
import type { OptimizeJob } from '../domain/kinds/optimize.schema.ts';
import { restsOn } from '../domain/kinds/optimize.ts';
import { best, meetsGoal, objectiveOf } from '../domain/objective.ts';
import { policies } from '../domain/search-policy.ts';
import { goalText, times } from '../domain/trial.ts';
import { withEnvironment } from './job/environment.ts';
import { runJob } from './job/frame.ts';
import { packProgram } from './job/proxies.ts';
import { measureBaseline } from './loop/baseline.ts';
import { searchFor } from './loop/search-for.ts';
import { byStrategy, routesOf, strategiesFor, whyNone } from './loop/strategies.ts';

const trialsAtOnce = 2;

/** Measures the program as it is, then searches for a faster one that is still right, within the budget. */
export async function optimize(input: JobInput<OptimizeJob>): Promise<JobResult> {
  return runJob(input, async (running) => {
    const { job } = running;
    const objective = objectiveOf(job);
    const { candidate: packed, seen } = await packProgram({
      ...running.placeOf('c-0/pack'),
      ...{ files: input.files, original: optimizeOriginal(job) },
    });
    const asked = await withEnvironment(running, optimizeExam(job, input.files, seen));
    // What can be tried is known from the text: it is told before anything takes long.
    const strategies = await strategiesFor(running, packed, asked);
    running.tell('measuring the program as it is');
    const { exam, trial: baseline, sample } = await measureBaseline(running, packed, asked);
    const observed = {
      sample,
      environment: exam.environment,
      record: strategies.record ?? null,
      made: strategies.made ?? null,
    };
    const routes = routesOf(input);
    const { journal, stopped } = await searchFor(running, {
      ...{ exam, original: packed.program, sample, atOnce: trialsAtOnce },
      policy: policies[job.policy],
      first: [rowOf(baseline, objective)],
      strategies: {
        applicable: strategies.applicable,
        propose: (strategy, id) => byStrategy(running, strategy, id, packed, observed),
      },
      models: routes.length > 0,
      enough: (top) => (top !== undefined && meetsGoal(top, objective) ? goalText(objective) : null),
    });
    const why = routes.length === 0 ? `${stopped}${whyNone(strategies)}` : stopped;
    const rests = job.casesFrom === undefined ? '' : `. ${restsOn(job.casesFrom)}`;
    return {
      summary: `${summaryOf(journal, best(journal, objective), why)}${rests}`,
      best: null,
      refused: 0,
      product: null,
    };
  });
}

function summaryOf(journal: Journal, top: JournalRow | undefined, stopped: string): string {
  const tried = journal.length - 1;
  const right = candidatesIn(journal).filter(isRight).length;
  const found =
    top === undefined || top.metric === null
      ? 'nothing faster that is right was found'
      : `${top.title} is ${times(top.metric.value)} faster (at least ${times(top.metric.low)} with ${defaults.confidence * 100} % confidence)`;
  return `${found}; ${tried} tried, ${right} right; stopped because ${stopped}`;
}
