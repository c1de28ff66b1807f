import { ApplicationFailure } from '@temporalio/workflow';
import type { PreparedCases } from '../../activities/try/cases.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import { asksModels } from '../../domain/job.ts';
import { type Bench, type Exam, functionWords, timedCases } from '../../domain/judging.ts';
import type { OptimizeJob } from '../../domain/kinds/optimize.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { durationOf } from '../../domain/trial.ts';
import type { RunningJob } from '../job/frame.ts';
import { recordTrial, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';

/** A "go" of the baseline takes at least this long; shorter functions answer several inputs. */
const shortestGoMs = 150;
const largestBatch = 256;

/** The baseline as it was measured, and the exam that candidates take from then on. */
interface MeasuredBaseline {
  exam: Exam & { bench: Bench };
  trial: Trial;
  /** A case set: what the arguments look like. Null where there are none. */
  sample: Artifact | null;
}

/**
 * Tries the user's own program, packed as `candidate`, against itself. That gives the baseline's time, and the noise floor of the host
 * that is claimed. It shows, too, that the program gives the same answer twice. Throws `JobRejected` where it does not run.
 */
export async function measureBaseline(
  running: RunningJob<OptimizeJob>,
  candidate: Candidate,
  exam: Exam,
): Promise<MeasuredBaseline> {
  const { program } = candidate;
  const { claimBench, gradeTimed } = sandboxActivities(exam.limits);
  const pilot = await casesFor(running, exam, 'c-0/pilot', { checks: 1, timings: 0 });
  const batch =
    pilot === null ? 1 : Math.min(largestBatch, Math.max(1, Math.ceil(shortestGoMs / pilot.oracleMs)));
  const cases = await casesFor(running, exam, 'c-0/cases', { checks: 1, timings: timedCases({ batch }) });
  const known = await withReference(running, candidate, exam);

  const claimed = await summarized('claim a bench: baseline against itself', claimBench, {
    ...running.placeOf('c-0/measure'),
    ...{ exam, cases, baseline: program, candidate: program, batch, noiseFloor: 0, earlier: null },
    pairs: cases === null ? defaults.scriptPairs : defaults.pairs,
    oursOnly: !asksModels(running.job),
  });
  if (claimed.kind === 'failed') throw rejected(doesNotRun(exam, claimed.outcome));
  const { measurement, conducted } = claimed;
  const graded = await summarized('grade the baseline against itself', gradeTimed, {
    ...running.placeOf('c-0/grade-timed'),
    ...{ exam: known, cases, conducted },
  });
  if (graded.kind === 'refused') throw rejected(doesNotRepeat(exam, graded.outcome));

  const { host, noiseFloor, baselineMs, speedup } = measurement;
  const trial: Trial = {
    candidate,
    purpose: 'baseline',
    outcome: { kind: 'scored', metric: speedup, verdict: graded.verdict },
    measurement,
    artifacts: { program },
    timings: {},
    seeds: cases === null ? [] : [cases.seed],
  };
  running.spent(await recordTrial({ ...running.placeOf('c-0/record'), trial }));
  running.note(
    `baseline: ${durationOf(baselineMs.value)}, noise ±${(noiseFloor * 100).toFixed(1)} % on ${host}`,
  );
  const bench = { host, noiseFloor, baselineProgram: program, batch };
  return { exam: { ...known, bench }, trial, sample: pilot?.caseSet ?? null };
}

/** Makes secret cases for the user's own program; null where it is not judged by its answers to any. */
export async function casesFor(
  { placeOf }: RunningJob<OptimizeJob>,
  exam: Exam,
  step: string,
  wanted: { checks: number; timings: number },
  summary = 'secret inputs for the baseline',
): Promise<PreparedCases | null> {
  const { judging } = exam;
  if (judging.kind !== 'answers') return null;
  const { prepareCases } = sandboxActivities(exam.limits);
  return summarized(summary, prepareCases, { ...placeOf(step), exam: { ...exam, judging }, ...wanted });
}

/** Returns the exam with what the user's own script gives back, where candidates are compared with that. */
async function withReference(
  { placeOf }: RunningJob<OptimizeJob>,
  { program }: Candidate,
  exam: Exam,
): Promise<Exam> {
  const { judging } = exam;
  if (judging.kind !== 'sameFiles') return exam;
  const { runProgram } = sandboxActivities(exam.limits);
  const asked = { ...placeOf('c-0/run'), exam, program, cases: null };
  const ran = await summarized(`run ${exam.program} once`, runProgram, asked);
  if (ran.kind === 'failed') throw rejected(doesNotRun(exam, ran.outcome));
  return { ...exam, judging: { ...judging, reference: ran.returned } };
}

const rejected = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type: 'JobRejected', nonRetryable: true });

const doesNotRun = ({ program }: Exam, outcome: Trial['outcome']): string =>
  `${program} does not run: ${outcome.kind}: ${reasonIn(outcome)}`;

function doesNotRepeat({ program, judging }: Exam, outcome: Trial['outcome']): string {
  const why = reasonIn(outcome);
  if (judging.kind !== 'answers')
    return `${program} does not give the same twice, so no candidate could be compared with it: ${why}. Seed what is random; lines of standard output that may differ, such as times, go into \`ignoreLines\``;
  if (judging.accepts === null) return `${program} gives different answers to the same input: ${why}`;
  // It was not refused: the check itself did not end, or did not end well.
  const stuck = `${functionWords(judging.accepts)} does not get through with`;
  return why.startsWith(stuck)
    ? why.replace(`${stuck} it`, `${stuck} what ${program} itself answers`)
    : `${program} gives an answer that is not accepted: ${why}`;
}

const reasonIn = (outcome: Trial['outcome']): string => ('reason' in outcome ? outcome.reason : outcome.kind);
