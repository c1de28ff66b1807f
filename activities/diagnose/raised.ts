import { dirname } from 'node:path/posix';
import type { DiagnosisKind } from '../../domain/diagnosis.schema.ts';
import { hintOn } from '../try/missing.ts';
import type { Failure, Frame } from './failure.ts';
import {
  type Finding,
  finding,
  linesFrom,
  nearestName,
  type Rule,
  rewrite,
  statementFrom,
} from './finding.ts';
import { importRules, sentence } from './imports.ts';
import { goneAttributes, goneKeywords, replacedKeyword, replacedMethod } from './removed.ts';
import { nameRule, python2Method, syntaxRule } from './syntax.ts';

/** A rule that goes by the exception's name, and the words of its message. */
const when =
  (names: RegExp, words: RegExp, kind: DiagnosisKind, suggestion: string): Rule =>
  ({ short, message }) =>
    names.test(short) && words.test(message) ? finding(kind, suggestion) : null;

const any = /^/;

/** Calls that write a file, or make a folder. */
const writes =
  /open\([^)]*,\s*(?:mode\s*=\s*)?['"][wax]|['"][wax]b?\+?['"]|\bbasicConfig\(|\.(?:save|savez|savez_compressed|savetxt|savefig|imsave|imwrite|tofile|write_text|write_bytes|touch|mkdir|dump|to_csv|to_json|to_excel|to_parquet|to_pickle|to_html|export)\(|\w*FileHandler\(|\b(?:imsave|imwrite|savefig|mkdir|copy|copyfile|move|rename|replace)\(/;

/**
 * Returns the path that is not there. Of a file that is moved, or copied, it is where to, where the file itself
 * is there.
 */
function missedBy(message: string, { around, written }: Failure): string | undefined {
  const [, from, to] =
    /(?:No such file or directory|\[WinError 3\][^']*): '(.*?)'(?: -> '(.*)')?$/.exec(message) ?? [];
  const isThere = around.had.includes(from ?? '') || written.some(({ path }) => path === from);
  return to !== undefined && isThere ? to : from;
}

/** Whether a statement opens the file of that name to read it. */
const isRead = (statement: string, name: string): boolean => {
  const at = statement.search(/\bopen\(/) < 0 ? -1 : statement.indexOf(name);
  const [, quote] = (at > 0 && /open\(\s*(['"])$/.exec(statement.slice(0, at))) || [];
  const after = quote === undefined ? '' : statement.slice(at + name.length);
  return (
    quote !== undefined &&
    after.startsWith(quote) &&
    /^.\s*(?:\)|,\s*(?:mode\s*=\s*)?['"]r[bt]*['"]|,\s*(?:encoding|newline|errors)\s*=[^)]*\))/.test(after)
  );
};

const missingFile: Rule = ({ short, message, frames }, failure, at) => {
  if (short !== 'FileNotFoundError') return null;
  const name = missedBy(message, failure);
  const last = frames.at(-1);
  if (last?.path.endsWith('/subprocess.py'))
    return finding(
      'missingCommand',
      `There is no command ${name ?? 'of that name'} in a sandbox: do the same in Python, or with what is there.`,
    );
  const statement = statementFrom(failure, at);
  const isWritten =
    !isRead(statement, name ?? '') && (writes.test(statement) || writes.test(last?.text ?? ''));
  const folder = name === undefined ? '' : dirname(name);
  const hasFolder = folder === '.' || failure.around.had.some((path) => path.startsWith(`${folder}/`));
  if (name !== undefined && isWritten && !hasFolder)
    return finding(
      'missingFolder',
      `Make the folder ${folder} before writing into it.`,
      // Elsewhere than in its own folder a program may make none.
      /^\/(?!work\/|tmp\/)/.test(folder) ? null : rewrite('makeFolder', at, { folder }),
    );
  const near = name === undefined ? null : nearestName(name, failure.around.had);
  const meant = near === null ? '' : `Is ${near} meant? `;
  const hint = hintOn(`${short}: ${message}`, failure.around);
  return finding('missingFile', `${meant}${sentence(hint ?? 'it is not among the inputs')}`);
};

/** SQLite makes a file, and no folder for it. */
const databaseFolder: Rule = ({ short, message }, failure, at) => {
  if (short !== 'OperationalError' || message !== 'unable to open database file') return null;
  const path = /\bconnect\(\s*['"]([^'"]+)['"]/.exec(statementFrom(failure, at))?.[1];
  const folder = path === undefined ? '.' : dirname(path);
  return /^[./]/.test(folder) || failure.around.had.some((each) => each.startsWith(`${folder}/`))
    ? null
    : finding(
        'missingFolder',
        `Make the folder ${folder} before a database is made in it.`,
        rewrite('makeFolder', at, { folder }),
      );
};

const noRoom: Record<string, [DiagnosisKind, string]> = {
  1: ['permission', 'It may not do this in a sandbox: write below its working directory, or in /tmp.'],
  13: ['permission', 'It may not do this in a sandbox: write below its working directory, or in /tmp.'],
  30: ['permission', 'Only its working directory and /tmp can be written to.'],
  12: ['outOfMemory', 'There is not so much memory: work on a piece at a time, or on smaller types.'],
  17: ['alreadyThere', 'It is there already: exist_ok=True takes a folder as it is.'],
  24: ['tooManyFiles', 'Close files as soon as they are read: `with open(…)`.'],
  27: ['fileTooLarge', 'Write less, or smaller types; `limits.fileMb` allows more.'],
  28: ['diskFull', 'Write less, or remove what is no longer needed; `limits.diskMb` allows more.'],
};

const system: Rule = ({ short, message, frames }, _failure) => {
  const number = /^\[Errno (\d+)\]/.exec(message)?.[1] ?? '';
  if (number === '11' && frames.some(({ text }) => /fork|Popen|start\(\)|_fork_exec/.test(text)))
    return finding('tooManyProcesses', 'Start fewer processes at once; `limits.processes` allows more.');
  const known = noRoom[number];
  return known !== undefined && /Error$/.test(short) ? finding(...known) : null;
};

const network: Rule = ({ whole }) =>
  /Temporary failure in name resolution|Name or service not known|Network is unreachable|NameResolutionError|getaddrinfo failed|No address associated with hostname/.test(
    whole,
  )
    ? finding(
        'network',
        'A sandbox has no network: fetch what is needed before, and name the file among the inputs.',
      )
    : null;

/** Returns how a failure for want of memory is answered. */
export const outOfMemory = (at: Pick<Frame, 'path' | 'line'> | undefined, said = ''): Finding =>
  finding(
    'outOfMemory',
    `${said}Work on a piece at a time, or on smaller types; halving a batch, or else a size, needs less at once.`,
    rewrite('halveSize', at),
  );

const memory: Rule = ({ short, message }, { around, sources }, at) => {
  if (short !== 'MemoryError' && short !== '_ArrayMemoryError' && short !== 'ArrayMemoryError') return null;
  const main = around.program in sources ? { path: around.program, line: 1 } : undefined;
  return outOfMemory(at ?? main, message === '' ? '' : `${message.replace(/\.?$/, '.')} `);
};

const shown: Rule = (raised, failure, at) => {
  const fits = screenless.find(({ words }) => words.test(raised.whole));
  return fits === undefined ? null : offScreen(fits, failure, at);
};

/** What is said where there is no screen, by what draws. */
const screenless: readonly { words: RegExp; library: string }[] = [
  {
    words:
      /Cannot load backend '\w+' which requires the '\w+' interactive framework|Failed to import any of the following Qt binding modules/,
    library: 'matplotlib',
  },
  {
    words:
      /[Nn]o display name and no \$DISPLAY|couldn't connect to display|could not open display|No module named '(?:_?tkinter|turtle)[.']/,
    library: 'tkinter',
  },
  { words: /No available video device|video system not initialized/, library: 'pygame' },
  { words: /NoSuchDisplayException|Cannot connect to "None"/, library: 'pyglet' },
  { words: /GLFW|glfw.*DISPLAY/, library: 'glfw' },
];
const saidWithoutScreen: readonly { words: RegExp; library: string }[] = [
  {
    words:
      /[Cc]ould not connect to (?:any X )?display|cannot connect to X server|Could not load the Qt platform plugin|no Qt platform plugin could be initialized/,
    library: 'qt',
  },
  { words: /bad X server connection|vtkXOpenGLRenderWindow|vtkX11Functions/, library: 'vtk' },
];

function offScreen(
  { library }: { library: string },
  { sources, around }: Failure,
  at: Pick<Frame, 'path' | 'line'> | undefined,
): Finding {
  const own = at !== undefined && at.path in sources ? at : { path: around.program, line: 1 };
  const text = Object.values(sources).join('\n');
  // Tk asks for a screen for Matplotlib, too.
  const drawn = library === 'tkinter' && /\bmatplotlib\b/.test(text) ? 'matplotlib' : library;
  const canDraw = ['matplotlib', 'qt', 'pygame', 'pyglet', 'vtk'].includes(drawn);
  return finding(
    'headlessDisplay',
    canDraw
      ? `A sandbox has no screen: have ${drawn} draw off-screen, into a file.`
      : 'A sandbox has no screen: draw into a file, with Matplotlib or Pillow.',
    canDraw && own.path in sources ? rewrite('drawOffScreen', own, { library: drawn }) : null,
  );
}

/**
 * Returns what a program that was ended while it looked for a screen says. Null where it says nothing of one.
 */
export function withoutScreen(failure: Failure): Finding | null {
  const line = failure.stderr
    .split('\n')
    .find((each) => saidWithoutScreen.some(({ words }) => words.test(each)));
  const fits = line === undefined ? undefined : saidWithoutScreen.find(({ words }) => words.test(line));
  return line === undefined || fits === undefined
    ? null
    : { ...offScreen(fits, failure, undefined), evidence: line.trim() };
}

/** Windows puts a mark in front of UTF-8, which JSON does not take. */
const markInFront: Rule = ({ short, message }, failure, at) =>
  short === 'JSONDecodeError' && message.startsWith('Unexpected UTF-8 BOM')
    ? finding(
        'encoding',
        'What it reads begins with a mark of UTF-8: read it by utf-8-sig, which leaves the mark out.',
        at !== undefined && at.path in failure.sources
          ? rewrite('nameEncoding', at, { encoding: 'utf-8-sig', mode: 'read' })
          : null,
      )
    : null;

const encoding: Rule = ({ short, message }, failure, at) => {
  if (short !== 'UnicodeDecodeError' && short !== 'UnicodeEncodeError') return null;
  const reading = short === 'UnicodeDecodeError';
  const byte = /byte 0x(\w\w)/.exec(message)?.[1] ?? '';
  const start = /position 0:/.test(message);
  const codec = !reading
    ? 'utf-8'
    : start && /^f[ef]$/.test(byte)
      ? 'utf-16'
      : /^(?:81|8d|8f|90|9d)$/.test(byte)
        ? 'latin-1'
        : 'cp1252';
  const line = linesFrom(failure, at, 1);
  const isOwn = at !== undefined && at.path in failure.sources;
  const byHand = /\.(?:de|en)code\(/.test(line);
  const surrogates = message.includes('surrogates not allowed');
  return finding(
    'encoding',
    reading
      ? `What it reads is not in the encoding that it is read by: name the right one, ${codec} by the look of the bytes.`
      : 'The encoding that it writes by has no such character: write UTF-8.',
    isOwn && !byHand && !surrogates
      ? rewrite('nameEncoding', at, { encoding: codec, mode: reading ? 'read' : 'write' })
      : null,
  );
};

const startGuard: Rule = ({ whole }, { around, sources }, at) =>
  whole.includes('current process has finished its bootstrapping phase')
    ? guard({ around, sources }, at)
    : null;

export const guard = (
  { around, sources }: Pick<Failure, 'around' | 'sources'>,
  at: Pick<Frame, 'path' | 'line'> | undefined,
): Finding =>
  finding(
    'startGuard',
    "Each process reads the main module anew: start them below if __name__ == '__main__'.",
    around.program in sources
      ? rewrite('guardStart', { path: around.program, line: at?.path === around.program ? at.line : 1 })
      : null,
  );

const recursion: Rule = ({ short, whole }, { sources, around }, at) =>
  short === 'RecursionError'
    ? finding(
        'recursionLimit',
        /repeated \d+ more times/.test(whole)
          ? 'Calls go deeper than the limit: end them, write a loop, or raise the limit where the depth has an end.'
          : 'Calls go deeper than the limit: see where they end, write a loop, or raise the limit.',
        rewrite(
          'raiseRecursionLimit',
          at ?? (around.program in sources ? { path: around.program, line: 1 } : undefined),
        ),
      )
    : null;

const json: Rule = ({ short, message }, failure, at) => {
  const type = /^Object of type (\w+) is not JSON serializable/.exec(message)?.[1];
  if (short !== 'TypeError' || type === undefined) return null;
  const isNumber = /^(?:u?int\d+|float\d+|bool_?|ndarray)$/.test(type);
  return finding(
    'notJson',
    isNumber
      ? `JSON knows no ${type} of NumPy: write Python's own numbers and lists, as its tolist() gives them.`
      : `JSON knows no ${type}: make it a text, a number, a list or a dictionary first.`,
    isNumber && at !== undefined && at.path in failure.sources ? rewrite('writeNumbersAsJson', at) : null,
  );
};

const removedMethod: Rule = ({ short, message }, _failure, at) => {
  const [, of = '', name = ''] =
    (short === 'AttributeError' && /^'([\w.]+)' object has no attribute '(\w+)'/.exec(message)) || [];
  const gone = replacedMethod(of, name);
  const instead = goneAttributes[`${of}.${name}`];
  if (instead !== undefined)
    return finding('removedApi', `${of} no longer has ${name}: ${instead} does what it did.`);
  return gone === null
    ? null
    : finding(
        'removedApi',
        `${of} no longer has ${name}; in its place: ${gone[`.${name}`]}.`,
        rewrite('replaceRemoved', at, gone),
      );
};

const removedKeyword: Rule = ({ short, message }, _failure, at) => {
  const [, called = '', name = ''] =
    (/^(?:Type|Attribute)Error$/.test(short) &&
      /(\w+)\(\) got an unexpected keyword argument '(\w+)'/.exec(message)) ||
    [];
  const gone = replacedKeyword(called, name);
  const instead = goneKeywords[`${called}(${name})`];
  if (instead !== undefined)
    return finding('removedApi', `${called} no longer takes ${name}; in its place: ${instead}.`);
  return gone === null
    ? null
    : finding(
        'removedApi',
        `${called} no longer takes ${name}; in its place: ${gone[`${called}(${name})`]}.`,
        rewrite('replaceRemoved', at, gone),
      );
};

const missingKey: Rule = ({ short, message, frames }) => {
  if (short !== 'KeyError') return null;
  const last = frames.at(-1);
  return last !== undefined && /^<frozen os>$|\/os\.py$/.test(last.path)
    ? finding(
        'missingVariable',
        `A sandbox does not set ${message}: give a default, or take it as an argument.`,
      )
    : finding('missingKey', `There is no ${message}: look what keys, or columns, there are.`);
};

const index: Rule = ({ short, message }, failure, at) => {
  if (short !== 'IndexError') return null;
  if (/\bsys\.argv\[/.test(linesFrom(failure, at, 1)))
    return finding(
      'missingArguments',
      'It reads more arguments than it was given: name them after the program.',
    );
  if (/too many indices|boolean index did not match|shape mismatch/.test(message))
    return finding(
      'shapeMismatch',
      'The array has fewer dimensions, or another length, than it is indexed by.',
    );
  if (/only integers, slices|arrays used as indices must be/.test(message))
    return finding('dtypeMismatch', 'An index is to be a whole number: // divides so, int() makes one.');
  return /out of (?:range|bounds)|empty list|empty deque|empty range/.test(message)
    ? finding(
        'indexOutOfRange',
        'The index goes beyond the end: see how long it is, and where the index comes from.',
      )
    : null;
};

const value = /^(?:Value|UFuncType|Type)Error$|^_?UFunc\w*Error$|^AxisError$|^LinAlgError$/;
const shapes =
  /could not be broadcast|not aligned|mismatch in its core dimension|could not broadcast|input arra(?:y dimensions|ys must have)|cannot reshape array|setting an array element with a sequence|must have same first dimension|does not match length of (?:index|values)|axes don't match|dimension mismatch|inconsistent numbers of samples|Expected [12]D array|arrays must (?:all )?be (?:of )?the same length|is out of bounds for array of dimension|incompatible dimensions|Last 2 dimensions of the array must be square|shape mismatch|different (?:number of dimensions|shapes)|must be 1-dimensional|object too deep|inhomogeneous shape/;
const dtypes =
  /ufunc '\w+' (?:not supported|did not contain a loop)|Cannot cast (?:ufunc|array)|(?:float\d*|complex\d*|ndarray)' object cannot be interpreted as an integer|only integer scalar arrays|only (?:length-1|0-dimensional|size-1) arrays can be converted|slice indices must be integers|Cannot interpret '.*' as a data type|data type '?.*'? not understood|can't convert complex|Unsupported dtype|list indices must be integers or slices, not float|expected a sequence of integers or a single integer/;

/** From the most certain to the most general: the first that knows an exception is believed. */
const rules: readonly Rule[] = [
  syntaxRule,
  ...importRules,
  nameRule,
  python2Method,
  network,
  startGuard,
  missingFile,
  databaseFolder,
  system,
  memory,
  shown,
  encoding,
  markInFront,
  recursion,
  json,
  removedMethod,
  removedKeyword,
  missingKey,
  index,
  when(
    /^EOFError$/,
    /EOF when reading a line/,
    'waitingOnInput',
    'Nobody types in a sandbox: take it as an argument, or from a file.',
  ),
  ({ short, frames }) =>
    short === 'EOFError' && frames.at(-1)?.path.endsWith('/getpass.py')
      ? finding('waitingOnInput', 'Nobody types in a sandbox: take it as an argument, or from a file.')
      : null,
  when(
    /^Error$/,
    /unsupported locale setting/,
    'locale',
    "A sandbox has the locales C and C.UTF-8: take one, or format by Python's own means.",
  ),
  when(
    /^BrokenProcessPool$|^BrokenExecutor$/,
    any,
    'brokenWorker',
    'A process of the pool ended at once: see what it printed, how much memory it took, and whether it crashed.',
  ),
  when(
    /^RuntimeError$/,
    /can't start new thread/,
    'tooManyProcesses',
    'Start fewer threads at once; `limits.processes` allows more.',
  ),
  when(
    /^(?:Pickling|Type|Attribute)Error$/,
    /^(?:Can't pickle|cannot pickle|Can't get attribute '.*' on <module '__main__'|Can't get local object)/,
    'notPicklable',
    'What goes to another process must be found by its name: a function of the module itself, and no open file or lambda.',
  ),
  when(
    /^CalledProcessError$/,
    /returned non-zero exit status 127\b/,
    'missingCommand',
    'The shell found no such command in the sandbox: do the same in Python, or with what is there.',
  ),
  when(
    /^CalledProcessError$/,
    any,
    'failedCommand',
    'The command that it ran failed: see what that printed.',
  ),
  when(
    /^JSONDecodeError$/,
    any,
    'badJson',
    'What it reads is no JSON: look at the text where it says so; it may be empty, or several documents.',
  ),
  when(
    /^ValueError$/,
    /Out of range float values are not JSON compliant/,
    'notANumber',
    'JSON knows neither NaN nor infinity: find where the first arises.',
  ),
  when(
    /^(?:Value|Overflow)Error$/,
    /cannot convert float (?:NaN|infinity) to integer|Input (?:X )?contains NaN|must not contain infs or NaNs|cannot convert non-finite|Input contains infinity/i,
    'notANumber',
    'Find where the first NaN, or infinity, arises: a division by 0, a logarithm, a missing cell.',
  ),
  when(
    /^ValueError$/,
    /binary mode of fromstring is removed/,
    'removedApi',
    'numpy.fromstring no longer reads bytes: numpy.frombuffer does.',
  ),
  when(
    /^OSError$/,
    /^'seaborn[\w-]*' is not a valid package style/,
    'removedApi',
    'Matplotlib calls the styles of seaborn seaborn-v0_8-… by now.',
  ),
  when(
    /^\w+Error$/,
    /\bwas removed\b|\bhas been removed\b|was removed in/,
    'removedApi',
    'What it asks for was removed: see what the message says takes its place.',
  ),
  when(
    /^TypingError$|^UnsupportedError$|^LoweringError$|^UnsupportedBytecodeError$|^NumbaTypeError$/,
    any,
    'notCompilable',
    'Numba cannot compile this: take what it knows, arrays and numbers, or leave this part to Python.',
  ),
  when(
    /^LinAlgError$/,
    /[Ss]ingular matrix|not positive definite|exactly singular/,
    'singularMatrix',
    'The matrix has no inverse, or no factor: lstsq solves it as well as can be; see why rows depend on each other.',
  ),
  when(
    value,
    shapes,
    'shapeMismatch',
    'Print the shapes before this line: one has another length, or another number of dimensions, than it is taken for.',
  ),
  when(/^IndexError$|^TypeError$/, /shape mismatch/, 'shapeMismatch', 'Print the shapes before this line.'),
  when(
    /Error$/,
    dtypes,
    'dtypeMismatch',
    'The type does not fit: convert it where the value is made (astype, int, //).',
  ),
  when(
    /^ValueError$/,
    /^The truth value of an? (?:array|Series|DataFrame)/,
    'truthOfArray',
    'An array is neither true nor false: say any(), all(), or go by & and | instead of and and or.',
  ),
  when(
    /^ValueError$/,
    /not enough values to unpack|too many values to unpack/,
    'unpacking',
    'What is unpacked has another number of parts: print it before this line.',
  ),
  when(
    /^ValueError$/,
    /^could not convert string|^invalid literal for int/,
    'badNumber',
    'The text is no number: strip it, skip headers and empty cells, or see which separator it has.',
  ),
  when(
    /^ParserError$/,
    /Error tokenizing data|Expected \d+ fields/,
    'badTable',
    'A row has another number of cells than the first: see the separator and the quotes there.',
  ),
  when(
    /^ValueError$/,
    /number of columns changed|Some errors were detected|Wrong number of columns/,
    'badTable',
    'A row has another number of cells than the first: see the separator and the comments there.',
  ),
  when(
    /^(?:BadZipFile|BadGzipFile|UnidentifiedImageError|UnpicklingError|ReadError)$/,
    any,
    'badFile',
    'The input is not of the format it is read as: look how it begins.',
  ),
  when(
    /^EOFError$/,
    /^Ran out of input|Compressed file ended/,
    'badFile',
    'The input ends too early, or is empty.',
  ),
  when(
    /^OSError$/,
    /image file is truncated|cannot identify image|Not a gzipped file/,
    'badFile',
    'The input is not of the format it is read as: look how it begins.',
  ),
  when(
    /^ZeroDivisionError$/,
    any,
    'divisionByZero',
    'See why this is 0: an empty input, a length, a difference of equal numbers.',
  ),
  when(/^OverflowError$/, any, 'overflow', 'The number does not fit: take a wider type, or scale it before.'),
  when(
    /^AssertionError$/,
    any,
    'assertion',
    'A check of the program itself does not hold: see which value it was about.',
  ),
  when(
    /^TypeError$/,
    /unexpected keyword argument|required (?:positional|keyword-only) argument|takes (?:from )?\d+ (?:to \d+ )?positional arguments?|takes no arguments|multiple values for argument|expected (?:at least |at most )?\d+ arguments?, got/,
    'wrongCall',
    'The function takes other arguments in this version: look at its signature.',
  ),
  when(
    /^TypeError$/,
    any,
    'typeMismatch',
    'A value is of another type than is taken for granted: see where it is made; a function without `return` gives None.',
  ),
  when(
    /^AttributeError$/,
    /object has no attribute/,
    'missingAttribute',
    'The object is of another type than is taken for granted, or the attribute has another name in this version.',
  ),
];

/** Returns what an exception comes of; null where no rule knows it. */
export function findingOf(
  raised: Parameters<Rule>[0],
  failure: Failure,
  at: Frame | undefined,
): Finding | null {
  for (const rule of rules) {
    const found = rule(raised, failure, at);
    if (found !== null) return found;
  }
  return null;
}
