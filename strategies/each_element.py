"""Compiles what `np.vectorize(f)` calls for each element, and `np.apply_along_axis(f, axis, a)` for each row, with the loop around it."""

import ast
import copy

from array_passes import changed_names, replaced
from known_to_numba import require_known_to_numba
from source import NotApplicable, edited, parsed, require_numeric, require_own_calls, require_positional

_LOOPS = {'numpy.vectorize': '_each_element', 'numpy.apply_along_axis': '_each_row'}

_RUNTIME = '''
_COMPILED_TYPES = (np.float64, np.int64, np.bool_)


def _same_result(compiled, expected, given):
    """Whether compiled code takes some arguments and gives a result of the same type and shape."""
    try:
        got = np.asarray(compiled(*given))
    except numba.core.errors.NumbaError:
        return False
    return got.dtype == expected.dtype and got.shape == expected.shape and got.dtype in _COMPILED_TYPES


class _EachElement:
    """As `np.vectorize`, by a compiled loop for arrays of float64, int64 and bool."""

    def __init__(self, compiled, function):
        self.compiled, self.function, self.plain = compiled, function, np.vectorize(function)

    def __call__(self, *args, **kwargs):
        arrays = [np.asanyarray(each) for each in args]
        if kwargs or not arrays or any(type(each) is not np.ndarray or each.dtype not in _COMPILED_TYPES for each in arrays):
            return self.plain(*args, **kwargs)
        arrays = np.broadcast_arrays(*arrays)
        if arrays[0].ndim == 0 or arrays[0].size == 0:
            return self.plain(*args)
        flat = tuple(np.ravel(each) for each in arrays)
        first = [each[0] for each in flat]
        expected = np.asarray(self.function(*first))
        if expected.ndim > 0 or not _same_result(self.compiled, expected, first):
            return self.plain(*args)
        out = np.empty(arrays[0].shape, expected.dtype)
        _EACH[len(flat)](self.compiled, out.reshape(-1), *flat)
        return out


def _each_element(compiled):
    return lambda function: _EachElement(compiled, function)


def _each_row(compiled):
    """As `np.apply_along_axis`, by a compiled loop for arrays of float64, int64 and bool."""

    def call(function, axis, array):
        given = np.asanyarray(array)
        if type(given) is not np.ndarray or given.dtype not in _COMPILED_TYPES or given.ndim < 2 or given.size == 0:
            return np.apply_along_axis(function, axis, array)
        moved = np.moveaxis(given, axis, -1)
        rows = moved.reshape(-1, moved.shape[-1])
        expected = np.asarray(function(rows[0]))
        if expected.ndim > 1 or not _same_result(compiled, expected, [rows[0]]):
            return np.apply_along_axis(function, axis, array)
        out = np.empty((len(rows), *expected.shape), expected.dtype)
        (_each_number if expected.ndim == 0 else _each_array)(compiled, out, rows)
        out = out.reshape(*moved.shape[:-1], *expected.shape)
        return out if expected.ndim == 0 else np.moveaxis(out, -1, axis)

    return call


@numba.njit
def _each_number(function, out, rows):
    for i in range(len(rows)):
        out[i] = function(rows[i])


@numba.njit
def _each_array(function, out, rows):
    for i in range(len(rows)):
        out[i, :] = function(rows[i])
'''


def compile_each(module):
    """(the module with compiled loops for such calls, notes, why others stay). The module is the same where there are none."""
    edits, copies, notes, reasons = [], {}, [], []
    for place, inner, loop, around in _uses(module):
        try:
            name, texts = _compiled(module, inner, loop, around)
        except NotApplicable as reason:
            reasons.append(reason)
            continue
        copies |= texts
        edits.append((*module.span(place), f'{loop}({name})'))
        notes.append(f'compiled the loop of {ast.unparse(place)} over {getattr(inner, "name", "a lambda")}')
    if not edits:
        return module, [], reasons
    first = min(function.decorator_list[0].lineno if function.decorator_list else function.lineno for function in module.functions.values())
    at = module.position(min(first, min(module.text.count('\n', 0, start) + 1 for start, _, _ in edits)), 0)
    # Of a statement that is no function, the first line is its own.
    at = min([at, *(module.span(each)[0] for each in module.tree.body if not _is_head(each))])
    text = '\n\n'.join([_RUNTIME.strip('\n') + '\n', _element_loops(copies), *copies.values()])
    edits += [module.import_edit(['import numba', 'import numpy as np']), (at, at, f'{text}\n\n\n')]
    made = edited(module.text, edits)
    parsed(made, module.filename)
    return module.rewritten(made), notes, reasons


