"""The same call given in other ways: arrays of another layout or type, lists, NumPy's numbers for Python's, names for places."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Case = tuple[tuple[Any, ...], dict[str, Any]]

_OTHER_TYPES = {'float64': 'float32', 'float32': 'float64', 'int64': 'int32', 'int32': 'int64', 'uint8': 'int64'}


def variants(case: Case, function: Callable[..., Any]) -> Iterator[tuple[str, Case]]:
    """Each variant with what is different in it. The arguments that are not changed are shared."""
    args, kwargs = case
    for index, value in enumerate(args):
        for what, other in _others(value):
            yield f'argument {index + 1} {what}', ((*args[:index], other, *args[index + 1 :]), kwargs)
    for name, value in kwargs.items():
        for what, other in _others(value):
            yield f'{name} {what}', (args, {**kwargs, name: other})
    names = [
        one.name for one in inspect.signature(function).parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    if args and len(names) >= len(args):
        yield 'all arguments by name', ((), {**dict(zip(names, args)), **kwargs})


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, np.ndarray):
        if value.ndim > 0:
            yield 'as every second place of a longer array', np.repeat(value, 2, axis=-1)[..., ::2]
            yield 'as a list', value.tolist()
        if value.ndim > 1:
            yield 'in Fortran order', np.asfortranarray(value)
        if value.dtype.name in _OTHER_TYPES:
            yield f'as {_OTHER_TYPES[value.dtype.name]}', value.astype(_OTHER_TYPES[value.dtype.name])
        if value.dtype.kind == 'f':
            yield 'as whole numbers', np.rint(np.nan_to_num(value)).astype(np.int64)
        yield 'in the other byte order', value.astype(value.dtype.newbyteorder())
    elif type(value) is float:
        yield 'as a float64', np.float64(value)
        yield 'as a float32', np.float32(value)
        if value.is_integer():
            yield 'as an int', int(value)
    elif type(value) is int:
        yield 'as a float', float(value)
        if abs(value) < 1 << 31:
            yield 'as an int64', np.int64(value)
            yield 'as an int32', np.int32(value)
