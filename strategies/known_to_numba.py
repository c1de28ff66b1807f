"""What Numba does not compile, with its line: Numba itself is asked which functions it knows."""

import ast
import builtins
import functools
import importlib

from source import NotApplicable

# The libraries of which Numba has versions of its own.
_LIBRARIES = ('numpy', 'math', 'cmath', 'random')


def require_known_to_numba(module):
    """Raises NotApplicable, with the construct and its line, where a function or a helper uses what Numba does not compile."""
    for function in module.reachable():
        nodes = [node for node in ast.walk(function) if isinstance(node, (ast.GeneratorExp, ast.Call))]
        for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
            if isinstance(node, ast.GeneratorExp):
                raise NotApplicable(f'{function.name} uses a generator, which Numba does not compile: write it as a loop', node)
            _require_known_call(module, function, node)


def _require_known_call(module, function, call):
    name = module.full_name(call.func)
    if name is None or name in module.functions or '.' not in name and name in module.imports.values():
        return
    if name == 'random.seed':
        raise NotApplicable(f'{function.name} calls random.seed, after which Numba draws other numbers than Python', call)
    library = name.partition('.')[0]
    if (library in _LIBRARIES or '.' not in name) and not _is_known(name):
        raise NotApplicable(f'{function.name} calls {name}, which Numba does not compile', call)


@functools.cache
def _is_known(name):
    """Whether Numba has a version of a builtin (`len`) or of a library's function (`numpy.zeros`)."""
    try:
        value = _found(name)
    except (AttributeError, ImportError):
        # There is no such function: the program itself fails there.
        return True
    if isinstance(value, type) and issubclass(value, BaseException):
        return True
    try:
        return _numba_types().resolve_value_type(value) is not None
    except (ValueError, TypeError):
        return False


def _found(name):
    library, *path = name.split('.') if '.' in name else ('builtins', name)
    value = builtins if library == 'builtins' else importlib.import_module(library)
    return functools.reduce(getattr, path, value)


@functools.cache
def _numba_types():
    """Numba's table of what it knows; loading it takes about a second, so that is done where it is needed."""
    from numba.core.registry import cpu_target

    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()
    return cpu_target.typing_context
