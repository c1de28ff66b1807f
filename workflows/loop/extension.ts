import { ApplicationFailure } from '@temporalio/workflow';
import type { Extension } from '../../domain/extension.schema.ts';
import { extensionCases } from '../../domain/extension.ts';
import { candidatesIn, rowOf } from '../../domain/journal.ts';
import type { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { best, objectiveOf } from '../../domain/objective.ts';
import { refine } from '../../domain/search-policy.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { durationOf, intervalText } from '../../domain/trial.ts';
import type { Conclusion, RunningJob } from '../job/frame.ts';
import { givenModule } from './given.ts';
import { searchFor } from './search-for.ts';
import { runTrial } from './trial.ts';

/** Has the user's own C++ tried, and models write it until one module passes. One that a job brings, without a task, is tried alone. */
export async function extension(running: RunningJob<SolveJob>, module: Extension): Promise<Conclusion> {
  const { job, input } = running;
  const isGiven = module.source !== undefined && job.task === undefined;
  if (isGiven) running.steering.refuse(() => 'it tests one module, and that is under way');
  const { program, exam } = await givenModule(running, module);
  if (program !== null) running.tell(`testing ${program.title}`);
  const first = program === null ? null : await runTrial(running, program, 'trial', exam);
  if (first !== null && (isGiven || first.outcome.kind === 'passed')) return tested(module, first);

  const objective = objectiveOf(job);
  const trials: Trial[] = first === null ? [] : [first];
  const { journal, stopped } = await searchFor(running, {
    ...{ original: program?.program ?? null, policy: refine, sample: null, atOnce: 1, exam },
    first: first === null ? [] : [rowOf(first, objective)],
    models: input.routes.draft.length + input.routes.debug.length > 0,
    tried: (trial) => trials.push(trial),
  });
  const tried = candidatesIn(journal);
  const top = best(journal, objective);
  const last = trials.at(-1);
  if (top === undefined)
    throw failed(
      [
        `not solved in ${tried.length}; stopped because ${stopped}`,
        ...(last === undefined ? [] : [`the last, ${last.candidate.title}: ${reasonOf(last)}`]),
      ].join('; '),
    );
  const figures = trials.find(({ candidate }) => candidate.id === top.id);
  return concluded(`solved in ${tried.length}: ${top.id} ${passedWords(module, figures)}: ${top.title}`);
}

/** What a job came to whose own C++ was all it took, or all there is. */
function tested(module: Extension, trial: Trial): Conclusion {
  const { candidate, outcome, artifacts } = trial;
  if (outcome.kind !== 'passed')
    throw failed(`${candidate.title} ended as ${outcome.kind}: ${reasonOf(trial)}`);
  return {
    ...concluded(`${candidate.title} was built, and ${passedWords(module, trial)}`),
    product: artifacts.outputs ?? null,
  };
}

/** What a module passed, and how fast it is where that was measured. */
function passedWords(module: Extension, trial: Trial | undefined): string {
  const passed = `passed ${extensionCases(module)} cases, also under AddressSanitizer`;
  const measurement = trial?.measurement ?? null;
  if (measurement === null) return passed;
  const { speedup, baselineMs, candidateMs } = measurement;
  return `${passed}; a call takes ${durationOf(candidateMs.value)} with the asking, ${module.reference} ${durationOf(baselineMs.value)}: ${intervalText(speedup)}`;
}

const reasonOf = ({ outcome }: Trial): string => ('reason' in outcome ? outcome.reason : 'it was not judged');

const concluded = (summary: string): Conclusion => ({ summary, best: null, refused: 0, product: null });

/** A job without a program, or a module, that passes. */
export const failed = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type: 'ProgramFailed', nonRetryable: true });
