import type { Interval } from './outcome.schema.ts';

/** Returns a mean as people read it: `0.52 ±0.03`; of one value without the bounds. */
export function meanText({ value, high }: Interval): string {
  const mean = Number(value.toPrecision(4));
  return Number.isFinite(high) ? `${mean} ±${Number((high - value).toPrecision(2))}` : String(mean);
}

/** Returns a mean difference, with its sign. */
export const differenceText = (mean: Interval): string => `${mean.value > 0 ? '+' : ''}${meanText(mean)}`;

/** Returns a probability: `<0.001`, `0.042`. */
export const probabilityText = (p: number): string => (p < 0.001 ? '<0.001' : p.toFixed(3));
