"""vectorize_loops: compiles the function and the helpers it calls with Numba (https://numba.readthedocs.io).

The source stays as it is but for a decorator on each function. Numba turns loops into machine code and lets LLVM use
vector instructions. Division by zero still raises (`error_model='python'` is Numba's default); integers have 64 bits.
"""

import ast

from known_to_numba import require_known_to_numba
from parallelize import share_out_with_numba
from program import Program
from source import edited, require_compilable, require_own_calls, require_positional

# What Numba knows of: its own versions of these libraries' functions.
COMPILED_LIBRARIES = ('numpy', 'math', 'cmath', 'random')


def vectorize_loops(module, types, parallel, fast_math):
    """The program with Numba decorators; with `parallel` its loops are shared out among threads."""
    require_compilable(module)
    require_positional(module, 'Numba')
    require_own_calls(module, COMPILED_LIBRARIES, 'Numba')
    require_known_to_numba(module)
    shared_out = {module.name: share_out_with_numba(module, types)} if parallel else {}
    return compiled_with_numba([module], shared_out, fast_math)


def compiled_with_numba(modules, shared_out, fast_math):
    """The program that compiles the functions of some modules, all of the same text, and the helpers they call.

    shared_out: function name -> what `share_out_with_numba` gave for it.
    """
    module = modules[0]
    names = {function.name for each in modules for function in each.reachable()}
    functions = [function for name, function in module.functions.items() if name in names]
    needed = ['import os', 'import numba', 'import numpy as np'] if shared_out else ['import numba']
    dtype_edits = _dtype_edits(module, functions)
    if dtype_edits and 'import numpy as np' not in needed:
        needed.append('import numpy as np')
    # Edits at one place are carried out in this order: imports, preamble, decorators.
    edits = [module.import_edit(needed)]
    notes, loop_edits = [], []
    for loops, preamble, rewritten in shared_out.values():
        if not notes:
            first = module.position(min(function.lineno for function in functions), 0)
            edits.append((first, first, f'{preamble}\n\n'))
        notes.append('shared out ' + ' and '.join(f'the loop over {loop.index}' for loop in loops) + ' among threads')
        loop_edits += rewritten
    for function in functions:
        options = ['parallel=True'] if function.name in shared_out else []
        options += ['fastmath=True'] if fast_math else []
        at = module.position(function.lineno, 0)
        edits.append((at, at, f'@numba.njit({", ".join(options)})\n' if options else '@numba.njit\n'))

    text = edited(module.text, edits + loop_edits + dtype_edits)
    relaxed = ' and relaxed floating-point rules' if fast_math else ''
    notes.insert(0, f'compiled {_listed([function.name for function in functions])} with Numba{relaxed}')
    return Program(entry=module.filename, files={module.filename: text}, notes=notes)


def _dtype_edits(module, functions):
    """`dtype=int` is `dtype=np.int64` to Numba, which takes no Python types."""
    spelled = {'int': 'np.int64', 'float': 'np.float64', 'bool': 'np.bool_'}
    edits = []
    for call in (node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)):
        if (module.full_name(call.func) or '').startswith('numpy.'):
            given = [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg == 'dtype')]
            edits += [
                (*module.span(node), spelled[node.id])
                for node in given
                if isinstance(node, ast.Name) and node.id in spelled
            ]
    return edits


def _listed(names, most=6):
    if len(names) > most:
        names = [*names[: most - 1], f'{len(names) - most + 1} more']
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
