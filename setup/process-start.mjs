import { readFileSync } from 'node:fs';

/**
 * When a process was started, in the kernel's ticks since boot: with its number, what tells it from a later one of the same number.
 * Null where there is none, or only a zombie.
 * @param {number} pid
 * @returns {string | null}
 */
export function startOf(pid) {
  try {
    // The name before it is in brackets, and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
