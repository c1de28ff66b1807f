import { z } from 'zod';
import type { ReplySchema } from '../../reply-schema.ts';
import { ProgramReply } from './program.ts';

/** What a failure of a program can be. */
export const failures = [
  ...['missing-module', 'missing-file', 'missing-output', 'permission', 'disk-full', 'out-of-memory'],
  ...['timed-out', 'syntax', 'exception', 'native-crash', 'shape-or-dtype', 'not-a-number', 'compile'],
  ...['link', 'wrong-result', 'other'],
] as const;

const ErrorAnalysis = z
  .strictObject({
    kind: z.enum(failures).describe('What kind of failure it is.'),
    evidence: z.string().describe('The one line of the output, or of the program, that shows it; copied.'),
    cause: z.string().describe('Why it failed: the cause behind the symptom, in one or two sentences.'),
    fixes: z.array(ProgramReply).describe('Independent fixes, the most promising first.'),
  })
  .refine(({ fixes }) => fixes.length > 0, { path: ['fixes'], message: 'expected at least one fix' });
export type ErrorAnalysis = z.infer<typeof ErrorAnalysis>;

/** Why a program failed, with fixes; each is applied to the program that was shown, and tried on its own. */
export const errorAnalysis: ReplySchema<ErrorAnalysis> = { name: 'error-analysis', schema: ErrorAnalysis };
