import type { ActivityFunctionWithOptions } from '@temporalio/workflow';
import type { PreparedCases } from '../../activities/try/cases.ts';
import type { Artifact } from '../../domain/artifact.schema.ts';
import type { Candidate } from '../../domain/candidate.schema.ts';
import { isWritten } from '../../domain/candidate.ts';
import { defaults } from '../../domain/defaults.ts';
import type { StageJob } from '../../domain/job.schema.ts';
import {
  type Bench,
  type Exam,
  type ModuleExam,
  type ScoreJudging,
  timedCases,
} from '../../domain/judging.ts';
import type { Outcome } from '../../domain/outcome.schema.ts';
import { type Sample, sampleExam } from '../../domain/sample.ts';
import { bestOf, meanOf } from '../../domain/score.ts';
import { type Place, trialStep } from '../../domain/step.ts';
import type { Measurement, Trial } from '../../domain/trial.schema.ts';
import { withPackage } from '../job/environment.ts';
import type { RunningJob } from '../job/frame.ts';
import { keepExtension, recordTrial, sandboxActivities } from '../job/proxies.ts';
import { summarized } from '../job/summary.ts';

/**
 * Tries `candidate` once: build → run → grade → measure → grade what was timed, as far as `exam` asks for it. One that misses a package
 * which an import may bring in is tried again with that. A verification tries it anew, with other secrets; what is found then covers
 * what was measured `earlier`.
 */
export async function runTrial(
  running: RunningJob<StageJob>,
  candidate: Candidate,
  purpose: Trial['purpose'],
  exam: Exam,
  earlier: Measurement | null = null,
): Promise<Trial> {
  const path = trialStep(candidate.id, purpose);
  const tried = { candidate, purpose };
  const first = await attempt(running, tried, path, exam, earlier);
  const missed = missedPackage(first.outcome);
  const asked = { path, program: candidate.program, name: missed ?? '' };
  const richer = missed === null ? null : await withPackage(running, exam, asked);
  const found = richer === null ? first : await attempt(running, tried, `${path}/again`, richer, earlier);
  const trial: Trial = { ...tried, ...found };
  running.spent(await recordTrial({ ...running.placeOf(`${path}/record`), trial }));
  return trial;
}

async function attempt(
  running: RunningJob<StageJob>,
  tried: Pick<Trial, 'candidate' | 'purpose'>,
  path: string,
  exam: Exam,
  earlier: Measurement | null,
): Promise<Omit<Trial, 'candidate' | 'purpose'>> {
  const findings: Findings = { artifacts: requirementsOf(exam), timings: {}, seeds: [], measurement: null };
  const named = `${tried.candidate.id} ${tried.candidate.title}`;
  const step = stepsOf(running, path, findings);
  const outcome = await outcomeOf(step, named, tried, exam, earlier, findings);
  return { outcome, ...findings };
}

/** The package whose lack a candidate failed of, where that can be brought in; null for any other end. */
function missedPackage(outcome: Outcome): string | null {
  const fix = 'diagnosis' in outcome ? outcome.diagnosis?.fix : null;
  return fix?.kind === 'install' ? fix.package : null;
}

