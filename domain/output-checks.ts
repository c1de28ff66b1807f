import type { EqualsCheck, FileCheck, OutputCheck } from './validator.schema.ts';

/** Tells whether a check is of files, and not of the run. */
export const isFileCheck = (check: OutputCheck): check is FileCheck => 'path' in check;

/** Returns the files of the user's own that outputs are to equal. */
export const referencesOf = (outputs: readonly OutputCheck[]): string[] => [
  ...new Set(outputs.filter(isEquals).map(({ reference }) => reference)),
];

export const isEquals = (check: OutputCheck): check is EqualsCheck => check.kind === 'equals';

/** What people call the output that a check is of. */
export const outputName = (check: OutputCheck): string =>
  isFileCheck(check) ? check.path : check.kind === 'exit' ? 'exit status' : 'standard output';
