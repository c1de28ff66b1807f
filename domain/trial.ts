import { defaults } from './defaults.ts';
import type { BestFound } from './job-input.schema.ts';
import { best, closest, foundIn, type Objective, stands } from './objective.ts';
import type { Interval, Outcome } from './outcome.schema.ts';
import { meet } from './speedup.ts';
import type { Measurement, Trial } from './trial.schema.ts';

/** Returns a number with three significant digits, as people read a ratio: `143×`. */
export const times = (value: number): string => `${Number(value.toPrecision(3)).toLocaleString('en')}×`;

/** A ratio with its interval: `143× [139×, 150×]`. */
export const intervalText = ({ value, low, high }: Interval): string =>
  `${times(value)} [${times(low)}, ${times(high)}]`;

/** Returns a metric as its objective has it: `143× [139×, 150×]`, `RMSE 12.10 ± 0.31`. */
export const metricText = (metric: Interval, objective: Objective): string =>
  objective.kind === 'score' ? `${objective.metric} ${scoreText(metric)}` : intervalText(metric);

/** Returns the same as shortly as it can be said: `143×`, `RMSE 12.10`. */
export const valueText = (metric: Interval, objective: Objective): string =>
  objective.kind === 'score'
    ? `${objective.metric} ${scoreDigits(metric)(metric.value)}`
    : times(metric.value);

/** Returns a score with its interval, `12.10 ± 0.31`; without one where it came out the same each time. */
export function scoreText(metric: Interval): string {
  const digits = scoreDigits(metric);
  const half = (metric.high - metric.low) / 2;
  return half > 0 ? `${digits(metric.value)} ± ${digits(half)}` : digits(metric.value);
}

/** Digits of a score that came out the same each time. */
const exactDigits = 6;
const mostDecimals = 12;

/** Returns what writes numbers beside a score: as many decimals as its interval says something of, two digits of that. */
export function scoreDigits({ value, low, high }: Interval): (number: number) => string {
  const half = (high - low) / 2;
  const size = Math.abs(value);
  if (size >= 1e12 || (size > 0 && size < 1e-6)) return (number) => number.toExponential(3);
  const digits = { maximumSignificantDigits: exactDigits };
  if (!(half > 0)) return (number) => number.toLocaleString('en', digits);
  const decimals = Math.min(mostDecimals, Math.max(0, 1 - Math.floor(Math.log10(half))));
  const fixed = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return (number) => number.toLocaleString('en', fixed);
}

/** Returns what was found, as a log says it in passing: `143× (at least 139×)`, `RMSE 12.10 ± 0.31`. */
export const foundText = (metric: Interval, objective: Objective): string =>
  objective.kind === 'score'
    ? metricText(metric, objective)
    : `${times(metric.value)} (at least ${times(metric.low)})`;

/** Says that the goal is met: `the goal of 100× is met`. */
export const goalText = (objective: Objective): string =>
  objective.kind === 'passes' || objective.goal === undefined
    ? 'it passes'
    : `the goal of ${objective.kind === 'ratio' ? times(objective.goal) : `${objective.metric} ${objective.goal}`} is met`;

/** Milliseconds as people read them: `0.319 ms`, `41.2 ms`, `11.5 s`. */
export const durationOf = (ms: number): string =>
  ms < 1_000
    ? `${Number(ms.toPrecision(3))} ms`
    : `${Number((ms / 1_000).toPrecision(3)).toLocaleString('en')} s`;

/** A function is called, on inputs that are secret; a script is run. */
export const callOf = ({ seeds }: Pick<Trial, 'seeds'>): 'call' | 'run' =>
  seeds.length > 0 ? 'call' : 'run';

/**
 * Returns how a candidate was tried again. What is scored has new seeds, and only a function has inputs that
 * can be made anew.
 */
export const anew = ({ seeds, measurement }: Pick<Trial, 'seeds' | 'measurement'>): string =>
  seeds.length === 0
    ? 'in new sandboxes'
    : measurement === null
      ? 'with new seeds'
      : 'with new secret inputs';

