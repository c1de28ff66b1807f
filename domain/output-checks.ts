import type { OutputCheck, Validator } from './validator.schema.ts';

/** Tells whether a check is of files, and not of the run. */
export const isFileCheck = (check: OutputCheck): check is Validator => 'path' in check;

/** What people call the output that a check is of. */
export const outputName = (check: OutputCheck): string =>
  isFileCheck(check) ? check.path : check.kind === 'exit' ? 'exit status' : 'standard output';
