"""Asks `strategies.py` for its list of programs it refuses, and prints [{title, problem}] for those it does not refuse as expected.

    check_refusals.py STRATEGY_FOLDER WORK_FOLDER
"""

import json
import sys
from pathlib import Path

work = Path(sys.argv[2])
sys.path[:0] = [sys.argv[1], '/sandbox/guest', str(Path(sys.argv[1]).parents[1] / 'sandbox/guest')]

import numpy as np  # noqa: E402

from scripts import faster_script  # noqa: E402
from source import Module  # noqa: E402
from strategies import listing, make_program  # noqa: E402

LOOP = '''import math

import numpy as np


def f(x, k=2.0):
    total = 0.0
    for i in range(len(x)):
        total += k * x[i]
    return total
'''
COMPILERS = ['vectorize_loops', 'use_cpp_extension', 'use_pythran']


def put(line, indent='        ', after='        total'):
    """LOOP with a line before its sum, which is line 9."""
    return LOOP.replace(after, f'{indent}{line}\n{after}', 1)


# Title, the program, the strategies that are refused, the line, a part of the reason, and the edit that would mend it.
CASES = [
    ('a print', put('print(i)'), COMPILERS, 9, 'f calls print', 'without this line'),
    ('two prints', put('print(i)') .replace('    return', '    print(total)\n    return'), COMPILERS, 9, 'f calls print', 'without the calls of print in lines 9 and 11'),
    ('a print and a dictionary', put('print({i: 1})').replace('    return', '    d = {}\n    return'), COMPILERS, 9, 'f calls print', None),
    ('a formatted text in an error', put("raise ValueError(f'{i}')", '    ', '    total'), COMPILERS, 7, 'a formatted string', 'with a fixed text instead of a formatted one'),
    ('an import inside', put('import math', '    ', '    total'), COMPILERS, 7, 'uses import', 'with this import at the top of the file'),
    ('a decorator', LOOP.replace('def f', '@np.errstate()\ndef f'), COMPILERS, 6, 'is decorated', 'without its decorator'),
    ('parameters by name alone', LOOP.replace('(x, k', '(x, *, k'), ['vectorize_loops', 'use_pythran'], 6, 'keyword-only', 'with plain parameters instead of keyword-only ones'),
    ('an assert', put('assert i >= 0'), ['use_cpp_extension'], 9, 'cannot translate', 'without this line'),
    ('a helper from another file', 'from helper import scaled\n' + LOOP.replace('k * x[i]', 'scaled(x[i])'), ['vectorize_loops'], 10, 'another file', None),
    ('a helper from a file that is imported', 'import helper\n' + LOOP.replace('k * x[i]', 'helper.scaled(x[i])'), ['vectorize_loops', 'use_pythran'], 10, 'put scaled into program.py', None),
    ('another library', 'from scipy.special import erf\n' + LOOP.replace('k * x[i]', 'erf(x[i])'), ['vectorize_loops', 'use_pythran'], 10, 'calls scipy.special.erf', None),
    ('a generator of random numbers', 'import random\n' + LOOP.replace('total = 0.0', 'total = random.Random(1).random()'), ['vectorize_loops', 'use_pythran'], 8, 'calls random.Random, which', None),
    ('NumPy’s own generator', LOOP.replace('total = 0.0', 'total = np.random.default_rng(1).normal()'), ['vectorize_loops'], 7, 'calls numpy.random.default_rng, which Numba', None),
    ('another sequence of random numbers', 'import random\n' + put('random.seed(i)'), ['vectorize_loops'], 10, 'draws other numbers', 'without this line'),
    ('a sum of a generator', LOOP.replace('return total', 'return total + sum(k * y for y in x)'), ['vectorize_loops'], 10, 'uses a generator', None),
    ('a builtin that Numba lacks', LOOP.replace('range(len(x))', 'reversed(range(len(x)))'), ['vectorize_loops'], 8, 'calls reversed, which Numba', None),
    ('a method of a function', LOOP.replace('return total', 'return total + np.add.reduce(x)'), ['vectorize_loops'], 10, 'calls numpy.add.reduce, which Numba', None),
    ('what Pythran has no version of', LOOP.replace('total = 0.0', 'total = float(np.random.default_rng(1).random())'), ['use_pythran'], 7, 'uses numpy.random.default_rng, which Pythran', None),
    ('a class of NumPy', LOOP.replace('total = 0.0', 'total = np.random.RandomState(1).rand()'), COMPILERS[::2], 7, 'numpy.random.RandomState, which', None),
    ('a product of matrices', LOOP.replace('return total', 'return total + x @ x'), ['use_pythran'], 10, 'needs a BLAS library', None),
    ('a product in another way', LOOP.replace('return total', 'return total + x.dot(x) + np.dot(x, x)'), ['use_pythran'], 10, 'needs a BLAS library', None),
]


