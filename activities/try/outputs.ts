import { matchesGlob } from 'node:path';
import type { Judging } from '../../domain/judging.ts';
import { isFileCheck } from '../../domain/output-checks.ts';
import type { FileCheck } from '../../domain/validator.schema.ts';

/** An output as a job names it: by its path alone, or with what is checked of it. */
export type WantedOutput = string | FileCheck;

/** Returns the outputs that are taken of a script; none of a function. A function of the user's gets all that it wrote, where no outputs are named. */
export function outputsOf(judging: Judging): readonly WantedOutput[] {
  if (judging.kind === 'answers') return [];
  if (judging.kind === 'sameFiles') return judging.outputs;
  const named = judging.outputs.filter(isFileCheck);
  const takesAll = judging.kind === 'score' || judging.check !== undefined;
  return takesAll && named.length === 0 ? ['**'] : named;
}

export const pathOf = (output: WantedOutput): string => (typeof output === 'string' ? output : output.path);

export const isPattern = (path: string): boolean => /[*?]/.test(path);

/** Returns the patterns that bring out all that `outputs` name. A path may be that of a folder. */
export const patternsOf = (outputs: readonly WantedOutput[]): string[] =>
  outputs.map(pathOf).flatMap((path) => (isPattern(path) ? [path] : [path, `${path}/**`]));

/** Tells whether a file is one of those that an output names. */
export function isOf(path: string, output: WantedOutput): boolean {
  const wanted = pathOf(output);
  return isPattern(wanted) ? matchesGlob(path, wanted) : path === wanted || path.startsWith(`${wanted}/`);
}

const mostNamed = 10;

/** Says what a script wrote, to a reader who misses a file. */
export function writtenText(script: string, written: readonly { path: string; bytes: number }[]): string {
  if (written.length === 0) return `${script} wrote no file`;
  const named = written
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .slice(0, mostNamed)
    .map(({ path, bytes }) => `${path} (${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'})`);
  const more = written.length > mostNamed ? ` and ${written.length - mostNamed} more` : '';
  return `${script} wrote ${named.join(', ')}${more}`;
}
