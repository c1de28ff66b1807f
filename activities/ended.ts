import type { Outcome } from '../domain/outcome.schema.ts';
import type { Ending } from '../sandbox/sandbox.ts';

/** Characters: a reason stands in a workflow history and on a screen; the whole log is an artifact. */
const longestReason = 2_000;

/** The last lines of a log: where compilers and interpreters say what went wrong. */
export const lastLines = (text: string, count = 12): string =>
  text.trim().split('\n').slice(-count).join('\n').slice(-longestReason);

const seconds = (ms: number): string => `${(ms / 1000).toLocaleString('en')} s`;

/**
 * What a program's ending says about it; null where it ended well (exit status 0).
 * `said` is what it wrote last: it explains, and decides nothing.
 */
export function outcomeOfEnding(ending: Ending, said: string): Outcome | null {
  switch (ending.kind) {
    case 'exited':
      if (ending.code === 0) return null;
      return { kind: 'crashed', reason: lastLines(said) || `exit status ${ending.code} and no message` };
    case 'signalled':
      return {
        kind: 'crashed',
        reason: [
          `ended by ${ending.signal}${ending.detail === undefined ? '' : `: ${ending.detail}`}`,
          lastLines(said),
        ]
          .filter(Boolean)
          .join('\n'),
      };
    case 'timedOut':
      return {
        kind: 'timedOut',
        reason: `not done after ${seconds(ending.limitMs)} of ${ending.limit} time`,
      };
    case 'outOfMemory':
      return {
        kind: 'outOfMemory',
        reason: `needed more than ${ending.limitMb} MiB of memory${ending.detail === undefined ? '' : `: ${ending.detail}`}`,
      };
    case 'resourceLimit':
      return { kind: 'resourceLimit', reason: `${ending.resource}: ${ending.detail}` };
  }
}
