import { defaults } from '../domain/defaults.ts';
import type { OptimizeJob } from '../domain/job.schema.ts';
import type { JobInput, JobResult } from '../domain/job-input.ts';
import { best, isRight, type Journal, rowOf } from '../domain/journal.ts';
import { policies } from '../domain/search-policy.ts';
import { measureBaseline } from './baseline.ts';
import { asJob, type Work } from './job.ts';
import { createProposer } from './propose.ts';
import { sandboxActivities } from './proxies.ts';
import { search } from './search.ts';
import { runTrial } from './trial.ts';

const trialsAtOnce = 2;

/** Measures the program as it is, then searches for a faster one that is still right, within the budget. */
export async function optimize(input: JobInput<OptimizeJob>): Promise<JobResult> {
  return asJob(input, async (work) => {
    const { job } = work;
    const began = Date.now();
    work.tell('measuring the program as it is');
    const { bench, trial: baseline, sample } = await measureBaseline(work);

    work.tell('looking for strategies that apply');
    const { listRecipes } = sandboxActivities(job.limits);
    const recipes = await listRecipes({ ...work.at('recipes'), job, program: bench.baselineProgram, sample });
    const { draft, debug, improve } = input.routes;
    const routes = [...new Set([...draft, ...debug, ...improve])];
    const asked =
      routes.length > 0 ? `models: ${routes.join(', ')}` : 'no model is configured: strategies alone';
    work.note(`${recipes.length} strategies apply; ${asked}`);
    const { propose, givenUp } = createProposer(work, { bench, sample, endsAt: began + job.budget.wallMs });

    const { journal, stopped } = await search(
      {
        policy: policies[job.policy],
        journal: [rowOf(baseline), ...work.journal.filter((row) => row.operator !== 'human')],
        trials: job.budget.trials,
        recipes,
        models: routes.length > 0,
        seed: job.seed,
        atOnce: trialsAtOnce,
        enough: (rows) => enough(job, rows, Date.now() - began) ?? givenUp(),
      },
      {
        propose: (decision, id, rows) => {
          work.tell(`${rows.length - 1} of ${job.budget.trials} trials done; proposing ${id}`);
          return propose(decision, id);
        },
        evaluate: (candidate) => {
          work.tell(`trying ${candidate.id}: ${candidate.title}`);
          return runTrial(work, candidate, 'trial', candidate.id, bench);
        },
        verify: ({ candidate }) => {
          work.tell(`verifying ${candidate.id} again, with new secret inputs`);
          return runTrial(work, candidate, 'verification', `${candidate.id}/verify`, bench);
        },
        finished: (row, rows) => note(work, row, rows),
      },
    );
    return { summary: summaryOf(journal, stopped), best: null, refused: 0, product: null };
  });
}

/** Why to stop before the trials are used up: the goal is met, or time is. */
function enough(job: OptimizeJob, journal: Journal, elapsedMs: number): string | null {
  if (elapsedMs > job.budget.wallMs) return `the ${job.budget.wallMs / 1000} s of the budget are over`;
  const low = best(journal)?.low ?? 0;
  return job.goal !== undefined && low >= job.goal ? `the goal of ${job.goal}× is met` : null;
}

const times = (value: number | null): string => `${(value ?? Number.NaN).toPrecision(3)}×`;

function note(work: Work<OptimizeJob>, row: Journal[number], journal: Journal): void {
  const scored = row.value === null ? row.outcome : `${times(row.value)} (at least ${times(row.low)})`;
  const verified = row.verified ? ', verified' : '';
  work.note(`${row.id} ${row.title}: ${scored}${verified}`, best(journal)?.value ?? undefined);
}

function summaryOf(journal: Journal, stopped: string): string {
  const top = best(journal);
  const tried = journal.length - 1;
  const right = journal.filter((row) => row.operator !== 'human' && isRight(row)).length;
  const found =
    top === undefined
      ? 'nothing faster that is right was found'
      : `${top.title} is ${times(top.value)} faster (at least ${times(top.low)} with ${defaults.confidence * 100} % confidence)`;
  return `${found}; ${tried} tried, ${right} right; stopped because ${stopped}`;
}
