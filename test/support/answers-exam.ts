import type { Artifact } from '../../domain/artifact.schema.ts';
import { type AnswersJudging, type Exam, optimizeExam } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';

/** The exam of a job that optimises a function. */
export function answersExam(job: OptimizeJob, files: Artifact, seen: Artifact): Exam<AnswersJudging> {
  const exam = optimizeExam(job, files, seen);
  if (exam.judging.kind !== 'answers') throw new Error(`expected a job with a function, got ${job.program}`);
  return { ...exam, judging: exam.judging };
}