/** The lock of the packages that a candidate has beside those of every sandbox. */
const requirementsOf = ({ environment }: Exam): Record<string, Artifact> =>
  environment?.kind === 'layer' ? { requirements: environment.lock } : {};

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
  ({ placeOf }: RunningJob<StageJob>, path: string, { timings }: Findings): Step =>
  async (name, summary, activity, input) => {
    const from = Date.now();
    const place = placeOf(`${path}/${name.replace(' ', '-')}`);
    const result = await summarized(summary, activity, { ...place, ...input });
    // The runs of one program are told together.
    const what = name.replace(/ \d+$/, '');
    timings[what] = (timings[what] ?? 0) + Date.now() - from;
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

  const { sample } = exam;
  if (sample !== undefined && purpose === 'trial') {
    const failed = await failedOn(sample, step, named, { exam, program, look }, artifacts);
    if (failed !== null) return failed;
  }

  if (judging.kind === 'score') {
    const tried = { exam, judging, program, look: look && sample === undefined };
    return scoredOutcome(step, named, tried, findings);
  }
  let cases: PreparedCases | null = null;
  if (judging.kind === 'answers') {
    const wanted = {
      checks: exam.module?.cases ?? defaults.checkCases,
      timings: timedCases(exam.module?.baseline == null ? bench : oneAtATime),
    };
    const asked = { exam: { ...exam, judging }, ...wanted };
    cases = await step('cases', `secret inputs for ${named}`, prepareCases, asked);
    seeds.push(cases.seed);
    const flaw =
      exam.module === undefined ? null : await sanitized(step, named, { exam, cases }, candidate, artifacts);
    if (flaw !== null) return flaw;
  }

  const ran = await step('run', `run ${named}`, runProgram, {
    ...{ exam, program, cases },
    // What passed on a sample was looked at.
    look: look && sample === undefined,
  });
  Object.assign(artifacts, ran.artifacts);
  if (ran.kind === 'failed') return ran.outcome;

  const graded = await step('grade', `grade ${named}`, gradeRun, {
    ...{ exam, cases, returned: ran.returned },
    ...(judging.kind === 'checks' && judging.keeps?.gave != null ? { candidate: program } : {}),
  });
  if (graded.kind === 'refused') return graded.outcome;
  artifacts.verdict = graded.verdict;
  if (exam.module?.own !== undefined) {
    const { gradeModule } = sandboxActivities(limits);
    const tested = await step('tests', `${named} by tests of the user`, gradeModule, {
      ...{ exam, module: exam.module.own, program },
    });
    if (tested.kind === 'refused') return tested.outcome;
  }
  if (exam.module !== undefined && cases !== null) {
    const tried = { exam, module: exam.module, program, cases };
    const failed = await measuredModule(step, named, tried, findings);
    if (failed !== null) return failed;
  }
  if (bench === null) return { kind: 'passed', verdict: graded.verdict };
  const isOurs = candidate.operator === 'strategy';
  return measuredOutcome(step, named, { exam, bench, program, cases, earlier, isOurs }, findings);
}

/** A module is measured on one input after another. */
const oneAtATime = { batch: 1 };

/** Returns what AddressSanitizer says against a module; null where that is nothing. */
async function sanitized(
  step: Step,
  named: string,
  tried: { exam: Exam; cases: PreparedCases },
  { program }: Candidate,
  artifacts: Findings['artifacts'],
): Promise<Outcome | null> {
  const { sanitizeProgram } = sandboxActivities(tried.exam.limits);
  const summary = `${named} under AddressSanitizer`;
  const { outcome, log } = await step('sanitize', summary, sanitizeProgram, { ...tried, program });
  if (log !== null) artifacts['sanitizer log'] = log;
  return outcome;
}

/** Measures a module beside its reference, and keeps what a user gets of it. Returns why it failed there; null where it did not. */
async function measuredModule(
  step: Step,
  named: string,
  {
    module: { kept, baseline },
    ...tried
  }: { exam: Exam; module: ModuleExam; program: Artifact; cases: PreparedCases },
  findings: Findings,
): Promise<Outcome | null> {
  const { exam, program, cases } = tried;
  const { measure, gradeTimed } = sandboxActivities(exam.limits);
  if (baseline !== null) {
    const asked = { exam, cases, baseline, candidate: program, noiseFloor: 0, earlier: null };
    const measured = await step('measure', `measure ${named} beside its reference`, measure, {
      ...{ ...asked, ...oneAtATime, pairs: defaults.pairs },
    });
    if (measured.kind === 'failed') return measured.outcome;
    findings.measurement = measured.measurement;
    const graded = await step('grade timed', `grade the timed answers of ${named}`, gradeTimed, {
      ...{ exam, cases, conducted: measured.conducted },
    });
    if (graded.kind === 'refused') return graded.outcome;
  }
  const { outputs } = await step('keep', `${named} with its tests`, keepExtension, { program, kept });
  findings.artifacts.outputs = outputs;
  return null;
}

