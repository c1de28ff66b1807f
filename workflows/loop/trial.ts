import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { defaults } from '../../domain/defaults.ts';
import type { OptimizeJob } from '../../domain/job.schema.ts';
import type { StageJob } from '../../domain/job-input.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import type { RunningJob } from '../job/frame.ts';
import { recordTrial, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';

/** The bench a job measures on, and what one call of its baseline costs there. */
export interface Bench {
  host: string;
  noiseFloor: number;
  baselineProgram: Artifact;
  /** What a script gave back; null for a function, whose oracle answers anew every round. */
  reference: Artifact | null;
  /** Distinct inputs answered after one "go", so that a "go" of the baseline takes long enough to be timed. */
  batch: number;
}

/** A trial under way: each step adds what it found; the first that ends it decides the outcome. */
interface Findings {
  artifacts: Record<string, Artifact>;
  timings: Record<string, number>;
  seeds: string[];
  measurement: Measurement | null;
}

/** Untimed cases before the timed ones of a measurement: one for all players, one more for the candidate. */
export const warmUps = 2;

/**
 * One trial of `candidate`: build → run on secret inputs → grade → measure → grade what was timed. Steps stand below
 * `path`, so the same candidate can be tried again under another path with other secrets; what is found then covers what was
 * measured `earlier`.
 */
export async function runTrial<J extends StageJob>(
  running: RunningJob<J>,
  candidate: Candidate,
  purpose: Trial['purpose'],
  path: string,
  bench: Bench | null,
  earlier: Measurement | null = null,
): Promise<Trial> {
  const findings: Findings = { artifacts: {}, timings: {}, seeds: [], measurement: null };
  const outcome = await outcomeOf(running, candidate, path, bench, findings, earlier);
  const trial: Trial = { candidate, purpose, outcome, ...findings };
  await recordTrial({ ...running.placeOf(`${path}/record`), trial });
  return trial;
}

async function outcomeOf<J extends StageJob>(
  running: RunningJob<J>,
  candidate: Candidate,
  path: string,
  bench: Bench | null,
  findings: Findings,
  earlier: Measurement | null,
): Promise<Outcome> {
  const { job, input } = running;
  const { buildProgram, prepareCases, runProgram, gradeRun, gradeTimed, measureOn } = sandboxActivities(
    job.limits,
  );
  const { files } = input;
  const named = `${candidate.id} ${candidate.title}`;
  const timed = async <T>(step: string, doing: Promise<T>): Promise<T> => {
    const from = Date.now();
    const result = await doing;
    findings.timings[step] = Date.now() - from;
    return result;
  };

  const built = await timed(
    'build',
    summarized(`build ${named}`, buildProgram, {
      ...running.placeOf(`${path}/build`),
      program: candidate.program,
      limits: job.limits,
    }),
  );
  if (built.log !== null) findings.artifacts['build log'] = built.log;
  if (built.kind === 'failed') return built.outcome;
  findings.artifacts.program = built.program;

  const cases = isFunction(job)
    ? await timed(
        'cases',
        summarized(`secret inputs for ${named}`, prepareCases, {
          ...running.placeOf(`${path}/cases`),
          job,
          files,
          checks: defaults.checkCases,
          timings: bench === null ? 0 : warmUps + defaults.pairs * bench.batch,
        }),
      )
    : null;
  if (cases !== null) findings.seeds.push(cases.seed);

  const ran = await timed(
    'run',
    summarized(`run ${named}`, runProgram, {
      ...running.placeOf(`${path}/run`),
      job,
      files,
      program: built.program,
      cases,
    }),
  );
  Object.assign(findings.artifacts, ran.artifacts);
  if (ran.kind === 'failed') return ran.outcome;

  const verdict = await timed(
    'grade',
    summarized(`grade ${named}`, gradeRun, {
      ...running.placeOf(`${path}/grade`),
      job,
      cases,
      ran: ran.answers,
      reference: bench?.reference ?? null,
    }),
  );
  if (verdict.kind !== 'right') return verdict.outcome;
  findings.artifacts.verdict = verdict.verdict;
  if (job.kind !== 'optimize' || bench === null) return { kind: 'passed', verdict: verdict.verdict };

  const measured = await timed(
    'measure',
    summarized(`measure ${named}`, measureOn(bench.host), {
      ...running.placeOf(`${path}/measure`),
      job,
      files,
      baseline: bench.baselineProgram,
      candidate: built.program,
      cases,
      pairs: cases === null ? defaults.scriptPairs : defaults.pairs,
      batch: bench.batch,
      noiseFloor: bench.noiseFloor,
      earlier,
    }),
  );
  if (measured.kind === 'failed') return measured.outcome;
  findings.measurement = measured.measurement;

  const timedVerdict = await timed(
    'grade timed',
    summarized(`grade the timed answers of ${named}`, gradeTimed, {
      ...running.placeOf(`${path}/grade-timed`),
      job,
      cases,
      conducted: measured.conducted,
    }),
  );
  if (timedVerdict.kind !== 'right') return timedVerdict.outcome;
  return { kind: 'scored', metric: measured.measurement.speedup, verdict: timedVerdict.verdict };
}

const isFunction = (job: StageJob): job is OptimizeJob =>
  job.kind === 'optimize' && job.function !== undefined;
