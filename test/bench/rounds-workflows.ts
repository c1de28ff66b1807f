import { proxyActivities } from '@temporalio/workflow';
import type { ModelActivities } from '../../activities/propose/by-model.ts';
import type { AskingJob } from '../../activities/propose/questions/questions.ts';
import type { BuildActivities } from '../../activities/try/build.ts';
import type { PreparedCases } from '../../activities/try/cases.ts';
import type { GradeActivities } from '../../activities/try/grade.ts';
import type { RunActivities } from '../../activities/try/run.ts';
import type { Exam } from '../../domain/judging.ts';
import { modelQueue, queues } from '../../domain/queues.ts';

const options = {
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
} as const;
const { proposeByModel } = proxyActivities<ModelActivities>({
  ...options,
  taskQueue: modelQueue('scripted'),
});
const { buildProgram } = proxyActivities<BuildActivities>({ ...options, taskQueue: queues.build });
const { runProgram } = proxyActivities<RunActivities>({ ...options, taskQueue: queues.sandbox });
const { gradeRun } = proxyActivities<GradeActivities>({ ...options, taskQueue: queues.grade });
const { nothing } = proxyActivities<{ nothing(input: object): Promise<string> }>({
  ...options,
  taskQueue: queues.orchestrate,
});

export interface Round {
  storeId: string;
  jobId: string;
  number: number;
  job: AskingJob;
  exam: Exam;
  /** A `Tree` of all files of the job. */
  files: string;
  /** Null: the program is a script, whose text is looked at before it runs. */
  cases: PreparedCases | null;
}

/** Makes one round as a job does: a proposal, a checked run, a verdict. Returns its milliseconds, from the first step to the last. */
export async function round({ storeId, jobId, number, job, exam, files, cases }: Round): Promise<number> {
  const id = `c-${number + 1}`;
  const at = (step: string) => ({ storeId, jobId, step: `${id}/${step}` });
  const from = Date.now();
  const { program } = await proposeByModel({
    ...at('propose'),
    ...{ job, id, files, route: 'scripted/bench', decision: { kind: 'draft' } },
    ...{ sample: cases?.caseSet ?? null, repairs: null, fresh: false, isLast: true },
  });
  const look = cases === null;
  if (look) {
    const built = await buildProgram({ ...at('build'), program, limits: exam.limits, look });
    if (built.kind !== 'built') throw new Error(`the trivial program was not built: ${built.outcome.kind}`);
  }
  const ran = await runProgram({ ...at('run'), exam, program, cases, look });
  if (ran.kind === 'failed') throw new Error(`the trivial program ended as ${JSON.stringify(ran.outcome)}`);
  const graded = await gradeRun({ ...at('grade'), exam, cases, returned: ran.returned });
  if (graded.kind !== 'right') throw new Error(`the trivial program was refused: ${JSON.stringify(graded)}`);
  return Date.now() - from;
}

/** Three activities in a row that do nothing. Returns their milliseconds. */
export async function threeActivities(): Promise<number> {
  const from = Date.now();
  for (let count = 0; count < 3; count += 1) await nothing({});
  return Date.now() - from;
}
