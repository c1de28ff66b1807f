import type { Failure, Frame } from './failure.ts';
import { type Finding, finding, type Rule, rewrite } from './finding.ts';

/** A place that a syntax error names is not "in" anything: it is the last frame. */
const placeOf = ({ frames }: { frames: readonly Frame[] }, { sources }: Failure): Frame | undefined => {
  const last = frames.at(-1);
  return last !== undefined && last.path in sources ? last : undefined;
};

/** What Python 3 says of statements that only Python 2 has. */
const saidOfPython2 =
  /^Missing parentheses in call to '(?:print|exec)'|^multiple exception types must be parenthesized|^leading zeros in decimal integer literals|^Generator expression must be/;

/** Statements of Python 2, by their look. */
const looksLikePython2 =
  /^\s*(?:print\s+(?!\()\S|print\s*>>|exec\s+['"\w]|raise\s+\w+\s*,|except\s+[\w.]+\s*,\s*\w+\s*:)|<>|\b\d+[lL]\b|\bur['"]|`[^`]+`/;

const hasMixedIndents = (source: string): boolean => /^\t/m.test(source) && /^ {2,}\S/m.test(source);

/** What a text that is no Python comes of. */
export const syntaxRule: Rule = (raised, failure) => {
  const { short, message } = raised;
  if (!/^(?:Syntax|Indentation|Tab)Error$/.test(short)) return null;
  const at = placeOf(raised, failure);
  const place = at === undefined ? null : { path: at.path, line: at.line, within: null };
  return { ...found(short, message, failure, at), place };
};

function found(short: string, message: string, { sources }: Failure, at: Frame | undefined): Finding {
  const source = at === undefined ? '' : (sources[at.path] ?? '');
  const line = at === undefined ? '' : (source.split('\n')[at.line - 1] ?? at.text);
  if (short === 'TabError' || (/unindent does not match/.test(message) && hasMixedIndents(source)))
    return finding('tabs', 'Indent by spaces alone.', rewrite('expandTabs', at));
  if (/^Non-UTF-8 code|^\(unicode error\) 'utf-8'|^encoding problem/.test(message))
    return finding('sourceEncoding', 'Save the source as UTF-8.', rewrite('decodeSource', at));
  if (saidOfPython2.test(message) || looksLikePython2.test(line))
    return finding('python2', 'This is Python 2; a sandbox has Python 3.11.', rewrite('fromPython2', at));
  if (/^expected ':'/.test(message))
    return finding('missingColon', 'Put a colon at the end of the line.', rewrite('addColon', at));
  return finding('syntax', `Python cannot read line ${at?.line ?? '?'}: ${message}.`);
}

/** Names that Python 2 had by itself. */
const namesOfPython2 = new Set(
  'xrange raw_input unicode long basestring unichr reduce execfile cmp reload apply intern buffer file'.split(
    ' ',
  ),
);

/** Modules by the name that people give them. */
const usualNames: Readonly<Record<string, string>> = {
  np: 'import numpy as np',
  numpy: 'import numpy',
  pd: 'import pandas as pd',
  plt: 'import matplotlib.pyplot as plt',
  scipy: 'import scipy',
  Image: 'from PIL import Image',
  ImageDraw: 'from PIL import ImageDraw',
  Path: 'from pathlib import Path',
  Counter: 'from collections import Counter',
  defaultdict: 'from collections import defaultdict',
  deque: 'from collections import deque',
  OrderedDict: 'from collections import OrderedDict',
  datetime: 'from datetime import datetime',
  timedelta: 'from datetime import timedelta',
  partial: 'from functools import partial',
  lru_cache: 'from functools import lru_cache',
  dataclass: 'from dataclasses import dataclass',
  Fraction: 'from fractions import Fraction',
  Decimal: 'from decimal import Decimal',
  ...Object.fromEntries(
    [
      ...[
        'math',
        'os',
        'sys',
        're',
        'json',
        'csv',
        'random',
        'time',
        'itertools',
        'functools',
        'collections',
      ],
      ...[
        'subprocess',
        'shutil',
        'glob',
        'pathlib',
        'struct',
        'io',
        'copy',
        'string',
        'statistics',
        'hashlib',
      ],
      ...['argparse', 'logging', 'tempfile', 'textwrap', 'operator', 'pickle', 'zlib', 'gzip', 'base64'],
    ].map((name) => [name, `import ${name}`]),
  ),
};

export const nameRule: Rule = ({ short, message, whole }, failure, at) => {
  if (short !== 'NameError' && short !== 'UnboundLocalError') return null;
  const name = /name '(\w+)' is not defined/.exec(message)?.[1];
  if (name === undefined)
    return finding(
      'undefinedName',
      'The function sets this name further down, so it is its own: give it a value first, or declare it `global` or `nonlocal`.',
    );
  if (namesOfPython2.has(name))
    return finding(
      'python2',
      `${name} is of Python 2; a sandbox has Python 3.11.`,
      rewrite('fromPython2', at),
    );
  const isOwn = at !== undefined && at.path in failure.sources;
  // The interpreter names a module that is only not imported, too: it is the same.
  const line = isOwn ? usualNames[name] : undefined;
  if (line !== undefined)
    return finding('undefinedName', `${name} is not imported.`, rewrite('addImport', at, { [name]: line }));
  const meant = /Did you mean:? '(\w+)'/.exec(whole)?.[1];
  return finding(
    'undefinedName',
    meant === undefined
      ? `Nothing gives ${name} a value before it is used: import it, or set it.`
      : `Nothing is called ${name}: is ${meant} meant?`,
  );
};

/** Methods that only the dictionaries and texts of Python 2 have. */
export const python2Method: Rule = ({ short, message }, _failure, at) =>
  short === 'AttributeError' &&
  /^'dict' object has no attribute '(?:iteritems|itervalues|iterkeys|has_key|viewitems)'/.test(message)
    ? finding('python2', 'Dictionaries lost this method with Python 2.', rewrite('fromPython2', at))
    : null;
