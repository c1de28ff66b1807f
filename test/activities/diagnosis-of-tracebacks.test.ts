import { expect, it } from 'vitest';
import { diagnose } from '../../activities/diagnose/diagnose.ts';
import { outcomeOfEnding } from '../../activities/try/outcome-of-ending.ts';
import type { DiagnosisKind } from '../../domain/diagnosis.schema.ts';

const site = '/opt/crucible/python/lib/python3.11/site-packages';

/** What people were told by Python, rebuilt: the last line of a traceback, and where in a package it was raised. */
const told: [error: string, kind: DiagnosisKind, raisedIn?: string][] = [
  [
    "AttributeError: module 'numpy' has no attribute 'warnings'. Did you mean: 'hanning'?",
    'removedApi',
    'numpy',
  ],
  ["AttributeError: module 'numpy' has no attribute 'typeDict'", 'removedApi', 'numpy'],
  ["AttributeError: module 'numpy' has no attribute 'astype'", 'missingName', 'numpy'],
  [
    'AttributeError: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.',
    'removedApi',
    'numpy',
  ],
  ["AttributeError: 'NoneType' object has no attribute 'unique'", 'missingAttribute'],
  [
    'ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject',
    'undefinedSymbol',
  ],
  [
    'ValueError: numpy.ufunc size changed, may indicate binary incompatibility. Expected 216 from C header, got 192 from PyObject',
    'undefinedSymbol',
  ],
  ['ImportError: numpy.core.multiarray failed to import', 'undefinedSymbol'],
  [
    "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by far.so)",
    'undefinedSymbol',
  ],
  ['ImportError: libGL.so.1: cannot open shared object file: No such file or directory', 'headlessDisplay'],
  [
    "ImportError: Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'headless' is currently running",
    'headlessDisplay',
    'matplotlib',
  ],
  [
    '_tkinter.TclError: no display name and no $DISPLAY environment variable',
    'headlessDisplay',
    'matplotlib',
  ],
  ['_tkinter.TclError: couldn\'t connect to display ":0"', 'headlessDisplay', 'matplotlib'],
  ["ModuleNotFoundError: No module named 'tkinter'", 'headlessDisplay', 'matplotlib'],
  ["ModuleNotFoundError: No module named 'tkinter'", 'headlessDisplay'],
  [
    'ImportError: Failed to import any of the following Qt binding modules: PyQt6, PySide6, PyQt5, PySide2',
    'headlessDisplay',
    'matplotlib',
  ],
  ['RuntimeError: could not open display', 'headlessDisplay', 'gtk'],
  [
    "ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/python3.11/collections/__init__.py)",
    'removedApi',
  ],
  ["AttributeError: 'DataFrame' object has no attribute 'append'", 'removedApi', 'pandas'],
  [
    "AttributeError: 'DataFrame' object has no attribute 'iteritems'. Did you mean: 'isetitem'?",
    'removedApi',
    'pandas',
  ],
  ["AttributeError: 'FreeTypeFont' object has no attribute 'getsize'", 'removedApi'],
  ["KeyError: \"None of [Index(['a', 'b'], dtype='object')] are in the [columns]\"", 'missingKey', 'pandas'],
  [
    'pandas.errors.ParserError: Error tokenizing data. C error: Expected 3 fields in line 4, saw 5',
    'badTable',
    'pandas',
  ],
  [
    'numpy._core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an array with shape (100000, 100000) and data type float64',
    'outOfMemory',
  ],
  [
    'ValueError: Found input variables with inconsistent numbers of samples: [100, 99]',
    'shapeMismatch',
    'sklearn',
  ],
  ['ValueError: Input X contains NaN.', 'notANumber', 'sklearn'],
  [
    "AttributeError: module 'asyncio' has no attribute 'coroutine'. Did you mean: 'coroutines'?",
    'removedApi',
  ],
  ["ImportError: cannot import name 'imresize' from 'scipy.misc' (unknown location)", 'removedApi'],
  ["AttributeError: 'DataFrame' object has no attribute 'ix'", 'removedApi', 'pandas'],
  ["AttributeError: 'CountVectorizer' object has no attribute 'get_feature_names'", 'removedApi'],
  ["TypeError: mean_squared_error() got an unexpected keyword argument 'squared'", 'removedApi', 'sklearn'],
  [
    "OSError: 'seaborn-whitegrid' is not a valid package style, path of style file, URL of style file, or library style name (library styles are listed in `style.available`)",
    'removedApi',
    'matplotlib',
  ],
  ["TypeError: 'NoneType' object cannot be interpreted as an integer", 'typeMismatch'],
  ["TypeError: 'float' object cannot be interpreted as an integer", 'dtypeMismatch'],
  [
    'json.decoder.JSONDecodeError: Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)',
    'encoding',
  ],
  [
    "subprocess.CalledProcessError: Command 'pdflatex a.tex' returned non-zero exit status 127.",
    'missingCommand',
  ],
  [
    "subprocess.CalledProcessError: Command 'pdflatex a.tex' returned non-zero exit status 1.",
    'failedCommand',
  ],
  // Nobody can tell what these come of without the program.
  ['RuntimeError: CUDA error: an illegal memory access was encountered', 'unknown', 'torch'],
  ['sqlite3.OperationalError: database is locked', 'unknown'],
  ['ValueError: I/O operation on closed file.', 'unknown'],
];

/** What is found where a script of these lines wrote `stderr` and ended with 1. */
function foundIn(stderr: string, source: string, had: readonly string[] = []) {
  const ended = outcomeOfEnding({ kind: 'exited', code: 1 }, { stdout: '', stderr });
  if (ended === null || !('reason' in ended)) throw new Error('expected a failure');
  return {
    ...diagnose({
      ...{ outcome: ended.kind, reason: ended.reason, stderr, stdout: '', exit: 1, written: [] },
      sources: { 'main.py': source },
      around: {
        ...{ program: 'main.py', had: ['main.py', ...had], beside: [], options: false },
        packages: ['numpy 2.4.6', 'scikit-image 0.26.0'],
      },
    }),
    reason: ended.reason,
  };
}

