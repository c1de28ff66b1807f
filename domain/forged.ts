/** Stands, in its metadata and as the one name in its data, in place of a payload that was not signed by this home. */
export const forgedMark = 'crucible-forged';

/** Returns what is said of a value that stands for such a payload; null for any other value. */
export function forgedReason(value: unknown): string | null {
  return typeof value === 'object' && value !== null && forgedMark in value
    ? String((value as Record<string, unknown>)[forgedMark])
    : null;
}
