"""Runs what `rewrite_numpy` makes of small functions beside the originals, and prints [{title, problem}].

    check_rewrites.py STRATEGY_FOLDER WORK_FOLDER
"""

import copy
import json
import sys
import warnings
from pathlib import Path

work = Path(sys.argv[2])
sys.path[:0] = [sys.argv[1], '/sandbox/guest']

import numpy as np  # noqa: E402

from rewrite_numpy import rewrite_numpy  # noqa: E402
from source import Module, NotApplicable  # noqa: E402
from spelled_out import spelled_out  # noqa: E402

warnings.simplefilter('ignore')
draw = np.random.default_rng(3)
A, B, ROW = draw.normal(size=(40, 5)), draw.normal(size=(30, 5)), draw.normal(size=200)
HOLES = np.where(draw.random((60, 9)) < 0.3, np.nan, draw.normal(size=(60, 9)))
HOLES[7] = np.nan
KEYS = draw.integers(0, 9, 300)

# Title, the body of f, what the program must hold, and the arguments of several calls: the first is the sample.
RIGHT = [
    ('a distance, in the arrays’ own type', 'def f(a, b):\n    d = a[:, None] - b[None]\n    return np.sqrt((d**2).sum(axis=-1))', '_reduced', [
        (A, B), (A[:1], B), (A.astype(np.float32), B.astype(np.float32)), (A[:, ::2], B[:, ::2]), (A[:, :0], B[:, :0]),
    ]),
    ('reductions that leave out what is missing', 'def f(x):\n    return np.nanmean(x, axis=1), np.nanstd(x, axis=1), np.nanmax(x, axis=0), np.nanmin(x, axis=-1)', '_reduced', [
        (HOLES,), (HOLES.T,), (HOLES[:5].copy(order='F'),), (np.full((9, 9), 3.0),),
    ]),
    ('largest and smallest, with what is not a number', 'def f(x):\n    return (x * 2 + 1).max(axis=1), (x - 1.0).min(axis=1, keepdims=True)', '_reduced', [(HOLES,), (A * np.inf,)]),
    ('a choice by element', 'def f(x, n):\n    return np.where(x > 0, x / n, -x) + np.clip(x * n, 0, 1)', '_fused', [(ROW, 3), (ROW, 0), (KEYS, 2), (ROW.astype(np.float32), 3), (2.5, 4)]),
    ('powers', 'def f(x):\n    return (x * x + 1.0) ** -1.5 + x**2 + np.abs(x) ** 0.5', '_fused', [(ROW,), (ROW[:3],), (ROW * 1j + ROW,)]),
    ('a loop over turns, element by element', 'def f(c, n):\n    z = np.zeros_like(c)\n    count = np.zeros(c.shape, dtype=np.int32)\n    for _ in range(n):\n        inside = np.abs(z) <= 2.0\n        z = np.where(inside, z * z + c, z)\n        count += inside\n    return count, z', '_turns', [
        (A + 0.5j * A, 30), (A + 0.5j * A, 1), (A + 0.5j * A, 0), (A, 9), (A.astype(np.float32), 9), (np.complex64(A), 5),
    ]),
    ('a loop whose type changes in its first turn', 'def f(x, n):\n    y = np.ones(x.shape, dtype=int)\n    for _ in range(n):\n        y = y * 0.5 + x\n    return y', '_turns', [(ROW, 4), (ROW, 1)]),
    ('an array that a loop changes in place, and its owner sees', 'def f(x, y, c, n):\n    for _ in range(n):\n        x += y * 0.5 + c\n        y = y * 0.9 + 0.1\n    return y', '_turns', [(ROW.copy(), ROW + 1, ROW * 2, 5)]),
    ('groups', 'def f(k, x):\n    out = []\n    for v in np.unique(k):\n        m = k == v\n        out.append((v, m.sum(), x[m].mean(), np.count_nonzero(m)))\n    return out', 'argsort', [
        (KEYS, ROW.repeat(2)[:300]), (np.array([]), np.array([])), (np.array([2.0, np.nan, 1.0, 2.0]), np.arange(4.0)), (np.array(['b', 'a', 'b']), np.arange(3)),
    ]),
    ('what does not change in a loop', 'def f(x, n):\n    out = np.zeros(len(x))\n    for i in range(n):\n        out += i * np.sort(x)\n    return out', 'once_1', [(ROW, 4), (ROW, 0)]),
    ('a function for each element', 'def g(x, y):\n    return h(x) if x > y else y * K\n\n\ndef h(x):\n    return x * x\n\n\nK = 2.0\n\n\ndef f(x, y):\n    return np.vectorize(g)(x, y)', '_each_element(', [
        (ROW, 0.5), (A, A[0]), (KEYS, 3), (KEYS, 3.5), (ROW.astype(np.float32), 0.5), (2.0, 1.0), (list(ROW), 0.5), (HOLES, 0.0),
    ]),
    ('a function by decorator, whose first result is whole', '@np.vectorize\ndef g(x):\n    if x < 0:\n        return 0\n    return x\n\n\ndef f(x):\n    return g(x)', '_each_element(', [(ROW,), (-np.abs(ROW),), (np.abs(ROW),), (KEYS,)]),
    ('a decorated function alone', '@np.vectorize\ndef f(x):\n    return 1.0 / x', '_each_element(', [(ROW,), (np.array([1.0, 0.0, 2.0]) + 1,)]),
    ('a function made above all', 'import math\n\n\ndef g(x):\n    return math.floor(x)\n\n\nG = np.vectorize(g)\n\n\ndef f(x):\n    return G(x).sum() + np.vectorize(lambda y: y + 1.0)(x)', '_each_element(', [(ROW,), (ROW[:1],)]),
    ('outer products of any shape', 'def f(x, y):\n    d = np.abs(np.subtract.outer(x, y))\n    return np.exp(-d) + (np.multiply.outer(x, y) + 1.0) ** 2, np.sqrt(np.abs(np.outer(x, y))) - 1.0, np.maximum.outer(x, y) * 2.0 + 1.0', '_column(', [
        (ROW, ROW[:90]), (ROW[::2], ROW[:90][::-1]), (A, ROW[:70]), (ROW[:70], A), (ROW.astype(np.float32), ROW), (KEYS, ROW), (ROW[:1], ROW), (ROW, ROW[:1]), (ROW[:0], ROW), (HOLES[:, 0], HOLES[1]), (3.0, ROW), (list(ROW), list(ROW)),
    ]),
    ('rows and columns laid over a matrix', 'def f(a, r, c):\n    return a * r[None, :] + c[:, None] / r - np.where(a > c[:, None], a, r)', '_in_rows', [
        (A, ROW[:5], ROW[:40]), (A.copy(order='F'), ROW[:5], ROW[:40]), (A[:, ::2], ROW[:3], ROW[:40]), (A, ROW[:5] * 0, KEYS[:40]), (KEYS.reshape(60, 5), KEYS[:5] + 1, KEYS[:60]), (A[:1], ROW[:5], ROW[:1]), (A[:, :1], ROW[:1], ROW[:40]),
    ]),
    ('a number times a matrix, times a vector', 'def f(s, a, x):\n    return s * a @ x + 2.0 * np.outer(a[:, 0], x) @ x', '(s, a @ x', [(1.5, A, ROW[:5]), (2, A, ROW[:5]), (0.5, KEYS.reshape(60, 5), KEYS[:5])]),
    ('a list taken apart by map', 'import math\n\n\ndef g(x, y):\n    x, y = map(math.radians, [x, y])\n    return math.sin(x) * y\n\n\ndef f(x, y):\n    return np.vectorize(g)(x, y)', '_each_element(', [(ROW, 0.5)]),
    ('a function for each row', 'def g(row):\n    best = 0.0\n    for i in range(1, len(row)):\n        best = max(best, abs(row[i] - row[i - 1]))\n    return best\n\n\ndef f(x, axis):\n    return np.apply_along_axis(g, axis, x), np.apply_along_axis(lambda row: row - row.mean(), axis, x)', '_each_row(', [
        (A, 0), (A, 1), (A, -1), (A.reshape(4, 10, 5), 1), (A[0], 0), (A.astype(np.float32), 0), (KEYS.reshape(30, 10), 0),
    ]),
]
# What must be left as it is, in the part that is named.
LEFT = [
    ('a loop that changes what it computes from', 'def f(x, n):\n    for i in range(n):\n        x[i] = np.sum(x)\n    return x', 'once_1', [(ROW.copy(), 3)]),
    ('a loop that may change it by another name', 'def f(x, y, n):\n    t = 0.0\n    for i in range(n):\n        y[i] = i\n        t += np.sum(x)\n    return t', 'once_1', [(ROW.copy(), ROW.copy(), 3)]),
    ('an array that is changed before it is used', 'def f(x):\n    d = x - 1.0\n    x += 5.0\n    return d * d + d', 'x - 1.0) *', [(ROW.copy(),)]),
    ('a function that changes its row', 'def g(row):\n    row[0] = 1.0\n    return row.sum()\n\n\ndef f(x):\n    return np.apply_along_axis(g, 0, x)', '_each_row', [(A.copy(),)]),
    ('a lambda that takes a name from around it', 'def f(x, n):\n    return np.vectorize(lambda y: y * n)(x)', '_each_element', [(ROW, 3)]),
    ('groups whose rows are changed', 'def f(k, x):\n    out = []\n    for v in np.unique(k):\n        m = k == v\n        g = x[m]\n        g += 1.0\n        out.append(g.sum() + x[m].sum())\n    return out', 'argsort', [(KEYS, KEYS * 1.0)]),
]


