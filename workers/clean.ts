import { redact } from '../llm/providers/failure.ts';

/** Takes secrets out of what is about to be written. */
export interface Clean {
  text(text: string): string;
  /** Returns a copy of `value` that can be written as JSON. Strings are cleaned, secrets masked by their names, and errors are their stacks. */
  value(value: unknown): unknown;
}

const secretName = /^key$|(authorization|api[-_]?key|token|secret|password|cookie)$/i;
/** A shorter value is no secret, and would turn up inside words. */
const shortest = 8;
/** Deeper than anything we write, and an end for what refers to itself. */
const deepest = 8;

/**
 * Knows the values of `secrets`, names that stand before one, and what keys look like. An error keeps its name, message, stack and causes: its
 * other properties may hold a reply or a request.
 */
export function createClean(secrets: readonly string[]): Clean {
  // The longest first, for one may be a part of another.
  const known = secrets
    .filter((secret) => secret.length >= shortest)
    .sort((one, other) => other.length - one.length);
  const text = (from: string): string =>
    redact(
      known.reduce((cleaned, secret) => cleaned.replaceAll(secret, '[key]'), from),
      null,
    );
  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth === deepest) return '[deeper]';
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Date) return value;
    if (Array.isArray(value)) return value.map((each) => clean(each, depth + 1));
    if (value instanceof Error) {
      const { name, message, stack, cause } = value;
      return clean({ name, message, stack, ...(cause === undefined ? {} : { cause }) }, depth);
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        secretName.test(name) && inner != null ? '[key]' : clean(inner, depth + 1),
      ]),
    );
  };
  return { text, value: (value) => clean(value, 0) };
}
