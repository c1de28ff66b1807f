"""Tests an extension module: makes cases by its specification, answers by a slow reference, and calls the module.

As `crucible_extension.py` it stands beside `crucible_extension.json`: among the files of the job, where reference and check are; and in the
program, where the module is. No file is in both but these two.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

_HERE = Path(__file__).resolve().parent
SPECIFICATION = json.loads((_HERE / 'crucible_extension.json').read_text('utf-8'))
REFUSED = 'refused'
RAN = 'ran'
_PYTHON = {'int', 'float', 'bool', 'str'}
# Odd ones, so that what is worked off in blocks has a rest.
_SIZES = [1, 2, 3, 5, 8, 13, 17, 33]
_TURNED = ('strided', 'transposed')
# What each kind of type is told apart by: a float64 that is given as float32 must not be taken.
_OTHERS = {'float64': 'float32', 'float32': 'float64', 'int64': 'int32', 'int32': 'int64', 'complex128': 'complex64'}


def make_case(seed: int, index: int) -> tuple[Any, ...]:
    """The case `index`: the name of a function, what is tested by it, and its arguments."""
    random = np.random.default_rng(seed)
    functions = SPECIFICATION['functions']
    function = functions[index % len(functions)]
    turn = index // len(functions)
    kinds = kinds_of(function)
    if turn >= SPECIFICATION['cases'] - 1:
        kind = 'large'
    else:
        kind = kinds[turn] if turn < len(kinds) else 'right'
    return (function['name'], kind, *_arguments(function, kind, random))


def kinds_of(function: dict[str, Any]) -> list[str]:
    """What is tested of a function first, in order; after that its answers to more cases."""
    arrays = [each for each in function['arguments'] if _is_array(each)]
    names = _lengths(function)
    tested = [f'example {number}' for number in range(len(function['examples']))] + ['right'] * 6
    if any(_may_be_empty(name) for name in names):
        tested += ['empty']
    # What is changed in place cannot be a copy of what is laid out otherwise.
    if arrays and function.get('returns') is not None:
        tested += list(_TURNED)
    tested += [f'dtype {each["name"]}' for each in arrays] + [f'axes {each["name"]}' for each in arrays]
    return tested + [f'length {each["name"]} {name}' for each, name in _mismatches(function)][: 32 - len(tested)]


def expected(which: str, kind: str, *arguments: Any) -> Any:
    """What is right: by the reference, by an example, or that it is refused."""
    function = _function(which)
    if _is_wrong(kind):
        return _refusal(function, kind)
    if kind.startswith('example'):
        said = function['examples'][int(kind.split()[1])]['returns']
        answer = _typed_all(function, said)
        if SPECIFICATION['reference'] is not None:
            _require_agreement(function, _by_reference(function, kind, arguments), answer, kind)
        return answer
    if SPECIFICATION['reference'] is not None:
        return _by_reference(function, kind, arguments)
    return RAN if SPECIFICATION.get('accepts') is None else _unknown(which, kind, arguments)


def call(which: str, kind: str, *arguments: Any) -> Any:
    """What the module answers; that it refuses, where that is asked for or is as right."""
    module = importlib.import_module(SPECIFICATION['name'])
    function = getattr(module, which, None)
    if function is None:
        raise AttributeError(f'the module {SPECIFICATION["name"]} has no function {which}')
    if kind in _TURNED and _takes(function, arguments, kind):
        arguments = tuple(_turned(each, kind) for each in arguments)
    try:
        answer = function(*arguments)
    except MemoryError:
        raise
    except Exception:
        if _is_wrong(kind):
            return _refusal(_function(which), kind)
        if kind == 'empty':
            return REFUSED if SPECIFICATION['compared'] else RAN
        said = ', '.join(_words(each) if isinstance(each, np.ndarray) else repr(each)[:60] for each in arguments)
        print(f'it was called as {which}({said})', file=sys.stderr)
        raise
    if isinstance(_function(which).get('returns'), list) and isinstance(answer, list):
        answer = tuple(answer)
    if kind.startswith('example') or SPECIFICATION['compared'] or _is_wrong(kind):
        return answer
    problem = _wrong_type(_function(which), answer)
    if problem is not None:
        raise TypeError(f'{which} returns {problem}')
    return RAN


def _takes(function: Any, arguments: tuple[Any, ...], kind: str) -> bool:
    """Whether a function takes arrays that are laid out otherwise, which it may refuse as well."""
    try:
        function(*(_turned(each, kind) for each in arguments))
    except (TypeError, ValueError):
        return False
    return True


def accepted(which: str, kind: str, *arguments: Any) -> bool | str:
    """What the user's check says of an answer, which is the last of `arguments`."""
    *given, answer = arguments
    function = _function(which)
    if _is_wrong(kind):
        refusal = _refusal(function, kind)
        return True if isinstance(answer, str) and answer == refusal else f'expected {refusal}, got {_words(answer)}'
    if isinstance(answer, str) and answer == REFUSED:
        return kind == 'empty'
    if isinstance(answer, str) and answer == _unknown(which, kind, tuple(given)):
        return True
    problem = _wrong_type(function, answer)
    if problem is not None:
        return f'{which} returns {problem}'
    module, name = SPECIFICATION['accepts']
    return getattr(_user_module(module), name)(which, tuple(given), answer)


