import type { Interval } from './outcome.schema.ts';

/** The two-sided 95 % quantiles of Student's distribution, from one degree of freedom up. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045,
];

/**
 * Returns the mean of some scores with its 95 % interval, as far as chance moves them. It has none where they
 * are all the same, or there is one.
 */
export function meanOf(scores: readonly number[]): Interval {
  const [first] = scores;
  if (first === undefined) throw new Error('expected at least one score, got none');
  // A mean of equal numbers may differ from them in its last digit.
  if (scores.every((each) => each === first)) return { value: first, low: first, high: first };
  const count = scores.length;
  const value = scores.reduce((sum, each) => sum + each / count, 0);
  const variance = scores.reduce((sum, each) => sum + (each - value) ** 2, 0) / (count - 1);
  const quantile = quantiles[count - 2];
  if (quantile === undefined)
    throw new Error(`expected at most ${quantiles.length + 1} scores, got ${count}`);
  const half = quantile * Math.sqrt(variance / count);
  return { value, low: value - half, high: value + half };
}

/** Returns the place of the best of some scores; the first of equals. */
export const bestOf = (scores: readonly number[], direction: 'minimize' | 'maximize'): number =>
  scores.indexOf(direction === 'minimize' ? Math.min(...scores) : Math.max(...scores));
