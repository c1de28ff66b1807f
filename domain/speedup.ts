import type { Interval } from './outcome.schema.ts';
import { randomStream } from './random.ts';

const resamples = 2_000;

/** The middle value; the mean of the two middle ones for an even count. Throws for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: expected at least one value, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * The median with its percentile-bootstrap interval (Efron 1979) at `confidence`. The same values and seed give the same
 * interval.
 */
export function medianInterval(values: readonly number[], confidence: number, seed = 1): Interval {
  const random = randomStream(seed);
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b);
  const at = (share: number): number =>
    medians[Math.min(resamples - 1, Math.max(0, Math.round(share * (resamples - 1))))] ?? Number.NaN;
  return { value: median(values), low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}

/** Times of the same inputs answered by the baseline and by the candidate right after one another. */
export interface Pair {
  baselineMs: number;
  candidateMs: number;
}

/**
 * How many times faster the candidate is: the median of the pairs' ratios, after `askingMs`, the cost of asking, is taken off the
 * baseline. Only off the baseline: a candidate may answer in a way of its own that saves it, and would gain by what it never paid.
 */
export const speedupOf = (pairs: readonly Pair[], askingMs: number, confidence: number): Interval =>
  medianInterval(
    pairs.map(
      ({ baselineMs, candidateMs }) => Math.max(0, baselineMs - askingMs) / Math.max(clockMs, candidateMs),
    ),
    confidence,
  );

/** One tick of the clock: nothing takes less. */
const clockMs = 1e-6;

/**
 * Why no candidate could be seen to be faster than a program that takes `baselineMs`; null where one could. A candidate is asked as
 * well, so what is left of the baseline after the cost of asking must be more than that cost.
 */
export function tooQuickToMeasure({
  baselineMs,
  askingMs,
}: {
  baselineMs: Interval;
  askingMs: Interval;
}): string | null {
  if (baselineMs.value > 2 * askingMs.value) return null;
  const [taken, asking] = [baselineMs, askingMs].map(({ value }) => `${Number(value.toPrecision(2))} ms`);
  const compared =
    baselineMs.value <= askingMs.value
      ? `less than it costs to ask it, ${asking}`
      : `and to ask it costs ${asking} of that, so no candidate could be seen to be faster`;
  return `takes ${taken}, ${compared}: give it more work per call`;
}

/** Half the width of an interval as a share of its value; 0 of an interval that is nothing but 0. */
export const relativeHalfWidth = ({ value, low, high }: Interval): number =>
  high === low ? 0 : (high - low) / 2 / (value === 0 ? (high + low) / 2 : value);