def _is_head(statement):
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    decorated = getattr(statement, 'decorator_list', [])
    return docstring or bool(decorated) or isinstance(statement, (ast.Import, ast.ImportFrom))


def _uses(module):
    """Yields (what to replace, the function inside, the name of its loop, the top-level statement around)."""
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef) and len(statement.decorator_list) == 1:
            decorator = statement.decorator_list[0]
            if module.full_name(decorator) == 'numpy.vectorize':
                yield decorator, statement, '_each_element', None
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call) or node.keywords:
                continue
            name = module.full_name(node.func)
            if name not in _LOOPS or len(node.args) != (1 if name == 'numpy.vectorize' else 3):
                continue
            inner = node.args[0]
            if isinstance(inner, ast.Name):
                inner = module.functions.get(inner.id, inner)
            yield node.func, inner, _LOOPS[name], statement


def _bound(statement):
    """The names that a statement binds below the top level."""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    names |= {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    return names | {node.name for node in ast.walk(statement) if isinstance(node, ast.FunctionDef) and node is not statement}


def _compiled(module, inner, loop, around):
    """(the compiled function's name, the texts of it and its helpers by name). Raises NotApplicable."""
    match inner:
        case ast.FunctionDef() if around is None or inner.name not in _bound(around):
            lifted = copy.deepcopy(inner)
            lifted.decorator_list = []
        case ast.Lambda():
            own = {argument.arg for argument in inner.args.args}
            free = {node.id for node in ast.walk(inner.body) if isinstance(node, ast.Name)} - own
            # What it takes from around it would be frozen at the first call.
            if free & _bound(around):
                raise NotApplicable(f'the lambda uses {sorted(free & _bound(around))[0]} of the function around it', inner)
            lifted = ast.FunctionDef(f'lambda_{inner.lineno}_{inner.col_offset}', inner.args, [ast.Return(inner.body)], [], lineno=1)
        case _:
            raise NotApplicable(f'{ast.unparse(inner)[:60]} is no function of this file', inner)
    original, lifted.name = lifted.name, module.fresh(f'_{lifted.name}_of_one')
    given = lifted.args
    if given.defaults or given.vararg or given.kwarg or given.posonlyargs or (loop == '_each_row' and len(given.args) != 1):
        raise NotApplicable(f'{original} takes more than the plain parameters that a loop gives it', inner)
    if loop == '_each_row' and given.args[0].arg in changed_names(lifted.body):
        raise NotApplicable(f'{original} changes the row it is given', inner)
    whole = module.rewritten(f'{module.text}\n\n\n{ast.unparse(ast.fix_missing_locations(lifted))}\n', lifted.name)
    try:
        require_numeric(whole)
        require_positional(whole, 'Numba')
        require_own_calls(whole, ('numpy', 'math', 'cmath'), 'Numba')
        require_known_to_numba(whole)
    except NotApplicable as reason:
        raise NotApplicable(f'{original} is not compiled: {reason}', inner) from None
    names = {function.name: module.fresh(f'_{function.name}_compiled') for function in whole.reachable()}
    return names[lifted.name], {names[each.name]: _copy(each, names) for each in whole.reachable()}


def _copy(function, names):
    made = copy.deepcopy(function)
    made.name = names[function.name]
    made = replaced(made, lambda node: ast.Name(names[node.id], node.ctx) if isinstance(node, ast.Name) and node.id in names else None)
    return f'@numba.njit\n{ast.unparse(ast.fix_missing_locations(made))}\n'


def _element_loops(copies):
    """The loops over one array, two and so on, as far as the compiled functions have parameters."""
    most = max(len(ast.parse(text).body[0].args.args) for text in copies.values())
    parts = []
    for count in range(1, most + 1):
        arrays = [f'array_{number}' for number in range(count)]
        parts.append(
            f'@numba.njit\ndef _each_{count}(function, out, {", ".join(arrays)}):\n    for i in range(len(out)):\n'
            f'        out[i] = function({", ".join(f"{array}[i]" for array in arrays)})\n'
        )
    table = ', '.join(f'{count}: _each_{count}' for count in range(1, most + 1))
    return '\n\n'.join([*parts, f'_EACH = {{{table}}}\n'])