def not_kept(program, strategies):
    return ''


def problem_of(make, data, case, refused, line, reason, edit):
    listed = listing(make, not_kept, data, case)
    if listed['crashed']:
        return listed['crashed'][0]['traceback'][-400:]
    found = {tuple(each['strategies']): each['reasons'][0] for each in listed['refused']}
    for name in refused:
        got = found.get((name,))
        if got is None:
            return f'{name} applies'
        if got['line'] != line or reason not in got['message'] or got.get('edit') != edit:
            return f'{name}: expected {line}: {reason} ({edit}), got {got}'
    return ''


def check(title, text, refused, line, reason, edit, given=None):
    case = {'args': given or (np.arange(3.0),), 'kwargs': {}}
    make = lambda strategies, other=None, other_case=None: make_program(  # noqa: E731
        Module(other or text, 'f', 'program.py', work), other_case or case, strategies
    )
    return {'title': title, 'problem': problem_of(make, text.encode(), case, refused, line, reason, edit)}


(work / 'helper.py').write_text('def scaled(x):\n    return 2.0 * x\n')
rows = [check(*case) for case in CASES]
lists = 'given NumPy arrays instead of lists'
rows.append(check('a list of numbers', LOOP, COMPILERS, 6, 'the argument x is a list', lists, ([1.0, 2.0],)))
rows.append(check('a look at its own names', put('locals()'), ['use_cython'], 9, 'locals looks at the frame', 'without this line', ([1.0, 2.0],)))
groups = 'def f(x):\n    for each in x:\n        try:\n            print(each)\n        except* ValueError:\n            break\n'
rows.append(check('what Cython cannot read', groups, ['use_cython'], 6, 'Cython cannot compile this', None, ([1.0, 2.0],)))
rows.append(check('a list of texts', LOOP, COMPILERS, 6, 'the argument x is a list', None, (['a', 'b'],)))

text = put('print(i)').replace('import numpy as np\n', '')
narrow = ['use_cpp_extension', 'reduce_precision']
listed = listing(lambda strategies, *_: make_program(Module(text, 'f', 'program.py'), {'args': (2.0,), 'kwargs': {}}, strategies), not_kept, text.encode(), None)
(got,) = [each['reasons'][0] for each in listed['refused'] if each['strategies'] == narrow]
problem = '' if (got['line'], got['message']) == (8, 'f calls print') else f'got {got}'
rows.append({'title': 'a line is that of the user’s own text, and so is a name', 'problem': problem})

text = put('print(i)') + '\nf(np.arange(3.0))\n'
script = lambda strategies, other=None, _=None: faster_script(other or text, 'program.py', strategies, work)  # noqa: E731
problem = problem_of(script, text.encode(), None, ['vectorize_loops'], 9, 'f calls print', 'without this line')
rows.append({'title': 'a print in the function of a script', 'problem': problem})

text = LOOP.replace('return total', 'return total + max(y for y in x)') + '\nprint(f(np.arange(3.0)))\n'
problem = problem_of(script, text.encode(), None, ['vectorize_loops'], 10, 'uses a generator', None)
rows.append({'title': 'a generator in the function of a script', 'problem': problem})


def broken(strategies, *_):
    if strategies == ['use_pythran']:
        raise KeyError('a mistake of ours')
    return make_program(Module(LOOP, 'f', 'program.py', work), {'args': (np.arange(3.0),), 'kwargs': {}}, strategies)


listed = listing(broken, not_kept, LOOP.encode(), None)
ours = [(each['strategies'], 'a mistake of ours' in each['traceback']) for each in listed['crashed']]
others = ['vectorize_loops'] in [each['strategies'] for each in listed['applicable']]
problem = '' if ours == [(['use_pythran'], True)] and others else f'got {listed}'
rows.append({'title': 'a strategy that fails itself is told apart, and the others are used', 'problem': problem})

order = [each['strategies'] for each in listed['applicable']]
single = [place for place, strategies in enumerate(order) if 'reduce_precision' in strategies]
last = single == list(range(len(order) - len(single), len(order))) and ['reduce_precision'] not in order
rows.append({'title': 'single precision comes last, and never uncompiled', 'problem': '' if last else f'got {order}'})
print(json.dumps(rows, separators=(',', ':')))
