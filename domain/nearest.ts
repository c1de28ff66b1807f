/**
 * The name that was probably meant by `typed`: one that it begins, or that few letters tell from it. Null where
 * there is none.
 */
export function nearest(typed: string, names: readonly string[]): string | null {
  const text = plain(typed);
  const [best] = names
    .map((name) => {
      const begins = text.length >= 3 && (plain(name).startsWith(text) || text.startsWith(plain(name)));
      return { name, away: begins ? 1 : lettersBetween(text, plain(name)) };
    })
    .filter(({ name, away }) => away <= Math.max(1, Math.floor(Math.min(text.length, name.length) / 3)))
    .sort((one, other) => one.away - other.away);
  return best?.name ?? null;
}

const plain = (text: string): string => text.toLowerCase().replace(/[-_]/g, '');

/** Letters put in, left out, replaced, or swapped with their neighbour, to get from one text to the other. */
export function lettersBetween(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1];
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = row;
    row = next;
  }
  return row[other.length] ?? 0;
}