/** A traceback that ends in a line of a script, and inside of a package where one is named. */
const traceback = (error: string, line: number, text: string, raisedIn?: string): string =>
  `Traceback (most recent call last):\n  File "/work/main.py", line ${line}, in <module>\n    ${text}\n${
    raisedIn === undefined ? '' : `  File "${raisedIn}", line 427, in f\n    raise\n`
  }${error}\n`;

it.each(told)('%s', (error, kind, raisedIn) => {
  const inside = raisedIn === undefined ? undefined : `${site}/${raisedIn}/__init__.py`;
  const found = foundIn(traceback(error, 2, 'go()', inside), 'import numpy as np\ngo()\n');
  expect(found).toMatchObject({ kind, place: { path: 'main.py', line: 2 } });
});

const noFile = (path: string): string => `FileNotFoundError: [Errno 2] No such file or directory: ${path}`;

it.each([
  ["text = open('in/a.txt').read()\nopen('b.txt', 'w').write(text)\n", noFile("'in/a.txt'"), 'missingFile'],
  ["with open('in/a.txt') as a, open('b.txt', 'w') as b:\n    pass\n", noFile("'in/a.txt'"), 'missingFile'],
  [
    "with open('a.txt') as a, open('out/b.txt', 'w') as b:\n    pass\n",
    noFile("'out/b.txt'"),
    'missingFolder',
  ],
  ["os.rename('a.txt', 'old/a.txt')\n", noFile("'a.txt' -> 'old/a.txt'"), 'missingFolder'],
  ["os.rename('c.txt', 'old/c.txt')\n", noFile("'c.txt' -> 'old/c.txt'"), 'missingFile'],
  ["logging.basicConfig(filename='logs/a.log')\n", noFile("'/work/logs/a.log'"), 'missingFolder'],
  ["log.addHandler(RotatingFileHandler('logs/a.log'))\n", noFile("'/work/logs/a.log'"), 'missingFolder'],
  [
    "db = sqlite3.connect('data/a.db')\n",
    'sqlite3.OperationalError: unable to open database file',
    'missingFolder',
  ],
  ['db = sqlite3.connect(path)\n', 'sqlite3.OperationalError: unable to open database file', 'unknown'],
])('%s of a file that is not there', (source, error, kind) => {
  const text = source.split('\n')[0] ?? '';
  expect(foundIn(traceback(error, 1, text, '/usr/lib/python3.11/pathlib.py'), source, ['a.txt']).kind).toBe(
    kind,
  );
});

it.each([
  ['np', { np: 'numpy' }],
  ['skimaje', { skimaje: 'skimage' }],
  ['panads', { panads: 'pandas' }],
])('a module that is called %s is what it is near to, and no index is asked for it', (name, renamed) => {
  const found = foundIn(traceback(`ModuleNotFoundError: No module named '${name}'`, 1, 'go()'), 'go()\n');
  expect(found).toMatchObject({ kind: 'missingModule', fix: { rewriting: 'renameModule', told: renamed } });
});

it('an exception that a program told of and went on from is not what it failed of', () => {
  const found = foundIn(`${traceback("KeyError: 'x'", 1, 'go()')}no rows to report\n`, 'go()\n');
  expect(found).toMatchObject({ kind: 'unknown', reason: expect.stringMatching(/^no rows to report/) });
});

const raisedFrom = '\nThe above exception was the direct cause of the following exception:\n\n';

it('what a script raised from another exception comes of that one; what a package did says itself', () => {
  const cause = traceback('ZeroDivisionError: division by zero', 1, 'mean()');
  const own = `${cause}${raisedFrom}${traceback('ReportError: no mean', 2, 'raise')}`;
  expect(foundIn(own, 'mean()\nraise\n')).toMatchObject({ kind: 'divisionByZero', place: { line: 1 } });
  const cannot = traceback('OSError: cannot write mode RGBA as JPEG', 1, 'save()', `${site}/PIL/Image.py`);
  const packaged = `${traceback("KeyError: 'RGBA'", 1, 'save()', `${site}/PIL/Image.py`)}${raisedFrom}${cannot}`;
  expect(foundIn(packaged, 'save()\n').kind).toBe('unknown');
});

it.each([
  ['usage: main.py INPUT OUTPUT\n', 'missingArguments'],
  ['/bin/sh: 1: gnuplot: not found\nno plot\n', 'missingCommand'],
  ['main.py:3: RuntimeWarning: divide by zero encountered\n  a / b\n', 'unknown'],
])('%s without a traceback', (stderr, kind) => {
  const found = foundIn(stderr, 'go()\n');
  expect(found.kind).toBe(kind);
  expect(found.reason.split('\n')[0]).not.toBe('a / b');
});

it('a program that Qt ends, for want of a screen, is told as that', () => {
  const stderr =
    'qt.qpa.screen: QXcbConnection: Could not connect to display\nCould not connect to any X display.\n';
  const found = diagnose({
    ...{ outcome: 'crashed', reason: 'ended by SIGABRT', stderr, stdout: '', exit: 'SIGABRT', written: [] },
    sources: { 'main.py': 'import PyQt5\n' },
    around: { program: 'main.py', had: ['main.py'], beside: [], packages: [], options: false },
  });
  expect(found).toMatchObject({
    kind: 'headlessDisplay',
    fix: { rewriting: 'drawOffScreen', told: { library: 'qt' } },
  });
});
