/** `$1.50` from millionths of a dollar; below a dollar two digits that say something: `$0.0042`. */
export const dollars = (microUsd: number): string =>
  microUsd === 0 || microUsd >= 1_000_000
    ? `$${(microUsd / 1e6).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
    : `$${(microUsd / 1e6).toPrecision(2)}`;
