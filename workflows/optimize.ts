import type { Artifact } from '../domain/artifact.schema.ts';
import type { Candidate } from '../domain/candidate.schema.ts';
import { defaults } from '../domain/defaults.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { candidatesIn, isRight, type Journal, type JournalRow, rowOf } from '../domain/journal.ts';
import { type Exam, optimizeExam, optimizeOriginal } from '../domain/judging.ts';
import { best, objectiveOf, reaches } from '../domain/objective.ts';
import { draftsWithin, policies } from '../domain/search-policy.ts';
import { trialStep } from '../domain/step.ts';
import type { StrategyList } from '../domain/strategies.schema.ts';
import { notUsedText, withoutAny } from '../domain/strategies.ts';
import { times } from '../domain/trial.ts';
import { type RunningJob, runJob } from './job/frame.ts';
import { endInVain, packProgram, recordDecision, sandboxActivities } from './job/proxies.ts';
import { summarized } from './job/summary.ts';
import { casesFor, measureBaseline } from './loop/baseline.ts';
import { createProposer } from './loop/propose.ts';
import { search } from './loop/search.ts';
import { runTrial } from './loop/trial.ts';

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
    const { propose, givenUp } = createProposer(running, {
      ...{ original: packed.program, sample },
      endsAt: began + job.budget.wallMs,
    });

    const { journal, stopped } = await search(
      {
        policy: policies[job.policy],
        objective,
        known: {
          ...running.known,
          journal: [rowOf(baseline, objective), ...candidatesIn(running.known.journal)],
        },
        trials: job.budget.trials,
        strategies: strategies.applicable,
        models: routes.length > 0,
        drafts: draftsWithin(job.budget.trials),
        seed: job.seed,
        atOnce: trialsAtOnce,
        enough: (rows) => enough(job, best(rows, objective), Date.now() - began) ?? givenUp(),
      },
      {
        record: (decided) => recordDecision({ ...running.placeOf(`c-${decided.number}/decision`), decided }),
        endInVain: (number) => endInVain({ ...running.placeOf(`c-${number}/in-vain`), number }),
        propose: (decision, id, rows) => {
          running.tell(`${rows.length - 1} of ${job.budget.trials} trials done; proposing ${id}`);
          return propose(decision, id);
        },
        evaluate: (candidate) => {
          running.tell(`trying ${candidate.id}: ${candidate.title}`);
          return runTrial(running, candidate, 'trial', candidate.id, exam);
        },
        verify: ({ candidate, measurement }) => {
          const anew = exam.judging.kind === 'answers' ? 'with new secret inputs' : 'in new sandboxes';
          running.tell(`verifying ${candidate.id} again, ${anew}`);
          const path = trialStep(candidate.id, 'verification');
          return runTrial(running, candidate, 'verification', path, exam, measurement);
        },
        finished: (row, rows) => note(running, row, best(rows, objective)),
      },
    );
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

/** Why to stop before the trials are used up: the goal is met, or time is. */
function enough(job: OptimizeJob, top: JournalRow | undefined, elapsedMs: number): string | null {
  if (elapsedMs > job.budget.wallMs) return `the ${job.budget.wallMs / 1000} s of the budget are over`;
  const { goal } = job;
  return goal !== undefined && top !== undefined && reaches(top, goal, objectiveOf(job))
    ? `the goal of ${goal}× is met`
    : null;
}

function note(running: RunningJob<OptimizeJob>, row: JournalRow, top: JournalRow | undefined): void {
  const { metric } = row;
  const scored = metric === null ? row.outcome : `${times(metric.value)} (at least ${times(metric.low)})`;
  const verified = row.verified ? ', verified' : '';
  running.note(`${row.id} ${row.title}: ${scored}${verified}`, top?.metric?.value);
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
