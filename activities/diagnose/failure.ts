import type { OutcomeKind } from '../../domain/outcome.schema.ts';
import { isForeign, lastTraceback, withShortPaths } from '../try/reason.ts';
import type { Hottest } from './hottest.ts';

/** What there was for a program, and what there could have been. */
export interface Surroundings {
  /** The program's file. */
  program: string;
  /** Every file it had, relative to the folder of the job, which is its working directory. */
  had: readonly string[];
  /** Files that stand in the folder of the job and are not among its inputs. */
  beside: readonly string[];
  /** What the sandbox has: `numpy 2.4.6`. */
  packages: readonly string[];
  /** Whether the job may have come from the command line, where an input is an option. */
  options: boolean;
}

/** All that is known of a program that failed. */
export interface Failure {
  outcome: OutcomeKind;
  /** Why, as people are told: the first line says it. */
  reason: string;
  /** The end of what it, or its compiler, wrote. */
  stderr: string;
  stdout: string;
  /** Its exit status, or the signal that ended it; null where neither did. */
  exit: number | string | null;
  /** The program's own texts by path. */
  sources: Readonly<Record<string, string>>;
  /** The first files it wrote. */
  written: readonly { path: string; bytes: number }[];
  /** Where it stands most of the time, of one that took too long; unset: that is not known. */
  hottest?: Hottest | null;
  around: Surroundings;
}

/** A line of Python that a traceback names. */
export interface Frame {
  path: string;
  line: number;
  /** The function; `<module>` outside of any. */
  within: string;
  text: string;
}

/** An exception that nothing caught. */
export interface Raised {
  /** With its module, as it is written: `numpy.linalg.LinAlgError`. */
  name: string;
  /** The last part of the name. */
  short: string;
  /** The first line of what it says. */
  message: string;
  /** All of it. */
  whole: string;
  /** From the outermost to where it was raised. */
  frames: readonly Frame[];
  /** Its line as it was written. */
  evidence: string;
}

const frameLine = /^\s*File "(.+?)", line (\d+)(?:, in (.+))?$/;

/** Returns the frames that lines of a traceback, or of Python's fault handler, name. */
export function framesIn(lines: readonly string[]): Frame[] {
  return lines.flatMap((each, index) => {
    const [, path, line, within = '<module>'] =
      frameLine.exec(each) ?? /^ {2}File "(.+?)", line (\d+) in (.+)$/.exec(each) ?? [];
    if (path === undefined) return [];
    const next = lines[index + 1] ?? '';
    return [{ path, line: Number(line), within, text: frameLine.test(next) ? '' : next.trim() }];
  });
}

/** Returns the exception that ended a program by what it wrote; null where its words show none. */
export function raisedIn(said: string): Raised | null {
  const lines = withShortPaths(said).trimEnd().split('\n');
  const traceback = lastTraceback(lines);
  if (traceback === null) return null;
  const at = traceback.findIndex((line, index) => index > 0 && /^[^\s|+]/.test(line));
  const evidence = traceback[at];
  if (evidence === undefined) return null;
  const [, name, first = ''] = /^([A-Za-z_][\w.]*)(?::\s*(.*))?$/.exec(evidence) ?? [];
  if (name === undefined) return null;
  const rest = traceback.slice(at + 1);
  const message = first !== '' ? first : (rest.find((line) => line.trim() !== '')?.trim() ?? '');
  return {
    ...{ name, message, evidence },
    short: name.split('.').at(-1) ?? name,
    whole: [first, ...rest].join('\n'),
    frames: framesIn(traceback.slice(0, at)),
  };
}

const causes = 'The above exception was the direct cause of the following exception:';

/**
 * Returns what was said up to the exception that the last one was explicitly raised from. Null where it was
 * from none.
 */
export function causeIn(said: string): string | null {
  const at = said.lastIndexOf(causes);
  const last = said.lastIndexOf('Traceback (most recent call last):');
  return at < 0 || said.slice(at + causes.length, last).trim() !== '' ? null : said.slice(0, at);
}

/** Returns the last frame in the program's own files; undefined where there is none. */
export const ownFrame = (frames: readonly Frame[]): Frame | undefined =>
  frames.findLast(({ path }) => !isForeign(path));
