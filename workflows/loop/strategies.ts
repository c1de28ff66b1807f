import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import type { JobInput } from '../../domain/job-input.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import { proposedStep } from '../../domain/step.ts';
import type { StrategyList } from '../../domain/strategies.schema.ts';
import { notUsedText, withoutAny } from '../../domain/strategies.ts';
import type { RunningJob } from '../job/frame.ts';
import { sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { casesFor } from './baseline.ts';

/** Returns the routes that models are asked on for programs. */
export function routesOf({ routes: { draft, debug, improve } }: JobInput): string[] {
  return [...new Set([...draft, ...debug, ...improve])];
}

/** One case of a function, which nobody has answered: it tells the types of the arguments. Null for a script. */
async function sampleOf(running: RunningJob<OptimizeJob>, exam: Exam): Promise<Artifact | null> {
  const what = 'a sample case, for the types of the arguments';
  return (await casesFor(running, exam, 'c-0/sample', { checks: 0, timings: 1 }, what))?.caseSet ?? null;
}

/** Finds which strategies apply to the program as it is, and tells those that do not, with the reason. */
export async function strategiesFor(
  running: RunningJob<OptimizeJob>,
  { program }: Candidate,
  exam: Exam,
): Promise<StrategyList> {
  const { job, input } = running;
  const sample = await sampleOf(running, exam);
  running.tell('looking for strategies that apply');
  const routes = routesOf(input);
  const { listStrategies } = sandboxActivities(job.limits);
  const models = routes.length > 0;
  const { environment } = exam;
  const asked = { ...running.placeOf('strategies'), job, program, sample, models, environment };
  const list = await summarized('strategies that apply', listStrategies, asked);
  running.note(
    `${list.applicable.length} strategies apply; ${models ? `models: ${routes.join(', ')}` : 'no model is configured: strategies alone'}`,
  );
  for (const each of list.notUsed) running.note(`not used: ${notUsedText(each)}`);
  return list;
}

/** Has a strategy, or a combination, make a candidate of the program as it is. */
export function byStrategy(
  { job, placeOf }: RunningJob<OptimizeJob>,
  strategy: string,
  id: string,
  { program }: Candidate,
  known: {
    sample: Artifact | null;
    environment: Exam['environment'];
    record?: Artifact | null;
    made?: Artifact | null;
  },
): Promise<Candidate | null> {
  const { proposeByStrategy } = sandboxActivities(job.limits);
  return summarized(`${id}: ${strategy}`, proposeByStrategy, {
    // The step of what models propose, too: a candidate's number stands for one program.
    ...placeOf(proposedStep(id)),
    ...{ job, id, strategy, program, ...known },
  });
}

/** Returns the first reason why there was nothing to try, and what to do about it; nothing where strategies apply. */
export const whyNone = ({ applicable, notUsed }: StrategyList): string =>
  applicable.length > 0 ? '' : ` (${notUsed.slice(0, 1).map(notUsedText).join('')}): ${withoutAny}`;