def _refusal(function: dict[str, Any], kind: str) -> str:
    """What stands for a refusal, which says what is to be refused: short, for a verdict shows no more of a text."""
    what, name, *more = kind.split()
    argument = next(each for each in function['arguments'] if each['name'] == name)
    dtype = argument['dtype']
    told = {
        'dtype': f'is {_OTHERS.get(dtype, "float64")}, not {dtype}',
        'axes': 'has an axis too many',
        'length': f'differs in {more[0][:8] if more else ""}',
    }
    return f'{REFUSED}: `{name[:20]}` {told[what]}'


def _unknown(which: str, kind: str, arguments: tuple[Any, ...]) -> str:
    """Stands for an answer that nobody knows. Only who has the key can tell it, and no program has."""
    said = repr([SPECIFICATION['key'], which, kind, [str(each) for each in arguments]])
    return f'unknown {hashlib.sha256(said.encode()).hexdigest()}'


def _by_reference(function: dict[str, Any], kind: str, arguments: tuple[Any, ...]) -> Any:
    called = getattr(_user_module(SPECIFICATION['reference']), function['name'])
    try:
        answer = called(*arguments)
    except Exception:
        if kind == 'empty':
            return REFUSED
        raise
    problem = _wrong_type(function, answer)
    if problem is not None:
        raise TypeError(f'{function["name"]} in {SPECIFICATION["reference"]} returns {problem}')
    return _plain(function, answer)


def _require_agreement(function: dict[str, Any], answer: Any, said: Any, kind: str) -> None:
    pairs = zip(answer, said) if isinstance(said, tuple) else [(answer, said)]
    for one, other in pairs:
        near = np.allclose(one, other, rtol=1e-6, atol=1e-9) if np.asarray(other).dtype.kind in 'fc' else np.array_equal(one, other)
        if not near:
            number = int(kind.split()[1]) + 1
            raise ValueError(
                f'example {number} of {function["name"]} says {other!r}, and {SPECIFICATION["reference"]} gives {one!r}'
            )


