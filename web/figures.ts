import type { Objective } from '../domain/objective.ts';
import type { Interval } from '../domain/outcome.schema.ts';
import { scoreDigits, times } from '../domain/trial.ts';

/** Numbers as people read them, in English whatever the machine's language is. */

const digits = (value: number, count = 3): string =>
  Number(value.toPrecision(count)).toLocaleString('en', { maximumSignificantDigits: count });

/** Returns a duration from milliseconds: `410 µs`, `12.3 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown';
  if (ms < 0.0005) return '0';
  if (ms < 1) return `${digits(ms * 1000)} µs`;
  if (ms < 1000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (hours > 0) return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** `138× to 149×`. */
export const range = ({ low, high }: Interval): string => `${times(low)} to ${times(high)}`;

/**
 * Returns the same as an objective has it: `138× to 149×`, `0.869 to 0.877`. A score that came out the same
 * each time has none.
 */
export function rangeOf(metric: Interval, { kind }: Objective): string {
  if (kind !== 'score') return range(metric);
  const digits = scoreDigits(metric);
  return metric.low === metric.high
    ? 'the same each time'
    : `${digits(metric.low)} to ${digits(metric.high)}`;
}

/** `±2.1 %` from 0.021. */
export const plusMinus = (share: number): string => `±${digits(share * 100, 2)} %`;

/** Returns a date and time in UTC: `2026-03-01 14:05 UTC`. */
export const moment = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const count = (value: number): string => value.toLocaleString('en');

/** `1 candidate`, `3 candidates`. */
export const counted = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/**
 * Returns a score, or a share, with four digits: `0.8125`, `12,340`. Where it would be a row of zeros, it has a
 * power of ten: `2.5e-7`.
 */
export function figure(value: number | null): string {
  if (value === null) return 'none';
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e9)
    ? String(Number(value.toPrecision(4)).toExponential())
    : value.toLocaleString('en', { maximumSignificantDigits: 4 });
}
