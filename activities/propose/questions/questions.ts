import type { OptimizeJob } from '../../../domain/kinds/optimize.schema.ts';
import type { SolveJob } from '../../../domain/kinds/solve.schema.ts';
import { optimizeQuestion } from './optimize.ts';
import type { AsksFor } from './question.ts';
import { solveQuestion } from './solve.ts';

/** The jobs that ask models for programs. */
export type AskingJob = OptimizeJob | SolveJob;

/** What each kind of job asks, by its name. */
const questions: { [Kind in AskingJob['kind']]: AsksFor<Extract<AskingJob, { kind: Kind }>> } = {
  optimize: optimizeQuestion,
  solve: solveQuestion,
};

/** Returns what makes the question of a job of this kind. */
export const questionOf = (kind: AskingJob['kind']): AsksFor<AskingJob> =>
  // The table's entry of a kind takes that kind's job; TypeScript cannot relate the two.
  questions[kind] as AsksFor<AskingJob>;