/** Tries a program on the sample. Returns how it failed there; null where it may see the full input. */
async function failedOn(
  sample: Sample,
  step: Step,
  named: string,
  { exam, ...tried }: { exam: Exam; program: Artifact; look: boolean },
  artifacts: Findings['artifacts'],
): Promise<Outcome | null> {
  const { runProgram, gradeRun } = sandboxActivities(exam.limits);
  const asked = { exam: sampleExam(exam, sample), cases: null };
  const ran = await step('sample', `run ${named} on the sample`, runProgram, { ...asked, ...tried });
  if (ran.kind === 'failed') Object.assign(artifacts, ran.artifacts);
  if (ran.kind === 'failed') return onSample(ran.outcome, sample);
  const { returned } = ran;
  const graded = await step('grade sample', `grade ${named} on the sample`, gradeRun, { ...asked, returned });
  if (graded.kind === 'right') return null;
  Object.assign(artifacts, ran.artifacts);
  return onSample(graded.outcome, sample);
}

/** Returns an outcome with where it was found. A program that was not run was not run on anything. */
const onSample = (outcome: Outcome, { words }: Sample): Outcome =>
  'reason' in outcome && outcome.kind !== 'rejected'
    ? { ...outcome, reason: `on the sample (${words}): ${outcome.reason}` }
    : outcome;

/** Runs a program with one seed after another, and has each run scored: their mean counts. The first run that is refused ends it. */
async function scoredOutcome(
  step: Step,
  named: string,
  { exam, judging, ...tried }: { exam: Exam; judging: ScoreJudging; program: Artifact; look: boolean },
  { artifacts, seeds }: Findings,
): Promise<Outcome> {
  const { runProgram, gradeRun } = sandboxActivities(exam.limits);
  const { repeats, direction } = judging;
  const scores: number[] = [];
  const verdicts: Artifact[] = [];
  for (let run = 1; run <= repeats; run += 1) {
    const [nth, of] = run === 1 ? ['', ''] : [` ${run}`, `, run ${run} of ${repeats}`];
    const ran = await step(`run${nth}`, `run ${named}${of}`, runProgram, {
      ...{ exam, cases: null, ...tried, look: tried.look && run === 1 },
    });
    const graded =
      ran.kind === 'failed'
        ? null
        : await step(`grade${nth}`, `score ${named}${of}`, gradeRun, {
            ...{ exam, cases: null, returned: ran.returned },
          });
    if (ran.kind === 'failed' || graded === null || graded.kind === 'refused') {
      Object.assign(artifacts, ran.artifacts);
      const outcome =
        ran.kind === 'failed' ? ran.outcome : graded?.kind === 'refused' ? graded.outcome : null;
      if (outcome === null) throw new Error(`expected an outcome of run ${run}, got none`);
      return run === 1 || !('reason' in outcome)
        ? outcome
        : { ...outcome, reason: `run ${run} of ${repeats}: ${outcome.reason}` };
    }
    const { scored } = graded;
    if (scored === undefined) throw new Error(`expected a score of run ${run}, got none`);
    seeds.push(`CRUCIBLE_SEED=${ran.seed} seed=${scored.seed}`);
    scores.push(scored.score);
    verdicts.push(graded.verdict);
    // What it gives is what its best run gave.
    if (bestOf(scores, direction) === scores.length - 1)
      Object.assign(artifacts, ran.artifacts, { verdict: graded.verdict });
  }
  const verdict = verdicts[bestOf(scores, direction)];
  if (verdict === undefined) throw new Error(`expected ${repeats} verdicts, got none`);
  return { kind: 'scored', metric: meanOf(scores), verdict, scores };
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
    isOurs,
  }: {
    exam: Exam;
    bench: Bench;
    program: Artifact;
    cases: PreparedCases | null;
    earlier: Measurement | null;
    isOurs: boolean;
  },
  findings: Findings,
): Promise<Outcome> {
  const { gradeTimed, measureOn } = sandboxActivities(exam.limits);
  const { host, baselineProgram: baseline, batch, noiseFloor } = bench;
  const measured = await step('measure', `measure ${named}`, measureOn(host), {
    ...{ exam, cases, baseline, candidate: program, batch, noiseFloor, earlier, isOurs },
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
