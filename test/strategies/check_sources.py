"""Gives `strategies.py` many ordinary sources, as a script and as functions, and prints [{title, problem}] for those it fails on.

    check_sources.py STRATEGY_FOLDER WORK_FOLDER [MORE.py …]

Every strategy must make a program that Python can read, or refuse in words; nothing may be raised but a refusal. Files of MORE are
tried the same way.
"""

import ast
import json
import sys
import traceback
from pathlib import Path

sys.path[:0] = [sys.argv[1], '/sandbox/guest', str(Path(sys.argv[1]).parents[1] / 'sandbox/guest')]

import numpy as np  # noqa: E402

from scripts import faster_script  # noqa: E402
from source import Module, NotApplicable, read_source, written_source  # noqa: E402
from strategies import WORTH_TRYING, make_program  # noqa: E402

LOOP = '''import numpy as np

def smooth(x):
    out = np.zeros(len(x))
    for i in range(1, len(x)):
        out[i] = 0.5 * (x[i] + x[i - 1])
    return out
'''
TABS = LOOP.replace('    ', '\t')
RUN = '\nprint(smooth(np.arange(9.0)).sum())\n'

# Title, the file, and whether vectorize_loops must apply to it; None where either is right.
SOURCES = [
    ('a byte order mark', b'\xef\xbb\xbf' + LOOP.encode(), True),
    ('a byte order mark before an encoding', b'\xef\xbb\xbf# coding: utf-8\n' + LOOP.encode(), True),
    ('Latin-1, declared', ('# -*- coding: latin-1 -*-\n# für\n' + LOOP).encode('latin-1'), True),
    ('Latin-1, declared, with its letters in the function', ('# coding: latin-1\n' + LOOP.replace('(x):\n', '(x):\n    """Glätten."""\n', 1)).encode('latin-1'), True),
    ('Latin-1, not declared', ('# für\n' + LOOP).encode('latin-1'), False),
    ('an encoding that nobody knows', ('# coding: klingon\n' + LOOP).encode(), False),
    ('two encodings that contradict', b'\xef\xbb\xbf# coding: latin-1\n' + LOOP.encode(), False),
    ('UTF-16', LOOP.encode('utf-16'), False),
    ('a NUL byte', LOOP.encode() + b'\x00', False),
    ('line ends of Windows', LOOP.replace('\n', '\r\n').encode(), True),
    ('line ends of the old Macintosh', LOOP.replace('\n', '\r').encode(), True),
    ('mixed line ends', LOOP.replace('\n', '\r\n', 3).encode(), True),
    ('no line end at the end', LOOP.rstrip('\n').encode(), True),
    ('form feeds between functions', ('\f' + LOOP.replace('def', '\f\ndef', 1)).encode(), True),
    ('a form feed in a text', LOOP.replace('(x):\n', '(x):\n    """One\fpage."""\n', 1).encode(), True),
    ('line separators that are none to Python', LOOP.replace('import', '# \x0b \x1c \x85 \u2028 \u2029\nimport', 1).encode(), True),
    ('an empty file', b'', False),
    ('a file of blanks', b'\n   \n\t\n', False),
    ('half a file', LOOP.encode()[:70], False),
    ('deep brackets', (LOOP + 'y = ' + '(' * 3000 + '1' + ')' * 3000 + '\n').encode(), None),
    ('a deep sum', (LOOP + 'y = ' + ' + '.join(['1'] * 20000) + '\n').encode(), None),
    ('tabs', TABS.encode(), True),
    ('tabs in one function and spaces in another', (TABS + LOOP.replace('smooth', 'other')).encode(), True),
    ('two spaces', LOOP.replace('    ', '  ').encode(), True),
    ('a tab within spaces', LOOP.replace('        out', '    \tout').encode(), True),
    ('tabs and spaces that contradict', LOOP.replace('        out', '\tout').encode(), False),
    ('brackets over several lines, dedented', LOOP.replace('(x[i] + x[i - 1])', '(x[i]\n+ x[i - 1])').encode(), True),
    ('a comment at the margin of a loop', LOOP.replace('        out', '# so\n        out').encode(), True),
    ('a docstring with quotes', LOOP.replace('(x):\n', "(x):\n    '''Says \"\"\"so\"\"\" and \"'''\n", 1).encode(), True),
    ('a docstring with backslashes', LOOP.replace('(x):\n', '(x):\n    """\\n \\\\ \\u20ac"""\n', 1).encode(), True),
    ('a future import after a docstring', ('"""Doc."""\nfrom __future__ import annotations\n' + LOOP).encode(), True),
    ('a future import beside another statement', ('"""Doc."""; from __future__ import annotations; a = 1\n' + LOOP).encode(), True),
    ('names with accents', LOOP.replace('out', 'größe').encode(), True),
    ('a comprehension of the module', (LOOP + 'n = 3\nprint(sum(1 for i in range(2, n) if i == i))\n').encode(), True),
    ('nested comprehensions', (LOOP + 'y = [[j for j in range(i)] for i in range(3) if i for k in [i]]\n').encode(), True),
    ('a set, a dict and a generator', (LOOP + 'y = {i for i in ()}, {i: j for i, j in {}.items()}, (i for i in ())\n').encode(), True),
    ('a comprehension of a class', (LOOP + 'class A:\n    y = [i for i in range(3)]\n    class B:\n        def f(self): return [i for i in ()]\n').encode(), True),
    ('an assignment within', (LOOP + 'if (n := 3) > 2:\n    y = [m := i for i in range(n)]\n').encode(), True),
    ('a match', (LOOP + 'match [1, 2]:\n    case [a, *rest] if a: pass\n    case {"k": v, **more}: pass\n    case str() | None as other: pass\n').encode(), True),
    ('async functions', (LOOP + 'async def g():\n    async with a as b: pass\n    async for i in b: pass\n    return [i async for i in b if await i]\n').encode(), True),
    ('lambdas', (LOOP + 'f = lambda *a, k=1, **b: [k for k in a]\n').encode(), True),
    ('try, with, global, del and star targets', (LOOP + 'try:\n    a, *b = 1, 2\nexcept* ValueError as e:\n    del e\nelse:\n    pass\nwith open("x") if 0 else np.errstate() as f: pass\n').encode(), True),
    ('formatted texts', (LOOP + 'y = f"{1!r:>{2}} {[i for i in ()]}"\n').encode(), True),
    ('decorators', (LOOP + 'import functools\n@functools.lru_cache(maxsize=None)\ndef g(n):\n    for i in range(n): pass\n').encode(), True),
    ('annotations and defaults', LOOP.replace('(x)', '(x: "np.ndarray") -> np.ndarray', 1).encode(), True),
    ('a function of every kind of parameter', (LOOP + 'def g(a, /, b=1, *c, d, e=2, **f):\n    for i in range(a): pass\n').encode(), True),
    ('a function defined twice', (LOOP + LOOP).encode(), None),
    ('a function that is rebound', (LOOP + 'smooth = print\n').encode(), None),
    ('a function in a branch', ('if 1:\n' + ''.join('    ' + line for line in LOOP.splitlines(True)) + '\n').encode(), False),
    ('a function in a class', ('class A:\n' + ''.join('    ' + line for line in LOOP.splitlines(True)) + '\n').encode(), False),
    ('a function within a function', ('def f(x):\n' + ''.join('    ' + line for line in LOOP.splitlines(True)) + '    return smooth(x)\n').encode(), False),
    ('one line', b'import numpy as np\ndef smooth(x): return sum(x[i] for i in range(len(x)))\n', None),
    ('a loop on one line', b'import numpy as np\ndef smooth(x):\n    s = 0.0\n    for i in range(len(x)): s += x[i]\n    return s\n', True),
    ('statements in one line', b'import numpy as np; import math\ndef smooth(x):\n    s = 0.0; n = len(x)\n    for i in range(n): s += x[i]; s *= 1.0\n    return s\n', True),
    ('a line that goes on', LOOP.replace('0.5 * ', '0.5 * \\\n').encode(), True),
    ('a star import', ('from math import *\n' + LOOP).encode(), True),
    ('type aliases of a later Python', (LOOP + 'type Pair[T] = tuple[T, T]\ndef g[T](x: T) -> T: return x\n').encode(), None),
    ('Python 2', b'print "hello"\n', False),
    ('not Python', b'<html>\n<body>for x in range(3)</body>', False),
    ('matrices', LOOP.replace('return out', 'out @= np.eye(len(x))\n    return out @ x').encode(), True),
]


