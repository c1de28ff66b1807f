import type { OptimizeJob } from '../../../domain/job.schema.ts';
import { optimizeQuestion } from './optimize.ts';
import type { AsksFor } from './question.ts';

/** The jobs that ask models for programs. */
export type AskingJob = OptimizeJob;

/** What each kind of job asks, by its name. */
const questions: { [Kind in AskingJob['kind']]: AsksFor<Extract<AskingJob, { kind: Kind }>> } = {
  optimize: optimizeQuestion,
};

/** Returns what makes the question of a job of this kind. */
export const questionOf = (kind: AskingJob['kind']): AsksFor<AskingJob> => questions[kind];
