"""Asks `parallel_loops.py` about small functions and prints [{title, problem}] for those it judges wrongly.

    check_parallel_loops.py STRATEGY_FOLDER
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from case import ArrayType  # noqa: E402
from parallel_loops import find_parallel_loops  # noqa: E402
from source import Module, NotApplicable, parameters  # noqa: E402

ARRAYS = {'a': ArrayType('float64', 1), 'b': ArrayType('float64', 1), 'g': ArrayType('float64', 2), 'p': ArrayType('int64', 1)}

# Title, the function's parameters, its body, and what must be answered: the scattered arrays and sums of each loop, or None.
CASES = [
    ('each turn writes its own element', 'a, b', 'for i in range(len(a)):\n    a[i] = b[i] + b[0]', [([], [])]),
    ('each turn writes its own row', 'g', 'for i in range(len(g)):\n    for j in range(3):\n        g[i, j] = g[i, 2 - j]', [([], [])]),
    ('a scatter gets an array per thread', 'a, p', 'for i in range(len(p)):\n    a[p[i]] += 1.0', [(['a'], [])]),
    ('a scatter through a row', 'g, p', 'for i in range(len(p)):\n    row = g[p[i]]\n    row[0] += 1.0', [(['g'], [])]),
    ('a sum of numbers', 'a', 's = 0.0\nfor i in range(len(a)):\n    s += a[i]\nreturn s', [([], ['s'])]),
    ('a scatter read in the same loop', 'a, p', 'for i in range(len(p)):\n    a[p[i]] += a[0]', None),
    ('a scatter read under another name', 'a, p', 'c = a\nfor i in range(len(p)):\n    a[p[i]] += c[0]', None),
    ('an element read before it is written', 'a', 'for i in range(1, len(a)):\n    a[i] = a[i - 1]', None),
    ('a row read under another name', 'g', 'h = g.T\nfor i in range(3):\n    g[i, 0] = h[0, i - 1]', None),
    ('own index at two different places', 'g', 'for i in range(3):\n    for j in range(3):\n        g[i, j] = g[j, i]', None),
    ('own place under two names of one array', 'g', 'for i in range(3):\n    for j in range(3):\n        r = g[j]\n        r[i] = g[i, j]', None),
    ('one element written by all', 'a, b', 'for i in range(len(a)):\n    b[0] = a[i]', None),
    ('a multiplication instead of a sum', 'a, p', 'for i in range(len(p)):\n    a[p[i]] *= 2.0', None),
    ('a product of numbers', 'a', 's = 1.0\nfor i in range(len(a)):\n    s *= a[i]\nreturn s', None),
    ('a value from the turn before', 'a, b', 'x = 0.0\nfor i in range(len(a)):\n    b[i] = x\n    x = a[i]', None),
    ('a value assigned on one branch only', 'a, b', 'x = 0.0\nfor i in range(len(a)):\n    if a[i] > 0:\n        x = a[i]\n    b[i] = x', None),
    ('a value used after the loop', 'a', 'x = 0.0\nfor i in range(len(a)):\n    x = a[i]\nreturn x', None),
    ('a value used by the next turn of a loop around', 'a, b', 'x = 0.0\nfor k in range(3):\n    b[0] = x\n    for i in range(len(a)):\n        for j in range(1):\n            x = a[i]', None),
    ('the index used after the loop', 'a', 'i = 0\nfor i in range(len(a)):\n    a[i] = 1.0\nreturn i', None),
    ('the index assigned', 'a', 'for i in range(len(a)):\n    i = i + 1\n    a[i] = 1.0', None),
    ('a break', 'a', 'for i in range(len(a)):\n    if a[i] > 0:\n        break\n    a[i] = 1.0', None),
    ('a break of a loop inside', 'a', 'for i in range(len(a)):\n    while True:\n        break\n    a[i] = 1.0', [([], [])]),
    ('a return', 'a', 'for i in range(len(a)):\n    if a[i] > 0:\n        return i', None),
    ('random numbers', 'a', 'for i in range(len(a)):\n    a[i] = np.random.random()', None),
    ('a helper that writes', 'a, p', 'for i in range(len(p)):\n    put(a, p[i])', None),
    ('a helper that adds', 'a, p', 'for i in range(len(p)):\n    add(a, p[i])', [(['a'], [])]),
    ('an array of its own in every turn', 'a', 'for i in range(len(a)):\n    t = np.zeros(3)\n    put(t, 0)\n    a[i] = t[0]', [([], [])]),
    ('an array handed back by a helper', 'a, p', 'c = same(a)\nfor i in range(len(p)):\n    a[p[i]] += c[0]', None),
    ('the loop inside a loop that must wait', 'a, g', 'for k in range(3):\n    for i in range(len(g)):\n        for j in range(3):\n            g[i, j] += a[k]\n    a[0] = g[0, 0]', [([], [])]),
    ('a copy is another array', 'a', 'c = a.copy()\nfor i in range(1, len(a)):\n    c[i] = a[i - 1]', [([], [])]),
    ('a number changed after it came from a helper', 'a', 'for i in range(len(a)):\n    t = same(np.inf)\n    t -= 1.0\n    a[i] = t', [([], [])]),
    ('a short loop deep inside', 'a', 'x = 0.0\nfor k in range(9):\n    for i in range(9):\n        b = x\n        for j in range(2):\n            for m in range(2):\n                x += a[m]', None),
    ('two arrays that change places', 'a, b', 'for k in range(3):\n    for i in range(len(a)):\n        for j in range(1):\n            b[i] = a[i - 1]\n    a, b = b, a', None),
]

HELPERS = '''import numpy as np

def put(x, i):
    x[i] = 1.0

def add(x, i):
    x[i] += 1.0

def same(x):
    return x

'''


def judged(given, body):
    text = HELPERS + f'def f({given}):\n' + ''.join(f'    {line}\n' for line in body.splitlines())
    module = Module(text, 'f', 'f.py')
    types = {name: ARRAYS[name] for name in parameters(module.function)}
    try:
        return [(loop.scattered, loop.sums) for loop in find_parallel_loops(module, types)]
    except NotApplicable:
        return None


rows = []
for title, given, body, expected in CASES:
    got = judged(given, body)
    rows.append({'title': title, 'problem': '' if got == expected else f'expected {expected}, got {got}'})
print(json.dumps(rows))