def same(got, expected):
    if isinstance(expected, (tuple, list)):
        return type(got) is type(expected) and len(got) == len(expected) and all(map(same, got, expected))
    got_type, wanted = (type(got), getattr(got, 'dtype', None), np.shape(got)), (type(expected), getattr(expected, 'dtype', None), np.shape(expected))
    loose = 1e-5 if wanted[1] in (np.float32, np.complex64) else 1e-11
    return got_type == wanted and (np.allclose(got, expected, rtol=loose, atol=loose, equal_nan=True) if np.asarray(got).dtype.kind in 'fc' else np.array_equal(got, expected))


def outcome(function, args):
    given = copy.deepcopy(args)
    return function(*given), given


def problem_of(body, part, calls, held):
    text = f'import numpy as np\n\n\n{body}\n'
    try:
        made = rewrite_numpy(spelled_out(Module(text, 'f', 'program.py', work)), {'args': calls[0], 'kwargs': {}}).files['program.py']
    except NotApplicable as refusal:
        if held:
            return f'refused: {refusal}'
        made = text
    if (part in made) != held:
        return f'expected {part} {"in" if held else "not in"} {made}'
    ours, theirs = {}, {}
    exec(compile(text, 'original', 'exec'), ours)
    exec(compile(made, 'made', 'exec'), theirs)
    for number, args in enumerate(calls):
        expected, got = outcome(ours['f'], args), outcome(theirs['f'], args)
        if not same(got, expected):
            return f'call {number}: expected {expected[0]!r}, got {got[0]!r}'[:600]
    return ''


rows = [{'title': title, 'problem': problem_of(body, part, calls, True)} for title, body, part, calls in RIGHT]
rows += [{'title': title, 'problem': problem_of(body, part, calls, False)} for title, body, part, calls in LEFT]
print(json.dumps(rows))
