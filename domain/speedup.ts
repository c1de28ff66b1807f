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
    pairs.map(({ baselineMs, candidateMs }) => Math.max(0, baselineMs - askingMs) / candidateMs),
    confidence,
  );

/** Half the width of an interval as a share of its value. */
export const relativeHalfWidth = (interval: Interval): number =>
  (interval.high - interval.low) / 2 / interval.value;
