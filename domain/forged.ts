/**
 * Stands in place of a payload that was not signed by this home. It is in the metadata, and the one name in the
 * data.
 */
export const forgedMark = 'crucible-forged';

/** Returns what is said of a value that stands for such a payload; null for any other value. */
export function forgedReason(value: unknown): string | null {
  return typeof value === 'object' && value !== null && forgedMark in value
    ? String((value as Record<string, unknown>)[forgedMark])
    : null;
}
