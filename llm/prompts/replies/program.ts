import { z } from 'zod';
import type { ReplySchema } from '../../reply-schema.ts';

/**
 * A program as a model writes it: files from scratch, or changes to the program it was shown. This is the shape alone;
 * whether it makes a program is for `applyReply` to say, which knows what was shown.
 */
export const ProgramReply = z.strictObject({
  idea: z.string().describe('One sentence: what is done, and why that makes it right, or faster.'),
  files: z
    .array(
      z.strictObject({
        path: z.string().describe('Relative path, such as fast.py.'),
        content: z.string().describe('The whole file.'),
      }),
    )
    .describe('Whole files: new ones, and ones that replace a file of the program shown.'),
  edits: z
    .array(
      z.strictObject({
        path: z.string().describe('The file that is changed.'),
        search: z
          .string()
          .describe(
            'Lines of that file, exactly as they stand there; they stand there once. Empty for a diff.',
          ),
        replace: z
          .string()
          .describe(
            'What stands in their place; empty to remove them. With an empty search: a unified diff of the file.',
          ),
      }),
    )
    .describe('Changes to files of the program shown, applied in this order. Empty where files are whole.'),
  removed: z.array(z.string()).describe('Paths of files of the program shown that are dropped.'),
  entry: z.string().describe('The path of the Python file that is run, or that defines the function.'),
  build: z
    .enum(['none', 'nanobind', 'pybind11', 'setuptools', 'cmake'])
    .describe(
      'What compiles the .cpp files; none if there are none. setuptools and cmake need a setup.py, or a CMakeLists.txt, among the files.',
    ),
});
export type ProgramReply = z.infer<typeof ProgramReply>;

/** What a model is asked for when it is to write a program. */
export const programReply: ReplySchema<ProgramReply> = { name: 'program', schema: ProgramReply };
