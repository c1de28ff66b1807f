import { z } from 'zod';
import { Tree } from './artifact.schema.ts';

/** Where a program is entered: a function that is called, or a script that is run. */
export const Entry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('function'), module: z.string(), name: z.string() }),
  z.strictObject({ kind: z.literal('script'), path: z.string(), args: z.array(z.string()) }),
]);
export type Entry = z.infer<typeof Entry>;

/** The toolchains a program may be built with; what each runs is fixed in `activities/try/build.ts`. */
export const Build = z.strictObject({
  tool: z.enum(['nanobind', 'pybind11', 'setuptools', 'cmake', 'pythran', 'cython']),
  /** The sources, each becoming one extension module of the same name. Or the one file that says how to build: `setup.py`, `CMakeLists.txt`. */
  sources: z.array(z.string()).min(1),
  /** Lets the compiler reorder floating-point arithmetic: faster, and within a tolerance at best. */
  fastMath: z.boolean().default(false),
});
export type Build = z.infer<typeof Build>;

/** A small tree of files with an entry and, where it needs one, a build. Stored as an artifact. */
export const Program = z.strictObject({
  files: Tree,
  entry: Entry,
  build: Build.nullable(),
});
export type Program = z.infer<typeof Program>;
