import { z } from 'zod';

/** What a program can fail of, with what that means. A failure that is none of them for sure is `unknown`. */
export const diagnosisKinds = {
  missingModule: 'a module that the sandbox does not have',
  missingLibrary: 'a shared library that is not there',
  missingName: 'a name that a module does not have',
  circularImport: 'modules that import each other',
  shadowedModule: "a file of the program's own that hides a module by its name",
  relativeImport: 'an import with a dot, in a script that is run by itself',
  missingFile: 'a file that is not there',
  missingFolder: 'a folder to write into that is not there',
  missingCommand: 'a command that is not there',
  alreadyThere: 'a file or folder that is there already',
  permission: 'a path that may not be read or written',
  diskFull: 'no room for what it writes',
  fileTooLarge: 'a file larger than is allowed',
  tooManyFiles: 'more files open at once than is allowed',
  outOfMemory: 'more memory than there is',
  timedOut: 'more time than there is',
  waitingOnInput: 'it waits for somebody to type',
  outputTooLong: 'more printed than is allowed',
  tooManyProcesses: 'more processes or threads than is allowed',
  brokenWorker: 'a process of its own that ended at once',
  failedCommand: 'a command of its own that failed',
  startGuard: 'processes started while the main module is still being read',
  notPicklable: 'something that cannot be sent to another process, or kept',
  recursionLimit: 'calls within calls beyond the limit',
  nativeCrash: 'a crash in native code',
  tabs: 'tabs and spaces mixed',
  missingColon: 'a colon that is missing',
  python2: 'Python 2',
  syntax: 'text that is no Python',
  sourceEncoding: 'a source in another encoding than UTF-8',
  encoding: 'text in another encoding than it is read or written in',
  locale: 'a locale that is not there',
  removedApi: 'a name that a newer version of a package no longer has',
  undefinedSymbol: 'native code that was built for something else',
  undefinedName: 'a name that nothing defines',
  shapeMismatch: 'arrays whose shapes do not fit together',
  dtypeMismatch: 'arrays or numbers of a type that does not fit',
  typeMismatch: 'a value of another type than is expected',
  truthOfArray: 'an array where one true or false is expected',
  wrongCall: 'a call with other arguments than the function takes',
  unpacking: 'another number of values than is unpacked',
  missingKey: 'a key, or a column, that is not there',
  indexOutOfRange: 'an index beyond the end',
  missingAttribute: 'an attribute that an object does not have',
  badNumber: 'text that is no number',
  badJson: 'a file that is no JSON',
  badTable: 'a table whose rows do not fit together',
  badFile: 'an input that is not of its format',
  notJson: 'a value that JSON cannot hold',
  divisionByZero: 'a division by zero',
  overflow: 'a number too large for its type',
  singularMatrix: 'a matrix that cannot be inverted or factorised',
  assertion: 'a check of its own that does not hold',
  headlessDisplay: 'a window, where there is no screen',
  network: 'the network, which a sandbox does not have',
  missingArguments: 'arguments of the command line that are missing or wrong',
  missingVariable: 'an environment variable that is not set',
  compileError: 'C or C++ that does not compile',
  notCompilable: 'Python that Numba or Pythran cannot compile',
  linkError: 'object files that do not link',
  missingOutput: 'an output that was not written',
  emptyOutput: 'an output with nothing in it',
  blankPicture: 'a picture, or a volume, with nothing on it',
  wrongSize: 'an output of another size or shape than is expected',
  notANumber: 'NaN or an infinity in an output',
  unreadableOutput: 'an output that is not of its format',
  failedCheck: 'an output that a check refused',
  differs: 'an answer that is not the expected one',
  unknown: 'none of these for sure',
} as const;

export type DiagnosisKind = keyof typeof diagnosisKinds;
export const DiagnosisKind = nameIn<DiagnosisKind>(diagnosisKinds, 'a kind of diagnosis');

/** A name that a table has. */
function nameIn<Name extends string>(table: Readonly<Record<Name, string>>, what: string) {
  const isName = (value: unknown): boolean => typeof value === 'string' && Object.hasOwn(table, value);
  return z.custom<Name>(isName, `expected ${what}`);
}

/** The ways in which a program is changed without a model, in words; each is a function of `fixes/mend.py`. */
export const rewritings = {
  expandTabs: 'spaces in place of tabs',
  addColon: 'the missing colons',
  fromPython2: 'Python 3 in place of Python 2',
  decodeSource: 'the source as UTF-8',
  makeFolder: 'the folder made before it is written into',
  drawOffScreen: 'drawing off-screen',
  nameEncoding: 'the encoding named',
  replaceRemoved: 'names of this version',
  renameModule: 'the module by its name',
  importAbsolutely: 'the import without a dot',
  addImport: 'the missing import',
  halveSize: 'half the batch, or the size',
  guardStart: 'processes started by the main module alone',
  raiseRecursionLimit: 'a higher recursion limit',
  writeNumbersAsJson: "NumPy's numbers as Python's in JSON",
} as const;

export type Rewriting = keyof typeof rewritings;
export const Rewriting = nameIn<Rewriting>(rewritings, 'a rewriting');

/** What is done about a failure without asking a model. */
export const Fix = z.discriminatedUnion('kind', [
  /** A package, by the name it is published under, is put into the program's environment. */
  z.object({ kind: z.literal('install'), package: z.string().max(100) }),
  /** The program is changed. `told` is what the rewriting has to know: names, and what takes their place. */
  z.object({
    kind: z.literal('rewrite'),
    rewriting: Rewriting,
    path: z.string().max(400),
    line: z.number().int().positive().nullable(),
    told: z.record(z.string(), z.string()),
  }),
]);
export type Fix = z.infer<typeof Fix>;

/** Where in the program it failed. */
export const FailedAt = z.object({
  path: z.string(),
  line: z.number().int().positive().nullable(),
  /** The function it is in; null for the module itself. */
  within: z.string().nullable(),
});
export type FailedAt = z.infer<typeof FailedAt>;

/** What a program failed of: found without a model, from how it ended and what it wrote. */
export const Diagnosis = z.object({
  kind: DiagnosisKind,
  /** The line that shows it, as it was written. */
  evidence: z.string().max(400),
  place: FailedAt.nullable(),
  /** What to do about it, in one or two sentences. */
  suggestion: z.string().max(800),
  /** What may be done about it without a model; null where that takes somebody who understands the program. */
  fix: Fix.nullable(),
});
export type Diagnosis = z.infer<typeof Diagnosis>;
