import type { Outcome } from '../../domain/outcome.schema.ts';
import type { Ending } from '../../sandbox/sandbox.ts';
import { lastWords, placeOfCrash, reasonIn, withDetail } from './reason.ts';

/** The last of what a program wrote to its two streams. */
export interface Said {
  stdout: string;
  stderr: string;
}

export const saidBy = ({ stdout, stderr }: { stdout: { tail: string }; stderr: { tail: string } }): Said => ({
  stdout: stdout.tail,
  stderr: stderr.tail,
});

const seconds = (ms: number): string => `${(ms / 1000).toLocaleString('en')} s`;

/** The field of `limits` that raises what a program ran into. */
const fieldOf = { output: 'outputMb', fileSize: 'fileMb', files: 'diskMb', processes: 'processes' } as const;

/**
 * Returns what a program's ending says about it; null where it ended well (exit status 0). The first line of a reason says it all.
 * What the program wrote last explains, and decides nothing.
 */
export function outcomeOfEnding(ending: Ending, said: Said): Outcome | null {
  const { stderr } = said;
  switch (ending.kind) {
    case 'exited':
      if (ending.code === 0) return null;
      return {
        kind: 'crashed',
        reason: reasonIn(stderr) || `exit status ${ending.code} and no message${lastPrinted(said)}`,
      };
    case 'signalled': {
      const place = placeOfCrash(stderr);
      const line = `ended by ${ending.signal}${detailOf(ending)}${place === null ? '' : ` at ${place}`}`;
      return { kind: 'crashed', reason: withDetail(`${line}${lastPrinted(said)}`, stderr.trim()) };
    }
    case 'timedOut':
      return {
        kind: 'timedOut',
        reason: `not done after ${seconds(ending.limitMs)} of ${ending.limit} time${lastPrinted(said)}`,
      };
    case 'outOfMemory':
      return {
        kind: 'outOfMemory',
        reason: `needed more than ${ending.limitMb} MiB of memory${detailOf(ending)}${lastPrinted(said)}`,
      };
    case 'resourceLimit':
      return {
        kind: 'resourceLimit',
        reason: `${ending.resource}: ${inMib(ending.detail)} (\`limits.${fieldOf[ending.resource]}\`)${lastPrinted(said)}`,
      };
  }
}

const detailOf = ({ detail }: { detail?: string | undefined }): string =>
  detail === undefined ? '' : `: ${detail}`;

const longestPrinted = 160;

/** Returns how far a program had come that was stopped, in its own words. */
function lastPrinted({ stdout, stderr }: Said): string {
  const words = lastWords(stdout.split('\n')) || lastWords(withoutFault(stderr).split('\n'));
  return words === ''
    ? ''
    : `; last printed: ${words.length > longestPrinted ? `${words.slice(0, longestPrinted)}…` : words}`;
}

/** Returns what was written before the text of Python's fault handler. */
const withoutFault = (text: string): string => text.split(/^Fatal Python error: /m)[0] ?? '';

const inMib = (detail: string): string =>
  detail.replace(/(\d+) bytes/, (all, bytes) =>
    Number(bytes) % 2 ** 20 === 0 ? `${Number(bytes) / 2 ** 20} MiB` : all,
  );
