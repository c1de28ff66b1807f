import { ApplicationFailure } from '@temporalio/workflow';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { candidatesIn, isRight, type Journal, type JournalRow, rowOf } from '../../domain/journal.ts';
import type { Exam } from '../../domain/judging.ts';
import type { SolveJob } from '../../domain/kinds/solve.schema.ts';
import { best, meetsGoal, type Objective, objectiveOf } from '../../domain/objective.ts';
import { refine } from '../../domain/search-policy.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { goalText, lineOf, metricText } from '../../domain/trial.ts';
import type { Conclusion, RunningJob } from '../job/frame.ts';
import { searchFor } from './search-for.ts';
import { runTrial } from './trial.ts';

/**
 * Searches for the program with the best score, until the budget is used or the goal is met. It starts from the score of the user's own
 * `program`; null: from the first that has one.
 */
export async function searchByScore(
  running: RunningJob<SolveJob>,
  { program, exam }: { program: Candidate | null; exam: Exam },
): Promise<Conclusion> {
  const { job, input } = running;
  const objective = objectiveOf(job);
  const begun = program === null ? null : await scoreOf(running, program, exam, objective);
  const { draft, debug, improve } = input.routes;
  const { journal, stopped } = await searchFor(running, {
    ...{ exam, original: program?.program ?? null, policy: refine, sample: null, atOnce: 1 },
    first: begun === null ? [] : [rowOf(begun, objective)],
    models: draft.length + debug.length + improve.length > 0,
    enough: (top) => (top !== undefined && meetsGoal(top, objective) ? goalText(objective) : null),
  });
  const top = best(journal, objective);
  const summary = summaryOf(journal, top, objective);
  if (top === undefined) throw failed('ProgramFailed', `${summary}; stopped because ${stopped}`);
  return { summary: `${summary}; stopped because ${stopped}`, best: null, refused: 0, product: null };
}

/** Scores the user's own program. Throws `JobRejected` where it has no score: nothing could be better than that. */
async function scoreOf(
  running: RunningJob<SolveJob>,
  program: Candidate,
  exam: Exam,
  objective: Objective,
): Promise<Trial> {
  running.tell(`scoring ${program.title} as it is`);
  const trial = await runTrial(running, program, 'baseline', exam);
  const { outcome } = trial;
  if (outcome.kind !== 'scored')
    throw failed(
      'JobRejected',
      `${program.title} is where the search starts, and it has no score: ${outcome.kind}: ${'reason' in outcome ? outcome.reason : ''}`,
    );
  running.note(lineOf(trial, objective));
  return trial;
}

function summaryOf(journal: Journal, top: JournalRow | undefined, objective: Objective): string {
  const tried = candidatesIn(journal);
  const counts = `${tried.length} tried, ${tried.filter(isRight).length} scored`;
  const own = journal.find(({ id }) => id === 'c-0');
  const scoreIn = ({ metric }: JournalRow): string => (metric === null ? '' : metricText(metric, objective));
  if (top === undefined) return `no program has a score; ${counts}`;
  if (top === own) return `nothing surely better than ${own.title} was found, ${scoreIn(own)}; ${counts}`;
  const beside = own === undefined ? '' : `, where ${own.title} has ${scoreIn(own)}`;
  return `${top.id} ${top.title} has ${scoreIn(top)}${beside}; ${counts}`;
}

const failed = (type: string, message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type, nonRetryable: true });
