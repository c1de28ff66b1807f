import type { Extension, ExtensionTool } from './extension.schema.ts';
import type { AskedEnvironment } from './job-fields.schema.ts';

/** The file that tests an extension: it makes cases, answers by the reference, and calls the module. */
export const extensionHarness = 'crucible_extension.py';

/** What it reads: the functions of the module, as the job says them. */
export const extensionSpecification = 'crucible_extension.json';

/** Cases that each function is tested on, the last of the size that is measured. */
export const casesPerFunction = 33;

/** Returns how many cases a module is tested on. */
export const extensionCases = ({ functions }: Pick<Extension, 'functions'>): number =>
  casesPerFunction * functions.length;

/** Returns the relative error that answers may have: single precision has seven digits, of which some go in a sum. */
export const toleranceOf = ({ functions }: Pick<Extension, 'functions'>): number =>
  functions.some(({ arguments: given, returns = [] }) =>
    [...given, ...(Array.isArray(returns) ? returns : [returns])].some(({ dtype }) =>
      ['float32', 'complex64'].includes(dtype),
    ),
  )
    ? 1e-4
    : 1e-9;

/**
 * Tells whether a module is measured beside its reference. Inputs must differ each time, and few do where all
 * are whole numbers.
 */
export const isMeasured = ({ functions, reference }: Pick<Extension, 'functions' | 'reference'>): boolean =>
  reference !== undefined &&
  functions.every(({ arguments: given }) =>
    given.some(({ shape, dtype }) => shape !== undefined || dtype.startsWith('float') || dtype === 'str'),
  );

/** Returns what builds the C++ extension that a task names; null where it names none. */
export function toolNamedBy(task: string): ExtensionTool | null {
  if (/\bsetup\.py\b|\bbuild_ext\b|\bsetuptools\b/i.test(task)) return 'setuptools';
  if (/\bCMake(?:Lists)?\b/i.test(task)) return 'cmake';
  if (/\bpybind11\b/i.test(task)) return 'pybind11';
  return /\bC\+\+|\bcpp\b|\bnanobind\b/i.test(task) ? 'nanobind' : null;
}

/** Returns what a module is built by. */
export const toolOf = ({ build }: Pick<Extension, 'build'>, task = ''): ExtensionTool =>
  build ?? toolNamedBy(task) ?? 'nanobind';

/** What no sandbox has that CMake is asked for in. */
const forCmake = 'cmake';

/** Returns the environment that a job asks for, with what builds its module. A lock or an image has that, or it is told that it is missing. */
export function environmentFor(
  asked: AskedEnvironment | undefined,
  tool: ExtensionTool,
): AskedEnvironment | undefined {
  if (tool !== 'cmake') return asked;
  if (asked === undefined) return { requirements: [forCmake] };
  return Array.isArray(asked.requirements) ? { requirements: [...asked.requirements, forCmake] } : asked;
}

type Value = { dtype: string; shape?: readonly (string | number)[] | undefined };

const python = new Set(['int', 'float', 'bool', 'str']);

/** `float64[n, 3]`, `list of str, of length n`, `int`. */
export function valueWords({ dtype, shape }: Value): string {
  if (shape === undefined) return dtype;
  return python.has(dtype) ? `list of ${dtype} [${shape.join(', ')}]` : `${dtype}[${shape.join(', ')}]`;
}

/** `pairwise(a: float64[n, d], b: float64[m, d]) -> float64[n, m]`. */
export function signatureOf({ name, arguments: given, returns }: Extension['functions'][number]): string {
  const taken = given.map((each) => `${each.name}: ${valueWords(each)}`).join(', ');
  const given_ =
    returns === undefined
      ? 'None'
      : Array.isArray(returns)
        ? `(${returns.map(valueWords).join(', ')})`
        : valueWords(returns);
  return `${name}(${taken}) -> ${given_}`;
}

/** Returns a module in words, for models and people: each function with what it means, and what it must give. */
export const extensionWords = ({ name, functions }: Extension): string =>
  [
    `The extension module \`${name}\` with`,
    ...functions.flatMap((each) => [
      `- \`${signatureOf(each)}\`${each.meaning === undefined ? '' : `: ${each.meaning}`}`,
      ...each.examples.map(
        (example) =>
          `  For example, ${each.name}(${example.arguments.map((value) => JSON.stringify(value)).join(', ')}) gives ${JSON.stringify(example.returns)}.`,
      ),
    ]),
    'The dtypes of arrays are those named, C-contiguous; the same letter is the same length.',
  ].join('\n');
