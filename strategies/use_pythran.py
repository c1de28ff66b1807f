"""use_pythran: compiles the function and its helpers to a C++ extension with Pythran (https://pythran.readthedocs.io).

Pythran knows whole-array NumPy expressions as well as loops, and takes some ten seconds to compile.
(S. Guelton et al., "Pythran: enabling static optimization of scientific Python programs", 2015.)
"""

import ast
import functools
from pathlib import Path

from case import ArrayType
from program import Program, original_files, wrapper_module
from source import NotApplicable, edited, parameters, require_compilable, require_own_calls, require_positional

_TYPES = {'bool': 'bool', 'int': 'int', 'float': 'float', 'float32': 'float32'}


def use_pythran(module, types, fast_math):
    """The program whose function is an extension compiled by Pythran from the function's own source."""
    require_compilable(module)
    require_positional(module, 'Pythran')
    require_own_calls(module, ('numpy', 'math'), 'Pythran')
    _require_no_blas(module)
    _require_known_to_pythran(module)
    extension = f'{Path(module.filename).stem}_native'
    exported = ', '.join(_pythran_type(types[name]) for name in parameters(module.function))
    spelled = _spelled_for_pythran(module)
    imports = ''.join(f'{line}\n' for line in _imports(spelled))
    constants = ''.join(f'{name} = {ast.unparse(ast.Constant(value))}\n' for name, value in module.constants.items())
    functions = '\n\n\n'.join(spelled.source(function) for function in spelled.reachable())
    source = f'# pythran export {module.name}({exported})\n{imports}\n{constants}\n\n{functions}\n'
    return Program(
        entry=module.filename,
        files={
            module.filename: wrapper_module(module, types, f'`{module.name}`, compiled from {extension}.py.', extension),
            f'{extension}.py': source,
            **original_files(module),
        },
        build={'tool': 'pythran', 'sources': [f'{extension}.py'], 'fastMath': fast_math},
        notes=[f'compiled {module.name} and what it calls with Pythran'],
    )


def _spelled_for_pythran(module):
    """The module with `np.inf` and `np.nan` for `math.inf` and `math.nan`, which Pythran does not know."""
    edits = [
        (*module.span(node), f'np.{node.attr}')
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and module.full_name(node) in ('math.inf', 'math.nan')
    ]
    if not edits:
        return module
    return module.rewritten(edited(module.text, [module.import_edit(['import numpy as np']), *edits]))


# What Pythran gives to BLAS, of which the sandbox has no headers.
_MATRIX_PRODUCTS = ('dot', 'vdot', 'inner', 'matmul', 'correlate', 'convolve', 'linalg.matrix_power')


def _require_no_blas(module):
    for function in module.reachable():
        for node in ast.walk(function):
            match node:
                case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                    _refuse_blas(function, '@', node)
                case ast.Call(func=ast.Attribute(attr='dot') as func) if module.full_name(func) is None:
                    _refuse_blas(function, 'dot', node)
                case ast.Call(func=func):
                    name = (module.full_name(func) or '').removeprefix('numpy.')
                    if name in _MATRIX_PRODUCTS and name != module.full_name(func):
                        _refuse_blas(function, f'numpy.{name}', node)


def _refuse_blas(function, product, node):
    raise NotApplicable(f'{function.name} multiplies with `{product}`, for which Pythran needs a BLAS library that the sandbox lacks', node)


def _require_known_to_pythran(module):
    """Raises NotApplicable, with the construct and its line, where a function or a helper uses what Pythran has no version of."""
    for function in module.reachable():
        for node in ast.walk(function):
            name = module.full_name(node) if isinstance(node, (ast.Name, ast.Attribute)) else None
            if name in _BESIDE_ITS_TABLE or name is None or name in module.functions or name in module.imports.values() and '.' not in name:
                continue
            if not _is_known(name) or name in _REFUSED:
                raise NotApplicable(f'{function.name} uses {name}, which Pythran does not compile', node)


# `math.inf` and `math.nan` are spelled otherwise before Pythran sees them; its table has `vectorize`, its compiler refuses it.
_BESIDE_ITS_TABLE = ('math.inf', 'math.nan')
_REFUSED = ('numpy.vectorize',)


@functools.cache
def _is_known(name):
    """Whether Pythran has a version of a builtin (`len`) or of a library's function (`numpy.zeros`)."""
    # Loading it takes half a second: that is done where it is needed.
    from pythran.tables import MODULES

    place = MODULES
    for part in (name if '.' in name else f'builtins.{name}').split('.'):
        if not isinstance(place, dict) or part not in place:
            return False
        place = place[part]
    return True


def _imports(module):
    used = {node.id for function in module.reachable() for node in ast.walk(function) if isinstance(node, ast.Name)}
    for name, full in module.imports.items():
        if name not in used:
            continue
        library, _, function = full.rpartition('.')
        if full.split('.')[0] in ('math', 'numpy'):
            yield f'from {library} import {function} as {name}' if library else f'import {full} as {name}'


def _pythran_type(kind):
    if isinstance(kind, ArrayType):
        return f'{kind.dtype}[{", ".join([":"] * kind.ndim)}]'
    return _TYPES[kind]
