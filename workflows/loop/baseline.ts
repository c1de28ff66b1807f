import { ApplicationFailure } from '@temporalio/workflow';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { OptimizeJob } from '../../domain/job.schema.ts';
import type { Trial } from '../../domain/trial.schema.ts';
import { durationOf } from '../../domain/trial.ts';
import type { RunningJob } from '../job/frame.ts';
import { recordTrial, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';
import { type Bench, warmUps } from './trial.ts';

/** A "go" of the baseline takes at least this long; shorter functions answer several inputs. */
const shortestGoMs = 150;
const largestBatch = 256;

const rejected = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ message, type: 'JobRejected', nonRetryable: true });

/**
 * Tries the user's own program, packed as `candidate`, against itself: that gives the baseline's time, the noise floor of the host that is claimed
 * for the job, and shows that the program gives the same answer twice. A program that does not run is the job's fault.
 */
export async function measureBaseline(
  running: RunningJob<OptimizeJob>,
  candidate: Candidate,
): Promise<{ bench: Bench; trial: Trial; sample: Artifact | null }> {
  const { job, placeOf, input } = running;
  const { files } = input;
  const { prepareCases, runProgram, claimBench, gradeTimed } = sandboxActivities(job.limits);

  const prepare = (step: string, checks: number, timings: number) =>
    summarized('secret inputs for the baseline', prepareCases, {
      ...placeOf(`c-0/${step}`),
      job,
      files,
      checks,
      timings,
    });
  const pilot = job.function === undefined ? null : await prepare('pilot', 1, 0);
  const batch =
    pilot === null ? 1 : Math.min(largestBatch, Math.max(1, Math.ceil(shortestGoMs / pilot.oracleMs)));
  const cases = pilot === null ? null : await prepare('cases', 1, warmUps + defaults.pairs * batch);

  let reference: Artifact | null = null;
  if (cases === null) {
    const ran = await summarized(`run ${job.program} once`, runProgram, {
      ...placeOf('c-0/run'),
      job,
      files,
      program: candidate.program,
      cases,
    });
    if (ran.kind === 'failed') throw rejected(doesNotRun(job, ran.outcome));
    reference = ran.answers;
  }

  const claimed = await summarized('claim a bench: baseline against itself', claimBench, {
    ...placeOf('c-0/measure'),
    job,
    files,
    baseline: candidate.program,
    candidate: candidate.program,
    cases,
    pairs: cases === null ? defaults.scriptPairs : defaults.pairs,
    batch,
    noiseFloor: 0,
  });
  if (claimed.kind === 'failed') throw rejected(doesNotRun(job, claimed.outcome));
  const verdict = await summarized('grade the baseline against itself', gradeTimed, {
    ...placeOf('c-0/grade-timed'),
    job,
    cases,
    conducted: claimed.conducted,
  });
  if (verdict.kind !== 'right') throw rejected(doesNotRepeat(job, verdict.outcome));

  const { measurement } = claimed;
  const trial: Trial = {
    candidate,
    purpose: 'baseline',
    outcome: { kind: 'scored', metric: measurement.speedup, verdict: verdict.verdict },
    measurement,
    artifacts: { program: candidate.program },
    timings: {},
    seeds: cases === null ? [] : [cases.seed],
  };
  await recordTrial({ ...placeOf('c-0/record'), trial });
  const noise = (measurement.noiseFloor * 100).toFixed(1);
  running.note(
    `baseline: ${durationOf(measurement.baselineMs.value)}, noise ±${noise} % on ${measurement.host}`,
  );
  return {
    bench: {
      host: measurement.host,
      noiseFloor: measurement.noiseFloor,
      baselineProgram: candidate.program,
      reference,
      batch,
    },
    trial,
    sample: pilot?.caseSet ?? null,
  };
}

const doesNotRun = (job: OptimizeJob, outcome: Trial['outcome']): string =>
  `${job.program} does not run: ${outcome.kind}: ${reasonIn(outcome)}`;

const doesNotRepeat = (job: OptimizeJob, outcome: Trial['outcome']): string =>
  job.function === undefined
    ? `${job.program} does not give the same twice, so no candidate could be compared with it: ${reasonIn(outcome)}. Seed what is random; lines of standard output that may differ, such as times, go into \`ignoreLines\``
    : `${job.program} gives different answers to the same input: ${reasonIn(outcome)}`;

const reasonIn = (outcome: Trial['outcome']): string => ('reason' in outcome ? outcome.reason : outcome.kind);
