import type { Diagnosis, FailedAt, Fix, Rewriting } from '../../domain/diagnosis.schema.ts';
import { lettersBetween } from '../../domain/nearest.ts';
import type { Failure, Frame, Raised } from './failure.ts';

/** What a rule says of a failure; what it leaves out is that of the exception. */
export interface Finding {
  kind: Diagnosis['kind'];
  suggestion: string;
  fix?: Fix | null;
  evidence?: string;
  place?: FailedAt | null;
}

/** Tells what an exception comes of; null where this rule does not know it for sure. `at`: where in the program's own files it arose. */
export type Rule = (raised: Raised, failure: Failure, at: Frame | undefined) => Finding | null;

export const finding = (kind: Diagnosis['kind'], suggestion: string, fix: Fix | null = null): Finding => ({
  ...{ kind, suggestion, fix },
});

/** Returns a change of the program at a frame; null where the failure has no place in it. */
export const rewrite = (
  rewriting: Rewriting,
  at: Pick<Frame, 'path' | 'line'> | undefined,
  told: Record<string, string> = {},
): Fix | null =>
  at === undefined ? null : { kind: 'rewrite', rewriting, path: at.path, line: at.line, told };

/** Returns the lines of the program from a frame's on: a call may go over several. */
export const linesFrom = ({ sources }: Failure, at: Frame | undefined, count = 4): string =>
  at === undefined
    ? ''
    : (sources[at.path]
        ?.split('\n')
        .slice(at.line - 1, at.line - 1 + count)
        .join('\n') ?? at.text);

/** Lines that a statement goes over at most. */
const mostLines = 12;

/**
 * Returns the text from a frame's line on to where its brackets are closed. A call may go over several lines.
 */
export function statementFrom(failure: Failure, at: Frame | undefined): string {
  const lines = linesFrom(failure, at, mostLines).split('\n');
  let open = 0;
  const end = lines.findIndex((line) => {
    for (const letter of line) open += '([{'.includes(letter) ? 1 : ')]}'.includes(letter) ? -1 : 0;
    return open <= 0;
  });
  return lines.slice(0, end < 0 ? undefined : end + 1).join('\n');
}

/**
 * Returns the one of `names` that is `name` but for one letter, or two where it is long. Null where none, or
 * several, are as near.
 */
export function nearestName(name: string, names: readonly string[]): string | null {
  const most = name.length >= 8 ? 2 : name.length >= 4 ? 1 : 0;
  const near = names
    .map((each) => ({ each, far: lettersBetween(name.toLowerCase(), each.toLowerCase()) }))
    .filter(({ far }) => far <= most)
    .sort((one, other) => one.far - other.far);
  const [first, second] = near;
  return first === undefined || second?.far === first.far ? null : first.each;
}
