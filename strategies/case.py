"""The types of the arguments, taken from one sample case."""

import ast
from typing import NamedTuple

import numpy as np

from source import NotApplicable, defaults, parameters


class ArrayType(NamedTuple):
    """An array of a NumPy dtype name (`float64`) with a number of axes."""

    dtype: str
    ndim: int


def argument_types(module, case):
    """Parameter name -> 'bool' | 'int' | 'float' | ArrayType, for a case `{"args": tuple, "kwargs": dict}`.

    Raises NotApplicable where an argument is something else (a list, a string, None), naming it.
    """
    function = module.function
    names = parameters(function)
    given = dict(zip(names, case['args'])) | dict(case['kwargs'])
    unknown = [name for name in given if name not in names]
    if unknown or len(case['args']) > len(names):
        raise NotApplicable(f'the case does not fit {function.name}({", ".join(names)})', function)
    for name, default in defaults(function).items():
        if name not in given:
            given[name] = _default(module, name, default)
    missing = [name for name in names if name not in given]
    if missing:
        raise NotApplicable(f'the case gives no value for {", ".join(missing)}', function)
    return {name: _type_of(function, name, given[name]) for name in names}


def _default(module, name, node):
    number = module.number(node)
    if number is None:
        raise NotApplicable(f'the default of {name} is {ast.unparse(node)}, not a number', node)
    return number


def _type_of(function, name, value):
    match value:
        case bool() | np.bool_():
            return 'bool'
        case np.ndarray():
            if value.dtype.kind not in 'biuf' or value.dtype.itemsize > 8 or value.dtype.name == 'float16':
                raise NotApplicable(f'the argument {name} is an array of {value.dtype}', function)
            if not value.dtype.isnative:
                raise NotApplicable(f'the argument {name} is an array of {value.dtype.str}, in the other byte order', function)
            if not 1 <= value.ndim <= 6:
                raise NotApplicable(f'the argument {name} has {value.ndim} axes', function)
            return ArrayType(value.dtype.name, value.ndim)
        case int() | np.integer():
            return 'int'
        case np.float32():
            return 'float32'
        case float():
            return 'float'
    kind = type(value).__name__
    raise NotApplicable(f'the argument {name} is a {kind}; numbers and NumPy arrays can be compiled', function)
