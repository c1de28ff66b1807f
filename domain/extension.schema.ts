import { z } from 'zod';
import { FunctionRef, functionName } from './job-fields.schema.ts';
import { SafePath } from './safe-path.schema.ts';

/** Types of NumPy, and those of Python: with a shape the latter stand for lists. */
const dtype = z.enum([
  ...(['float64', 'float32', 'int64', 'int32', 'int16', 'int8'] as const),
  ...(['uint64', 'uint32', 'uint16', 'uint8', 'bool_', 'complex128', 'complex64'] as const),
  ...(['int', 'float', 'bool', 'str'] as const),
]);

/** The length of an axis: a number, or a name that stands for the same length wherever it stands. */
const length = z.union([z.number().int().nonnegative().max(10_000), functionName]);

const value = {
  dtype,
  /** The axes of an array, or of a list; unset: one value. */
  shape: z.array(length).min(1).max(6).optional(),
};

const Argument = z.strictObject({
  name: functionName,
  ...value,
  /**
   * Between what its values lie in the tests. Unset: between -10 and 10, of unsigned ones and of texts' lengths
   * from 0.
   */
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});

const Returned = z.strictObject(value);

/** A call and what it gives: lists stand for arrays. */
const Example = z.strictObject({ arguments: z.array(z.unknown()), returns: z.unknown() });

const ExtensionFunction = z.strictObject({
  name: functionName,
  /** What it does, in words. */
  meaning: z.string().trim().min(1).max(4_000).optional(),
  arguments: z.array(Argument).max(8),
  /** What it returns, a list for a tuple; unset: nothing, so that it changes an argument. */
  returns: z.union([Returned, z.array(Returned).min(1).max(8)]).optional(),
  examples: z.array(Example).max(8).default([]),
});
type ExtensionFunction = z.infer<typeof ExtensionFunction>;

const Sizes = z.strictObject({
  /** Lengths that tests take. */
  tested: z.array(z.number().int().nonnegative().max(10_000)).min(1).max(20).optional(),
  /** The length at which it is measured. */
  measured: z.number().int().positive().max(10_000_000).optional(),
});

/** What C++ is built by: one of two libraries, or files of its own for setuptools or CMake. */
export const ExtensionTool = z.enum(['nanobind', 'pybind11', 'setuptools', 'cmake']);
export type ExtensionTool = z.infer<typeof ExtensionTool>;

/** A C++ extension module for Python: its functions, what they mean, and how it is built. */
export const Extension = z
  .strictObject({
    name: functionName,
    /** The user's own C++, or a folder with it; unset: models write it. */
    source: SafePath.refine(
      (path) => path !== '.',
      'expected a file, or a folder of its own: what else the job reads stands beside it',
    ).optional(),
    /** Unset: what the task names, else nanobind. */
    build: ExtensionTool.optional(),
    functions: z.array(ExtensionFunction).min(1).max(8),
    /** A Python file with slow, obvious functions of the same names: what they answer is right. */
    reference: SafePath.regex(/\.py$/, 'expected a Python file').optional(),
    /**
     * Stands in place of a reference, or beside it: `check.py` (its `accepts`). It is called with a function's
     * name, its arguments in a tuple, and an answer.
     */
    accepts: FunctionRef.optional(),
    /** Lengths of axes by name. */
    sizes: z.record(functionName, Sizes).default({}),
  })
  .superRefine((module, context) => {
    for (const { path, message } of mistakesIn(module))
      context.addIssue({ code: 'custom', path: [...path], message });
  });
export type Extension = z.infer<typeof Extension>;

interface Mistake {
  path: readonly (string | number)[];
  message: string;
}

interface Checked extends Pick<Extension, 'functions' | 'reference' | 'accepts' | 'sizes'> {}

function mistakesIn({ functions, reference, accepts, sizes }: Checked): Mistake[] {
  const names = functions.map(({ name }) => name);
  const lengths = new Set(functions.flatMap(lengthsOf));
  return [
    ...functions.flatMap((each, index) => [
      ...(names.indexOf(each.name) < index
        ? [{ path: ['functions', index, 'name'], message: `two functions are called ${each.name}` }]
        : []),
      ...mistakesOf(each, reference === undefined && accepts === undefined).map(({ path, message }) => ({
        ...{ path: ['functions', index, ...path], message },
      })),
    ]),
    ...Object.keys(sizes).flatMap((name) =>
      lengths.has(name)
        ? []
        : [
            {
              path: ['sizes', name],
              message: `expected the name of an axis: ${[...lengths].join(', ') || 'no shape has any'}`,
            },
          ],
    ),
  ];
}

function mistakesOf(
  { name, arguments: given, returns, examples }: ExtensionFunction,
  byExamples: boolean,
): Mistake[] {
  const names = given.map((each) => each.name);
  return [
    ...given.flatMap((each, index) => [
      ...(names.indexOf(each.name) < index
        ? [{ path: ['arguments', index, 'name'], message: `two arguments are called ${each.name}` }]
        : []),
      ...((each.minimum ?? Number.NEGATIVE_INFINITY) > (each.maximum ?? Number.POSITIVE_INFINITY)
        ? [{ path: ['arguments', index, 'maximum'], message: 'expected no less than `minimum`' }]
        : []),
    ]),
    ...examples.flatMap((example, index) =>
      example.arguments.length === given.length
        ? []
        : [
            {
              path: ['examples', index, 'arguments'],
              message: `expected ${given.length} values, one an argument, got ${example.arguments.length}`,
            },
          ],
    ),
    ...(byExamples && examples.length === 0
      ? [
          {
            path: ['examples'],
            message: `nothing says what ${name} is to answer: expected a \`reference\` or \`accepts\` of the module, or an example`,
          },
        ]
      : []),
    ...(returns === undefined && byExamples
      ? [
          {
            path: ['returns'],
            message: 'expected what it returns: what changes an argument needs a `reference`',
          },
        ]
      : []),
  ];
}

const lengthsOf = ({ arguments: given, returns = [] }: ExtensionFunction): string[] =>
  [...given, ...(Array.isArray(returns) ? returns : [returns])].flatMap(({ shape = [] }) =>
    shape.filter((each) => typeof each === 'string'),
  );
