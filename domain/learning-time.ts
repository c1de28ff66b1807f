/**
 * What a search that has nothing yet may take at least beyond its end. Late is better than without a score.
 */
export const firstScoreMs = 20_000;

/**
 * Returns what is left of a search's time, milliseconds. Once something has a score, it ends `reserveMs` before
 * its job does.
 */
export function searchLeftMs({
  endsAt,
  reserveMs,
  now,
  scored,
}: {
  endsAt: number;
  reserveMs: number;
  now: number;
  scored: boolean;
}): number {
  const leftMs = endsAt - reserveMs - now;
  return scored ? leftMs : leftMs + reserveMs + firstScoreMs;
}
