import { defaults } from './defaults.ts';
import type { Interval } from './outcome.schema.ts';

/** Returns the middle value; the mean of the two middle ones for an even count. Throws for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: expected at least one value, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Returns the median with its interval between two order statistics, by the sign test. The true median lies
 * within at `confidence`, however the values are spread. There have to be enough of them, six for 95 %. Of
 * fewer, the interval is from the lowest to the highest.
 */
export function medianInterval(values: readonly number[], confidence: number): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  // The share of all ways n coins can fall that have at most `left` heads, for the most that may be left out at either end.
  let left = 0;
  let ways = 1;
  for (let outside = 2 ** (1 - count); ; left += 1) {
    ways = (ways * (count - left)) / (left + 1);
    outside += ways * 2 ** (1 - count);
    if (outside > 1 - confidence) break;
  }
  return { value: median(values), low: sorted[left] ?? Number.NaN, high: sorted.at(-1 - left) ?? Number.NaN };
}

/** How long one player took for an input. */
export interface Time {
  /** By the clock. */
  ms: number;
  /**
   * The least it can have taken on a processor of its own. It is `ms` without the time it stood in line for
   * one.
   */
  aloneMs: number;
}

/** Times of the same inputs answered by the baseline and by the candidate right after one another. */
export interface Pair {
  baseline: Time;
  candidate: Time;
  /** The candidate used more than one processor, so how long it stood in line is the sum over its threads. */
  parallel: boolean;
}

/** One tick of the clock: nothing takes less. */
const clockMs = 1e-6;

/** The cost of asking can be told from what is asked for no better than this, as a share. */
const askingResolution = 0.1;

/** Where players stood in line for less than this share of their time, the clock alone is right. */
const undisturbed = 0.01;

/**
 * Returns how many times faster the candidate is, as the median of the pairs' ratios. The cost of asking is taken off the baseline. It is
 * taken off the candidate only where its text is of our own making (`isOurs`). Any other may answer in a way of its own that saves it,
 * and would gain by what it never paid. What is left of a candidate is told no better than the cost itself is known.
 *
 * The interval holds what is not known, too:
 *
 * - An honest candidate was asked as well, which the upper end allows for.
 * - A long call stands in line for a processor and a short one does not. The clock's ratios and those without waiting lie within.
 * - Two processes of one program differ by their places in memory (`defaults.betweenRuns`).
 */
export function speedupOf(
  pairs: readonly Pair[],
  asking: Interval,
  confidence: number,
  isOurs = false,
): Interval {
  const least = Math.max(askingResolution * asking.value, asking.high - asking.low);
  const ratios = (ratio: (pair: Pair) => number): Interval => medianInterval(pairs.map(ratio), confidence);
  const per = (baselineMs: number, candidateMs: number, askingMs = asking.value): number =>
    Math.max(0, baselineMs - askingMs) / Math.max(clockMs, candidateMs);
  const unaskedPer = (baselineMs: number, candidateMs: number): Interval => {
    const given = (askingMs: number, most: number): number =>
      per(baselineMs, Math.max(candidateMs - askingMs, least), most);
    return {
      value: given(asking.value, asking.value),
      low: given(asking.low, asking.high),
      high: given(asking.high, asking.low),
    };
  };
  /**
   * The ratios of some times of each pair. Without the asking, their ends hold what is not known of its cost.
   */
  const seenOf = (baseline: (pair: Pair) => number, candidate: (pair: Pair) => number): Interval => {
    if (!isOurs) return ratios((pair) => per(baseline(pair), candidate(pair)));
    const end = (which: keyof Interval): number =>
      ratios((pair) => unaskedPer(baseline(pair), candidate(pair))[which])[which];
    return { value: end('value'), low: end('low'), high: end('high') };
  };
  const clock = seenOf(
    ({ baseline }) => baseline.ms,
    ({ candidate }) => candidate.ms,
  );
  const alone = seenOf(
    ({ baseline }) => baseline.aloneMs,
    ({ candidate }) => candidate.aloneMs,
  );
  // Neither is known of several threads; this one is never too high.
  const careful = seenOf(
    ({ baseline }) => baseline.aloneMs,
    ({ candidate }) => candidate.ms,
  );
  const unasked = ratios(({ baseline, candidate }) => unaskedPer(baseline.aloneMs, candidate.aloneMs).high);

  const disturbed = inLine(pairs) > undisturbed;
  const parallel = pairs.some((pair) => pair.parallel);
  const seen = [clock, ...(disturbed ? [alone] : []), ...(disturbed && parallel ? [careful] : [])];
  return {
    // The least of them: who has others work while it stands in line gains nothing by that.
    value: Math.min(...seen.map(({ value }) => value)),
    low: Math.min(...seen.map(({ low }) => low)) * (1 - defaults.betweenRuns),
    high:
      Math.max(...seen.map(({ high }) => high), asking.value > 0 ? unasked.high : 0) *
      (1 + defaults.betweenRuns),
  };
}

/** Returns the share of their time that players stood in line for a processor. */
export function inLine(pairs: readonly Pair[]): number {
  const sum = (of: (time: Time) => number): number =>
    pairs.reduce((total, { baseline, candidate }) => total + of(baseline) + of(candidate), 0);
  return (
    sum(({ ms, aloneMs }) => ms - aloneMs) /
    Math.max(
      clockMs,
      sum(({ ms }) => ms),
    )
  );
}

/** Returns whether two intervals have a value in common. */
export const meet = (one: Interval, other: Interval): boolean =>
  one.low <= other.high && other.low <= one.high;

/** Several measurements of one speed-up as one: their middle, and all that any of them holds to be possible. */
export const pooled = (runs: readonly Interval[]): Interval => ({
  value: median(runs.map(({ value }) => value)),
  low: Math.min(...runs.map(({ low }) => low)),
  high: Math.max(...runs.map(({ high }) => high)),
});

/**
 * Returns how far a program measured against itself is from 1, as a share. It goes by the ratios as they are,
 * for both are asked.
 */
export function noiseOf(pairs: readonly Pair[], confidence: number): number {
  const { low, high } = medianInterval(
    pairs.map(({ baseline, candidate }) => baseline.ms / Math.max(clockMs, candidate.ms)),
    confidence,
  );
  return Math.max(high - 1, 1 - low);
}

/** How many times as long as its asking a program takes at least for a candidate to be seen to be faster. */
const leastOfAsking = { asked: 2, ours: 1.25 };

/**
 * Returns why no candidate could be seen to be faster than a program that takes `baselineMs`; null where one could. A candidate of a model's is
 * asked as well, so more than the cost of asking must be left of the baseline. Of one of ours less is enough.
 */
export function tooQuickToMeasure(
  { baselineMs, askingMs }: { baselineMs: Interval; askingMs: Interval },
  oursOnly: boolean,
): string | null {
  if (baselineMs.value > leastOfAsking[oursOnly ? 'ours' : 'asked'] * askingMs.value) return null;
  const [taken, asking] = [baselineMs, askingMs].map(({ value }) => `${Number(value.toPrecision(2))} ms`);
  const compared =
    baselineMs.value <= askingMs.value
      ? `less than it costs to ask it, ${asking}`
      : `and to ask it costs ${asking} of that, so no candidate could be seen to be faster`;
  return `takes ${taken}, ${compared}: give it more work per call`;
}
