/** A mark on an axis. */
export interface Tick {
  value: number;
  label: string;
}

/** Maps the numbers from `low` to `high` (above 0) to `from`…`to` by their logarithm; numbers outside go to its ends. */
export function logScale(low: number, high: number, from: number, to: number): (value: number) => number {
  const span = Math.log(high / low) || 1;
  return (value) => {
    const share = Math.log(Math.max(value, Number.MIN_VALUE) / low) / span;
    return from + Math.min(1, Math.max(0, share)) * (to - from);
  };
}

/** Maps the numbers from `low` to `high` to `from`…`to`; numbers outside go to its ends. */
export function linearScale(low: number, high: number, from: number, to: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => from + Math.min(1, Math.max(0, (value - low) / span)) * (to - from);
}

/** Returns the range of some intervals, with a little room at both ends; 0 to 1 where there are none. */
export function spanOf(metrics: readonly { low: number; high: number }[]): { low: number; high: number } {
  if (metrics.length === 0) return { low: 0, high: 1 };
  const low = metrics.reduce((least, each) => Math.min(least, each.low), Number.POSITIVE_INFINITY);
  const high = metrics.reduce((most, each) => Math.max(most, each.high), Number.NEGATIVE_INFINITY);
  const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return { low: low - room, high: high + room };
}

/** Steps of 1, 2 or 5 times a power of ten, of which about `most` fit between `low` and `high`. */
function stepFor(span: number, most: number): number {
  const least = span / most;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least * 0.999_999) ?? 10 * power;
}

/** Round numbers between `low` and `high`, at most `most` and one more. */
export function linearTicks(low: number, high: number, most: number): Tick[] {
  const step = stepFor(high - low, most);
  const first = Math.ceil(low / step);
  const ticks = Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, index) => {
    const value = Number(((first + index) * step).toPrecision(12));
    return { value, label: value.toLocaleString('en', { maximumSignificantDigits: 6 }) };
  });
  return ticks.slice(0, most + 1);
}

/**
 * Returns at most `most` round numbers between `low` and `high` on a logarithmic axis. 1 is among them where it
 * is inside.
 */
export function logTicks(low: number, high: number, most: number): number[] {
  const decades = (first: number, last: number, leading: readonly number[], every: number): number[] => {
    const ticks: number[] = [];
    for (let power = first; power <= last; power += 1)
      if (power % every === 0) ticks.push(...leading.map((each) => Number(`${each}e${power}`)));
    return ticks.filter((tick) => tick >= low && tick <= high);
  };
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  for (const leading of [[1, 1.2, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const ticks = decades(first, last, leading, 1);
    if (ticks.length <= most) return ticks;
  }
  for (let every = 2; ; every += 1) {
    const ticks = decades(first, last, [1], every);
    if (ticks.length <= most) return ticks;
  }
}

const units = [
  { ms: 1000, name: 's', upTo: 180_000 },
  { ms: 60_000, name: 'min', upTo: 3 * 3_600_000 },
  { ms: 3_600_000, name: 'h', upTo: Number.POSITIVE_INFINITY },
];

/**
 * Returns marks from 0 to `endMs` in the unit that suits. They are at most `most` steps of 1, 2 or 5 times a
 * power of ten.
 */
export function timeTicks(endMs: number, most: number): { ticks: Tick[]; unit: string } {
  const unit = units.find((each) => endMs <= each.upTo) ?? { ms: 1000, name: 's' };
  const end = endMs / unit.ms;
  const least = end / most;
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least) ?? 10 * power;
  const ticks = Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, index) => {
    const value = Number((index * step).toPrecision(6));
    return { value: value * unit.ms, label: String(value) };
  });
  return { ticks, unit: unit.name };
}
