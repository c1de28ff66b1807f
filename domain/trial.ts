import type { Interval } from './outcome.schema.ts';
import type { Trial } from './trial.schema.ts';

/** A number with three significant digits, as people read a ratio: `143×`. */
export const times = (value: number): string => `${Number(value.toPrecision(3)).toLocaleString('en')}×`;

export const intervalText = ({ value, low, high }: Interval): string =>
  `${times(value)} [${times(low)}, ${times(high)}]`;

/** What a trial ended with, in one line. */
export function lineOf({ candidate, purpose, outcome, measurement }: Trial): string {
  const who = `${candidate.id} ${candidate.title}`;
  const [reason = ''] = 'reason' in outcome ? outcome.reason.split('\n').slice(-1) : [];
  if (purpose === 'baseline' && measurement !== null) {
    const { baselineMs, noiseFloor, host } = measurement;
    return `${who}: ${Number(baselineMs.value.toPrecision(3)).toLocaleString('en')} ms a call, noise ±${(noiseFloor * 100).toFixed(1)} % on ${host}`;
  }
  if (outcome.kind === 'scored') {
    const verified = purpose === 'verification' ? 'verified with new secret inputs: ' : '';
    return `${who}: ${verified}${intervalText(outcome.metric)}`;
  }
  return outcome.kind === 'passed' ? `${who}: passed every check` : `${who}: ${outcome.kind}: ${reason}`;
}

/** The trial that stands as best: the verified one with the largest speed-up above 1. */
export function bestTrial(
  trials: readonly Trial[],
): (Trial & { outcome: { kind: 'scored'; metric: Interval } }) | null {
  let best: (Trial & { outcome: { kind: 'scored'; metric: Interval } }) | null = null;
  for (const trial of trials) {
    const { outcome, purpose } = trial;
    if (purpose !== 'verification' || outcome.kind !== 'scored' || outcome.metric.low <= 1) continue;
    if (best === null || outcome.metric.value > best.outcome.metric.value) best = { ...trial, outcome };
  }
  return best;
}

/** Candidates the grader refused, or that broke a rule: not those that crashed, hung or did not build. */
export const refusedTrials = (trials: readonly Trial[]): Trial[] =>
  trials.filter(({ outcome }) => ['wrong', 'invalidOutput', 'rejected'].includes(outcome.kind));