def _user_module(path: str) -> Any:
    folder = str((_HERE / path).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(Path(path).stem)


def _wrong_type(function: dict[str, Any], answer: Any) -> str | None:
    """What an answer is in place of what the specification says; None where it is that."""
    returns = function.get('returns')
    if returns is None:
        return None if answer is None else f'{_words(answer)}: expected None'
    if isinstance(returns, list):
        if not isinstance(answer, (tuple, list)) or len(answer) != len(returns):
            return f'{_words(answer)}: expected {len(returns)} values'
        found = (_wrong_value(one, each) for one, each in zip(returns, answer))
        return next((each for each in found if each is not None), None)
    return _wrong_value(returns, answer)


def _wrong_value(wanted: dict[str, Any], answer: Any) -> str | None:
    dtype, shape = wanted['dtype'], wanted.get('shape')
    said = dtype if shape is None else f'{dtype}[{", ".join(map(str, shape))}]'
    if dtype in _PYTHON and shape is not None:
        right = isinstance(answer, list)
    elif shape is None:
        kinds = {'str': str, 'bool': bool, 'int': int, 'float': (float, int)}
        right = isinstance(answer, kinds.get(dtype, (int, float, complex, np.generic)))
    else:
        right = isinstance(answer, np.ndarray) and answer.dtype == np.dtype(dtype) and answer.ndim == len(shape)
    return None if right else f'{_words(answer)}: expected {said}'


def _words(answer: Any) -> str:
    if isinstance(answer, np.ndarray):
        return f'{answer.dtype}[{", ".join(map(str, answer.shape))}]'
    return type(answer).__name__


def _plain(function: dict[str, Any], answer: Any) -> Any:
    """An answer as an extension gives it: one value is one of Python's, an array is laid out by rows."""
    returns = function.get('returns')
    if isinstance(returns, list):
        return tuple(_plain_value(one, each) for one, each in zip(returns, answer))
    return None if returns is None else _plain_value(returns, answer)


def _plain_value(wanted: dict[str, Any], answer: Any) -> Any:
    if wanted.get('shape') is None:
        return _typed(wanted, answer)
    return np.ascontiguousarray(answer) if isinstance(answer, np.ndarray) else answer


def _typed_all(function: dict[str, Any], said: Any) -> Any:
    returns = function.get('returns')
    if returns is None:
        return None
    if isinstance(returns, list):
        return tuple(_typed(one, each) for one, each in zip(returns, said, strict=True))
    return _typed(returns, said)


def _typed(wanted: dict[str, Any], said: Any) -> Any:
    dtype, shape = wanted['dtype'], wanted.get('shape')
    if dtype in _PYTHON and shape is not None:
        return list(said)
    if shape is None:
        made = {'str': str, 'bool': bool, 'int': int}.get(dtype)
        if made is not None:
            return made(said)
        kind = np.dtype(dtype).kind if dtype != 'float' else 'f'
        return {'f': float, 'c': complex, 'b': bool}.get(kind, int)(said)
    array = np.array(said, dtype=dtype)
    return array.reshape([0] * len(shape)) if array.size == 0 and array.ndim != len(shape) else array


def _function(which: str) -> dict[str, Any]:
    return next(each for each in SPECIFICATION['functions'] if each['name'] == which)


def _is_wrong(kind: str) -> bool:
    return kind.split()[0] in ('dtype', 'axes', 'length')


def _is_array(argument: dict[str, Any]) -> bool:
    return argument.get('shape') is not None and argument['dtype'] not in _PYTHON


def _lengths(function: dict[str, Any]) -> list[str]:
    names = [name for each in function['arguments'] for name in each.get('shape') or [] if isinstance(name, str)]
    return list(dict.fromkeys(names))


def _tested(name: str) -> list[int]:
    return SPECIFICATION['sizes'].get(name, {}).get('tested') or _SIZES


def _may_be_empty(name: str) -> bool:
    said = SPECIFICATION['sizes'].get(name, {}).get('tested')
    return said is None or 0 in said


def _mismatches(function: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Arrays with an axis as long as one of another argument: of another length, they must be refused."""
    found = []
    seen: set[str] = set()
    for each in function['arguments']:
        named = [name for name in each.get('shape') or [] if isinstance(name, str)]
        found += [(each, name) for name in dict.fromkeys(named) if name in seen and _is_array(each)]
        seen.update(named)
    return found


def _arguments(function: dict[str, Any], kind: str, random: np.random.Generator) -> list[Any]:
    given = function['arguments']
    if kind.startswith('example'):
        said = function['examples'][int(kind.split()[1])]['arguments']
        return [_typed(one, each) for one, each in zip(given, said)]
    lengths = _chosen_lengths(function, kind, random)
    if any(not isinstance(each.get('shape'), list) and each['dtype'] == 'int' and each['name'] in lengths for each in given):
        lengths = {name: max(1, length) for name, length in lengths.items()} if kind != 'empty' else lengths
    what, *named = kind.split()
    made = []
    for each in given:
        is_meant = bool(named) and each['name'] == named[0]
        shape = [lengths[one] if isinstance(one, str) else one for one in each.get('shape') or []]
        if is_meant and what == 'length':
            shape = [length + 1 if name == named[1] else length for name, length in zip(each['shape'], shape)]
        value = _drawn(each, shape, lengths, random)
        if is_meant and what == 'dtype':
            value = value.astype(_OTHERS.get(each['dtype'], 'float64'))
        if is_meant and what == 'axes':
            value = value[None]
        made.append(value)
    return made


def _chosen_lengths(function: dict[str, Any], kind: str, random: np.random.Generator) -> dict[str, int]:
    names = _lengths(function)
    if kind == 'large':
        return {name: _measured(function, name) for name in names}
    lengths = {name: int(random.choice(_tested(name))) for name in names}
    if _is_wrong(kind):
        return {name: max(2, length) for name, length in lengths.items()}
    if kind == 'empty':
        empty = [name for name in names if _may_be_empty(name)]
        lengths[empty[0]] = 0
    return lengths


def _measured(function: dict[str, Any], name: str) -> int:
    said = SPECIFICATION['sizes'].get(name, {})
    if said.get('measured') is not None:
        return said['measured']
    if said.get('tested') is not None:
        return max(said['tested'])
    axes = max((len(each.get('shape') or []) for each in function['arguments']), default=1)
    return {1: 1000, 2: 60, 3: 20}.get(max(axes, len(_lengths(function))), 8)


def _drawn(argument: dict[str, Any], shape: list[int], lengths: dict[str, int], random: np.random.Generator) -> Any:
    dtype = argument['dtype']
    if argument.get('shape') is None:
        if dtype == 'int' and argument['name'] in lengths:
            return lengths[argument['name']]
        return _scalar(argument, random)
    if dtype in _PYTHON:
        return _listed(argument, shape, random)
    kind = np.dtype(dtype).kind
    if kind == 'b':
        return random.integers(0, 2, shape).astype(bool)
    low, high = _bounds(argument, kind)
    if kind in 'iu':
        # Largest first where a type has no room for the bound itself.
        return random.integers(math.ceil(low), math.floor(high), shape, dtype=np.int64, endpoint=True).astype(dtype)
    values = random.uniform(low, high, shape)
    if kind == 'c':
        values = values + 1j * random.uniform(low, high, shape)
    return np.ascontiguousarray(values.astype(dtype))


def _bounds(argument: dict[str, Any], kind: str) -> tuple[float, float]:
    low, high = argument.get('minimum'), argument.get('maximum')
    if low is None:
        low = 0 if kind == 'u' else min(-10, high if high is not None else -10)
    return low, max(low, 10) if high is None else high


def _scalar(argument: dict[str, Any], random: np.random.Generator) -> Any:
    dtype = argument['dtype']
    if dtype == 'str':
        low, high = argument.get('minimum'), argument.get('maximum')
        length = int(random.integers(int(low or 0), int(20 if high is None else high), endpoint=True))
        return ''.join(random.choice(list('abcdefghijklmnopqrstuvwxyz ,.XYZ019é')) for _ in range(length))
    kind = 'f' if dtype == 'float' else 'i' if dtype == 'int' else np.dtype(dtype.replace('bool_', 'bool')).kind
    if kind == 'b':
        return bool(random.integers(0, 2))
    low, high = _bounds(argument, kind)
    if kind in 'iu':
        return int(random.integers(math.ceil(low), math.floor(high), endpoint=True))
    value = float(random.uniform(low, high))
    return value if kind == 'f' else complex(value, float(random.uniform(low, high)))


def _listed(argument: dict[str, Any], shape: list[int], random: np.random.Generator) -> Any:
    if not shape:
        return _scalar(argument, random)
    return [_listed(argument, shape[1:], random) for _ in range(shape[0])]


def _turned(value: Any, kind: str) -> Any:
    """The same numbers, laid out otherwise: with gaps, or the first axis fastest."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    if kind == 'transposed':
        return np.asfortranarray(value)
    wide = np.zeros((*value.shape[:-1], value.shape[-1] * 2 + 1), value.dtype)
    wide[..., : value.shape[-1] * 2 : 2] = value
    return wide[..., : value.shape[-1] * 2 : 2]
