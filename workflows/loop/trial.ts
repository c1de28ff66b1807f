import type { ActivityFunctionWithOptions } from '@temporalio/workflow';
import type { PreparedCases } from '../../activities/try/cases.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { isWritten } from '../../domain/candidate.ts';
import { defaults } from '../../domain/defaults.ts';
import { type Bench, type Exam, timedCases } from '../../domain/judging.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { type Place, trialStep } from '../../domain/step.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import { recordTrial, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';

/** The part of a running job that its trials need. */
interface Placing {
  placeOf(step: string): Place;
  spent(microUsd: number): void;
}

/**
 * Tries `candidate` once: build → run → grade → measure → grade what was timed, as far as `exam` asks for it. A verification
 * tries it again, with other secrets; what is found then covers what was measured `earlier`.
 */
export async function runTrial(
  running: Placing,
  candidate: Candidate,
  purpose: Trial['purpose'],
  exam: Exam,
  earlier: Measurement | null = null,
): Promise<Trial> {
  const findings: Findings = { artifacts: {}, timings: {}, seeds: [], measurement: null };
  const path = trialStep(candidate.id, purpose);
  const step = stepsOf(running, path, findings);
  const outcome = await outcomeOf(
    step,
    `${candidate.id} ${candidate.title}`,
    { candidate, purpose },
    exam,
    earlier,
    findings,
  );
  const trial: Trial = { candidate, purpose, outcome, ...findings };
  const { microUsd } = await recordTrial({ ...running.placeOf(`${path}/record`), trial });
  running.spent(microUsd);
  return trial;
}

/** A trial under way: each step adds what it found; the first that ends it decides the outcome. */
type Findings = Pick<Trial, 'artifacts' | 'timings' | 'seeds' | 'measurement'>;

/** Takes a step of a trial by an activity, under a summary for people, and keeps how long it took. */
type Step = <I, O>(
  name: string,
  summary: string,
  activity: ActivityFunctionWithOptions<(input: Place & I) => Promise<O>>,
  input: NoInfer<I>,
) => Promise<O>;

const stepsOf =
  ({ placeOf }: Placing, path: string, { timings }: Findings): Step =>
  async (name, summary, activity, input) => {
    const from = Date.now();
    const place = placeOf(`${path}/${name.replace(' ', '-')}`);
    const result = await summarized(summary, activity, { ...place, ...input });
    timings[name] = Date.now() - from;
    return result;
  };

async function outcomeOf(
  step: Step,
  named: string,
  { candidate, purpose }: Pick<Trial, 'candidate' | 'purpose'>,
  exam: Exam,
  earlier: Measurement | null,
  findings: Findings,
): Promise<Outcome> {
  const { limits, judging, bench, environment } = exam;
  const { buildProgram, prepareCases, runProgram, gradeRun } = sandboxActivities(limits);
  const { artifacts, seeds } = findings;

  const look = purpose === 'trial' && isWritten(candidate);
  const built = await step('build', `build ${named}`, buildProgram, {
    ...{ program: candidate.program, limits, look },
    ...(environment === undefined ? {} : { environment }),
  });
  if (built.log !== null) artifacts['build log'] = built.log;
  if (built.kind === 'failed') return built.outcome;
  const { program } = built;
  artifacts.program = program;

  let cases: PreparedCases | null = null;
  if (judging.kind === 'answers') {
    const wanted = { checks: defaults.checkCases, timings: timedCases(bench) };
    const asked = { exam: { ...exam, judging }, ...wanted };
    cases = await step('cases', `secret inputs for ${named}`, prepareCases, asked);
    seeds.push(cases.seed);
  }

  const ran = await step('run', `run ${named}`, runProgram, { exam, program, cases, look });
  Object.assign(artifacts, ran.artifacts);
  if (ran.kind === 'failed') return ran.outcome;

  const graded = await step('grade', `grade ${named}`, gradeRun, { exam, cases, returned: ran.returned });
  if (graded.kind === 'refused') return graded.outcome;
  artifacts.verdict = graded.verdict;
  if (bench === null) return { kind: 'passed', verdict: graded.verdict };
  return measuredOutcome(step, named, { exam, bench, program, cases, earlier }, findings);
}

/** Measures a program that is right, then judges all that it gave while it was timed. */
async function measuredOutcome(
  step: Step,
  named: string,
  {
    exam,
    bench,
    program,
    cases,
    earlier,
  }: {
    exam: Exam;
    bench: Bench;
    program: Artifact;
    cases: PreparedCases | null;
    earlier: Measurement | null;
  },
  findings: Findings,
): Promise<Outcome> {
  const { gradeTimed, measureOn } = sandboxActivities(exam.limits);
  const { host, baselineProgram: baseline, batch, noiseFloor } = bench;
  const measured = await step('measure', `measure ${named}`, measureOn(host), {
    ...{ exam, cases, baseline, candidate: program, batch, noiseFloor, earlier },
    pairs: cases === null ? defaults.scriptPairs : defaults.pairs,
  });
  if (measured.kind === 'failed') return measured.outcome;
  const { measurement, conducted } = measured;
  findings.measurement = measurement;

  const asked = { exam, cases, conducted };
  const graded = await step('grade timed', `grade the timed answers of ${named}`, gradeTimed, asked);
  return graded.kind === 'refused'
    ? graded.outcome
    : { kind: 'scored', metric: measurement.speedup, verdict: graded.verdict };
}
