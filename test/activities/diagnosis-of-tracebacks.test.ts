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
  // Nobody can tell what these come of without the program.
  ['RuntimeError: CUDA error: an illegal memory access was encountered', 'unknown', 'torch'],
  ['sqlite3.OperationalError: database is locked', 'unknown'],
  ['ValueError: I/O operation on closed file.', 'unknown'],
];

it.each(told)('%s', (error, kind, raisedIn) => {
  const inside =
    raisedIn === undefined ? '' : `  File "${site}/${raisedIn}/__init__.py", line 427, in f\n    raise\n`;
  const stderr = `Traceback (most recent call last):\n  File "/work/main.py", line 2, in <module>\n    go()\n${inside}${error}\n`;
  const ended = outcomeOfEnding({ kind: 'exited', code: 1 }, { stdout: '', stderr });
  if (ended === null || !('reason' in ended)) throw new Error('expected a failure');
  const found = diagnose({
    ...{ outcome: ended.kind, reason: ended.reason, stderr, stdout: '', exit: 1, written: [] },
    sources: { 'main.py': 'import numpy as np\ngo()\n' },
    around: { program: 'main.py', had: ['main.py'], beside: [], packages: ['numpy 2.4.6'], options: false },
  });
  expect(found).toMatchObject({ kind, place: kind === 'unknown' ? null : { path: 'main.py', line: 2 } });
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
