import { proxyActivities } from '@temporalio/workflow';
import type { ModelActivities } from '../../activities/propose/by-model.ts';
import type { PreparedCases } from '../../activities/try/cases.ts';
import type { GradeActivities } from '../../activities/try/grade.ts';
import type { RunActivities } from '../../activities/try/run.ts';
import { optimizeExam } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
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
  job: OptimizeJob;
  files: string;
  /** A `Tree` of what the program may see. */
  seen: string;
  cases: PreparedCases;
}

/** One round as a job makes it: a proposal, a checked run, a verdict. Returns its milliseconds, from the first step to the last. */
export async function round({ storeId, jobId, number, job, files, seen, cases }: Round): Promise<number> {
  const at = (step: string) => ({ storeId, jobId, step: `r-${number}/${step}` });
  const from = Date.now();
  const decision = { kind: 'draft' } as const;
  const { program } = await proposeByModel({
    ...at('propose'),
    job,
    id: 'c-1',
    route: 'scripted/bench',
    decision,
    sample: cases.caseSet,
    repairs: null,
    files,
    fresh: false,
    isLast: true,
  });
  const exam = optimizeExam(job, files, seen);
  const ran = await runProgram({ ...at('run'), exam, program, cases });
  if (ran.kind === 'failed') throw new Error(`the trivial program ended as ${ran.outcome.kind}`);
  const graded = await gradeRun({ ...at('grade'), exam, cases, returned: ran.returned });
  if (graded.kind !== 'right') throw new Error(`the trivial program was refused: ${JSON.stringify(graded)}`);
  return Date.now() - from;
}

/** Three activities in a row that do nothing. */
export async function threeActivities(): Promise<number> {
  const from = Date.now();
  for (let count = 0; count < 3; count += 1) await nothing({});
  return Date.now() - from;
}