/**
 * That a measurement is a rough one because the machine had other things to do. Null where it had none, or does
 * not tell.
 */
export function busyText({ load }: Pick<Measurement, 'load'>): string | null {
  if (load === undefined) return null;
  const { cores, wanted, others, inLine, stolen } = load;
  const crowded = others > (cores - 1) / 2;
  if (!crowded && inLine <= defaults.busyShare && stolen <= defaults.busyShare) return null;
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return [
    `the machine was busy: ${wanted.toFixed(1)} of ${cores} cores`,
    ...(inLine > defaults.busyShare ? [`${percent(inLine)} of the time in line for one`] : []),
    ...(stolen > defaults.busyShare ? [`${percent(stolen)} taken by its own host`] : []),
  ].join(', ');
}

/** Off whose time the cost of asking was taken. */
export const askedText = ({ isOurs }: Pick<Measurement, 'isOurs'>): string =>
  isOurs === true ? 'taken off both' : 'taken off the baseline';

/**
 * That a candidate is so quick that mostly its asking was measured, and its speed-up not well known. Null where
 * it is not.
 */
export function askingText({ askingMs, candidateMs, speedup }: Measurement): string | null {
  if (askingMs.value <= candidateMs.value / 2) return null;
  const [asking, all] = [askingMs.value, candidateMs.value].map(durationOf);
  return `to ask it is ${asking} of the ${all} measured, so it may be up to ${times(speedup.high)}`;
}

/** Returns how the figures of a measurement belong together: one is not the other two divided. */
export const figuresNote = ({ pairs, askingMs, isOurs }: Measurement): string =>
  `The speed-up is the middle of the ratios of ${pairs} pairs, each on the same input${askingMs.value > 0 ? `, after the cost of asking was taken off ${isOurs === true ? 'both' : 'the original'}` : ''}: not the ratio of the middles.`;

/** Returns what is to be known of a measurement beside its figures. */
export const remarksOn = (measurement: Measurement): string[] =>
  [askingText(measurement), busyText(measurement)].filter((each) => each !== null);

/** Returns the first line of a reason, or of a summary, which says it all; what follows explains. */
export const headline = (text: string): string => text.split('\n', 1)[0] ?? '';

/**
 * Whether an outcome by folds is that of a blend, whose score is of the folds that all its members have. What
 * was scored fold by fold says so.
 */
export const isBlend = (outcome: Outcome): boolean =>
  outcome.kind === 'scored' && outcome.scores === undefined;

/** Returns what a trial ended with, in one line. */
export function lineOf(trial: Trial, objective: Objective): string {
  const { candidate, purpose, outcome, measurement } = trial;
  const who = `${candidate.id} ${candidate.title}`;
  const reason = 'reason' in outcome ? headline(outcome.reason) : '';
  if (purpose === 'baseline' && measurement !== null) {
    const { baselineMs, noiseFloor, host } = measurement;
    const busy = busyText(measurement);
    return `${who}: ${durationOf(baselineMs.value)} a ${callOf(trial)}, noise ±${(noiseFloor * 100).toFixed(1)} % on ${host}${busy === null ? '' : `; ${busy}`}`;
  }
  if (outcome.kind === 'scored') {
    const isByFolds = objective.kind === 'score' && objective.byFolds === true;
    const folds = isBlend(outcome) ? 'out of fold' : 'on all folds';
    const again = isByFolds ? folds : `verified ${anew(trial)}`;
    const verified = purpose === 'verification' ? `${again}: ` : '';
    const remarks = measurement === null ? [] : remarksOn(measurement);
    return `${who}: ${[`${verified}${metricText(outcome.metric, objective)}`, ...remarks].join('; ')}`;
  }
  // What it was checked for is told with the job, which may have no checks at all.
  return outcome.kind === 'passed' ? `${who}: passed` : `${who}: ${outcome.kind}: ${reason}`;
}

