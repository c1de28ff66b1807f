"""Asks which arguments a function changes, and what its version in single precision does to them; prints [{title, problem}].

    check_arguments.py STRATEGY_FOLDER
"""

import json
import sys
import traceback
from pathlib import Path

sys.path[:0] = [sys.argv[1], '/sandbox/guest', str(Path(sys.argv[1]).parents[1] / 'sandbox/guest')]

import numpy as np  # noqa: E402

from parallel_loops import written_parameters  # noqa: E402
from source import Module  # noqa: E402
from strategies import make_program  # noqa: E402

HELPERS = '''import numpy as np

def put(x, i):
    x[i] = 0.1

def same(x):
    return x

def fresh(x):
    y = x.copy()
    y[0] = 0.1
    return y

'''

# Title, the body of a function of the arrays a and b, and which of them it may change.
CASES = [
    ('a name that is given the new array', 'for k in range(3):\n    n = a.copy()\n    n[0] = 0.1\n    a = n\nreturn a', []),
    ('two names that change places', 'for k in range(3):\n    b[0] = a[0] * 0.3\n    a, b = b, a\nreturn a', ['a', 'b']),
    ('an element', 'a[0] = 0.1\nreturn b', ['a']),
    ('one element of many', 'for i in range(1):\n    a[i] = 0.1\nreturn a', ['a']),
    ('another name for it', 'c = a\nc[0] = 0.1\nreturn b', ['a']),
    ('a part of it', 'c = a[1:]\nc[0] = 0.1\nreturn b', ['a']),
    ('a name on one branch', 'c = b.copy()\nif a[0] > 0:\n    c = a\nc[0] = 0.1\nreturn c', ['a']),
    ('a sum into it', 'a[0] += 0.1\nreturn a', ['a']),
    ('the whole of it', 'a += 0.1\nreturn a', ['a']),
    ('a method that fills it', 'a.fill(0.1)\nreturn b', ['a']),
    ('a method that sorts it', 'a.sort()\nreturn b', ['a']),
    ('a function that copies into it', 'np.copyto(a, b)\nreturn b', ['a']),
    ('an output by position', 'np.add(b, b, a)\nreturn b', ['a']),
    ('an output by name', 'np.multiply(b, 0.3, out=a)\nreturn b', ['a']),
    ('a function that adds at places', 'np.add.at(a, np.array([0]), 0.1)\nreturn b', ['a']),
    ('a helper that changes it', 'put(a, 0)\nreturn b', ['a']),
    ('a helper that hands it back', 'c = same(a)\nc[0] = 0.1\nreturn c', ['a']),
    ('a helper that changes a copy', 'c = fresh(a)\nc[1] = 0.1\nreturn c', []),
    ('nothing', 'return (a * b).sum()', []),
    ('a method that gives a number', 'return a.mean() + b.max()', []),
]


def problem_of(body, expected):
    text = HELPERS + 'def f(a, b):\n' + ''.join(f'    {line}\n' for line in body.splitlines())
    module = Module(text, 'f', 'f.py')
    written = written_parameters(module)
    if written != expected:
        return f'expected {expected}, got {written}'
    # Thirds, which single precision cannot hold: a copy that was written back would show.
    given = (np.arange(1.0, 6.0) / 3, np.arange(2.0, 7.0) / 3)
    program = make_program(module, {'args': given, 'kwargs': {}}, ['reduce_precision'])
    original, candidate = {}, {}
    exec(text, original)
    exec(program.files['f.py'], candidate)
    ours, theirs = [each.copy() for each in given], [each.copy() for each in given]
    original['f'](*ours)
    candidate['f'](*theirs)
    for name, before, our, their in zip('ab', given, ours, theirs):
        if not np.allclose(our, their, rtol=1e-6, atol=0):
            return f'{name} is {their}, expected about {our}'
        if not np.array_equal(their[our == before], our[our == before]):
            return f'{name} is {their} where the original left {our}'
    return ''


rows = []
for title, body, expected in CASES:
    try:
        rows.append({'title': title, 'problem': problem_of(body, expected)})
    except Exception:
        rows.append({'title': title, 'problem': traceback.format_exc()[-800:]})
print(json.dumps(rows))