def functions_of(data):
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [('smooth', 1)]
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [(node.name, len(node.args.posonlyargs + node.args.args)) for node in found] or [('smooth', 1)]


def makers(path, data):
    """Ways to use one source: a name, and what makes the program of some strategies."""
    yield 'script', lambda strategies: faster_script(read_source(data), path, strategies)
    for name, count in functions_of(data):
        for value in (np.zeros(9), np.zeros((3, 3))):
            case = {'args': (value,) * count, 'kwargs': {}}
            yield f'{name}({value!r:.30}…)', lambda strategies, name=name, case=case: make_program(
                Module(read_source(data), name, path), case, strategies
            )


def problem_of(path, data, must):
    applied = 0
    for use, make in makers(path, data):
        for strategies in WORTH_TRYING:
            try:
                program = make(strategies)
                for name, text in program.files.items():
                    if name.endswith('.py'):
                        compile(written_source(text, data), name, 'exec')
                applied += strategies == ['vectorize_loops']
            except NotApplicable as refusal:
                if not all(each['message'].strip() for each in refusal.reasons):
                    return f'{use}: {strategies} is refused without a word'
            except Exception:
                return f'{use}: {strategies} fails: {traceback.format_exc()[-600:]}'
    if must is not None and (applied > 0) != must:
        return f'vectorize_loops {"applies" if applied else "does not apply"}'
    return ''


rows = []
for title, data, must in SOURCES:
    # As a script it is called as well.
    problem = problem_of('source.py', data, must) or (problem_of('source.py', data + RUN.encode(), None) if must else '')
    rows.append({'title': title, 'problem': problem})
for path in map(Path, sys.argv[3:]):
    rows.append({'title': path.name, 'problem': problem_of(path.name, path.read_bytes(), None)})
print(json.dumps(rows, separators=(',', ':')))