/** Returns the look at each candidate that counts: the last verification of it, else its trial. In the order they were first tried. */
export function lastLooks(trials: readonly Trial[]): Trial[] {
  const byCandidate = Map.groupBy(trials, ({ candidate }) => candidate.id);
  return [...byCandidate.values()].flatMap(
    (looks) => looks.findLast(({ purpose }) => purpose === 'verification') ?? looks.slice(-1),
  );
}

/**
 * Returns whether what was found counts: a second look at a candidate does. A score of the user's own program does at once, for nobody
 * chose it among others.
 */
export const isCertain = ({ purpose }: Pick<Trial, 'purpose'>, { kind }: Objective): boolean =>
  purpose === 'verification' || (purpose === 'baseline' && kind === 'score');

const looksAt = (trials: readonly Trial[], objective: Objective) =>
  lastLooks(trials).map((trial) => ({
    ...foundIn(trial.outcome),
    verified: isCertain(trial, objective),
    trial,
  }));

/** Returns the trial that stands as best by the job's objective; null where none does. */
export const bestTrial = (trials: readonly Trial[], objective: Objective): Trial | null =>
  best(looksAt(trials, objective), objective)?.trial ?? null;

/**
 * Returns the trial whose program a job gives: of the candidate that was chosen, where that stands, else the
 * best. Null where none does.
 */
export function productTrial(
  trials: readonly Trial[],
  objective: Objective,
  chosen: string | null,
): Trial | null {
  const looks = looksAt(trials, objective);
  const picked = looks.find(
    ({ trial, ...found }) => trial.candidate.id === chosen && stands(found, objective),
  );
  return (picked ?? best(looks, objective))?.trial ?? null;
}

/** Returns the best trial; where none stands, the one that came nearest, else the last; null where there is none. */
export function nearestTrial(trials: readonly Trial[], objective: Objective): Trial | null {
  const looks = looksAt(trials, objective);
  return (best(looks, objective) ?? closest(looks, objective) ?? looks.at(-1))?.trial ?? null;
}

/** Returns the best by the job's objective as a result keeps it; null where none stands. */
export function bestFound(trials: readonly Trial[], objective: Objective): BestFound | null {
  const top = bestTrial(trials, objective);
  return top === null ? null : foundBy(top);
}

const foundBy = ({ candidate: { id, title }, outcome }: Trial): BestFound => ({
  ...{ candidate: id, title },
  metric: foundIn(outcome).metric,
});

/**
 * Returns the candidate that was chosen as a result keeps it. Null where none was, or where it does not stand.
 */
export function chosenFound(
  trials: readonly Trial[],
  objective: Objective,
  chosen: string | null,
): BestFound | null {
  const top = productTrial(trials, objective, chosen);
  return top === null || top.candidate.id !== chosen ? null : foundBy(top);
}

/**
 * Returns what a verification found of a `claim`, in one sentence, `found` is null where checks were passed.
 * `anew`: how it was tried again.
 */
export function findingOf(
  title: string,
  claim: Interval | null,
  found: Interval | null,
  { anew, objective }: { anew: string; objective: Objective },
): string {
  if (found === null) return `${title} holds: it passes once more, ${anew}`;
  if (objective.kind === 'score') {
    const now = `${metricText(found, objective)} ${anew}`;
    return claim === null || meet(claim, found)
      ? `${title} holds: ${now}`
      : `${title} is not what it was found to be, ${metricText(claim, objective)}: it is ${now}`;
  }
  const figures = `(at least ${times(found.low)}) ${anew}`;
  if (claim === null || meet(claim, found)) return `${title} holds: ${times(found.value)} faster ${figures}`;
  return found.high < claim.low
    ? `${title} is still faster, but not ${times(claim.value)}: ${times(found.value)} ${figures}`
    : `${title} holds, and is faster than the ${times(claim.value)} it was: ${times(found.value)} ${figures}`;
}

/** Candidates the grader refused, or that broke a rule: not those that crashed, hung or did not build. */
export const refusedTrials = (trials: readonly Trial[]): Trial[] =>
  trials.filter(({ outcome }) => ['wrong', 'invalidOutput', 'rejected'].includes(outcome.kind));
