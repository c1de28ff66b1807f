import { z } from 'zod';
import { SafePath } from '../domain/job.schema.ts';
import type { Build } from '../domain/program.schema.ts';
import type { ReplySchema } from './reply-schema.ts';

const maxFiles = 20;
const maxFileChars = 200_000;
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `kernel` for `kernel.cpp`: the module that is built from a source. */
const moduleOf = (path: string): string => path.replace(/\.[a-z]+$/, '');
const isSource = (path: string): boolean => path.endsWith('.cpp');

/** A program as a model writes it. Rules that not every provider's schema can state are checked on the reply. */
const ProgramReply = z
  .strictObject({
    idea: z.string().describe('One sentence: what is changed, and why that makes it right or faster.'),
    files: z
      .array(
        z.strictObject({
          path: z.string().describe('Relative path, such as fast.py.'),
          content: z.string().describe('The whole file.'),
        }),
      )
      .describe('Every file of the program, whole: nothing is kept from earlier versions.'),
    entry: z.string().describe('The path of the Python file that defines the function.'),
    build: z
      .enum(['none', 'nanobind', 'pybind11'])
      .describe('What compiles the .cpp files; none if there are none.'),
  })
  .superRefine(({ files, entry, build }, context) => {
    const problem = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const paths = files.map((file) => file.path);
    if (files.length === 0 || files.length > maxFiles)
      problem(['files'], `expected 1 to ${maxFiles} files, got ${files.length}`);
    for (const [index, { path, content }] of files.entries()) {
      const safe = SafePath.safeParse(path);
      if (!safe.success) problem(['files', index, 'path'], safe.error.issues[0]?.message ?? 'unsafe path');
      if (paths.some((other, place) => place < index && other.toLowerCase() === path.toLowerCase()))
        problem(['files', index, 'path'], `two files have the path ${path}`);
      if (paths.some((other) => other.startsWith(`${path}/`)))
        problem(['files', index, 'path'], `${path} is both a file and a folder`);
      if (content.length > maxFileChars)
        problem(
          ['files', index, 'content'],
          `expected at most ${maxFileChars} characters, got ${content.length}`,
        );
    }
    if (!paths.includes(entry)) problem(['entry'], `expected one of ${paths.join(', ')}, got ${entry}`);
    if (!/^[A-Za-z_][A-Za-z0-9_]*\.py$/.test(entry))
      problem(['entry'], `expected a Python file at the top whose name can be imported, got ${entry}`);

    const sources = paths.filter(isSource);
    if (build === 'none' && sources.length > 0)
      problem(['build'], `expected nanobind or pybind11 for ${sources.join(', ')}, got none`);
    if (build !== 'none' && sources.length === 0)
      problem(['build'], `expected a .cpp file to build with ${build}, got none`);
    for (const source of sources) {
      if (!identifier.test(moduleOf(source)))
        problem(['files'], `${source} becomes a module: expected a name such as kernel.cpp, at the top`);
      // Python would import the compiled module of that name and never see the file.
      if (paths.includes(`${moduleOf(source)}.py`))
        problem(['files'], `${source} and ${moduleOf(source)}.py would be the same module`);
    }
  });
export type ProgramReply = z.infer<typeof ProgramReply>;

/** What a model is asked for when it is to write a program. */
export const programReply: ReplySchema<ProgramReply> = { name: 'program', schema: ProgramReply };

/** The build step of a reply: every `.cpp` file becomes a module of its name; null where there is nothing to build. */
export const buildOf = ({ files, build }: ProgramReply): Build | null =>
  build === 'none'
    ? null
    : { tool: build, sources: files.map((file) => file.path).filter(isSource), fastMath: false };
