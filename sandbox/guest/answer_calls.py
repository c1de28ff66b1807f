"""Answers the calls that tests made of modules: imports them, makes the calls in order, and writes what came of each.

    answer_calls.py --modules a,b --calls FILE --out FILE

It runs in a candidate's sandbox, beside no test; its record file is what the candidate says. The first record tells what the modules have.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import itertools
import operator
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import user_code
from frames import FrameError, encode
from handed_over import Ref, packed, records, unpacked, write_record

_MOST_SAID = 2000
_MOST_ITEMS = 100_000


# What Python does of itself where an object has no method of that name.
_OPERATORS: dict[str, Callable[..., Any]] = {
    **{f'__{each.__name__}__': each for each in (bool, len, str, repr, abs, round, float, int)},
    **{
        f'__{name}__': getattr(operator, name)
        for name in (
            *('getitem', 'setitem', 'delitem', 'contains', 'eq', 'lt', 'le', 'gt', 'ge', 'neg'),
            *('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul'),
        )
    },
    **{'__radd__': lambda one, other: other + one, '__rsub__': lambda one, other: other - one},
    '__rmul__': lambda one, other: other * one,
}


class _Objects:
    """What calls gave that cannot be handed over: it stays here, under the call's name."""

    def __init__(self) -> None:
        self._by_ref: dict[Ref, Any] = {}
        self._refs: dict[int, Ref] = {}

    def keep(self, ref: Ref, value: object) -> None:
        self._by_ref[ref] = value
        self._refs[id(value)] = ref

    def of(self, ref: Ref) -> Any:
        if ref not in self._by_ref:
            raise FrameError('expected what an earlier call gave')
        return self._by_ref[ref]

    def ref_of(self, value: object) -> Ref | None:
        ref = self._refs.get(id(value))
        return ref if ref is not None and self._by_ref.get(ref) is value else None


def _described(value: object) -> dict[str, Any] | None:
    """What a name of a module stands for; None where it is left out."""
    if isinstance(value, types.ModuleType):
        return None
    if isinstance(value, type) and issubclass(value, BaseException):
        return {'kind': 'exception', 'bases': _names_of(value)}
    if isinstance(value, type):
        return {'kind': 'class'}
    if callable(value):
        return {'kind': 'function'}
    try:
        given = packed(value, lambda _: None)
        encode(given)
        return {'kind': 'value', 'value': given}
    except (FrameError, RecursionError):
        return {'kind': 'object'}


def _names_of(kind: type) -> list[str]:
    return [each.__name__ for each in kind.__mro__ if each is not object]


def _called(target: Any, call: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if call['name'] == '__iter__':
        return list(itertools.islice(target, _MOST_ITEMS))
    if call['name'] in _OPERATORS:
        return _OPERATORS[call['name']](target, *args)
    found = operator.attrgetter(call['name'])(target)
    return found if call['how'] == 'get' else found(*args, **kwargs)


def _answer(call: dict[str, Any], ref: Ref, objects: _Objects) -> dict[str, Any]:
    args, kwargs = unpacked(call['args'], objects.of), unpacked(call['kwargs'], objects.of)
    before = encode(call['args'])
    target = importlib.import_module(call['module']) if call['on'] is None else objects.of(tuple(call['on']))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = _called(target, call, args, kwargs)
            # A generator is gone through where it is.
            if isinstance(value, types.GeneratorType) or type(value) in (map, filter, zip):
                value = list(value)
    except Exception as error:
        said = str(error)[:_MOST_SAID]
        return {'kind': 'raised', 'types': _names_of(type(error)), 'said': said, 'printed': printed.getvalue()}
    answer = {'kind': 'value', 'printed': printed.getvalue()}
    try:
        left = packed(args, objects.ref_of)
        if encode(left) != before:
            answer['left'] = left
    except FrameError:
        pass
    if call['how'] == 'get' and callable(value) and not isinstance(value, type):
        return {**answer, 'kind': 'method'}
    try:
        given = packed(value, objects.ref_of)
        encode(given)
        return {**answer, 'value': given}
    except (FrameError, RecursionError):
        objects.keep(ref, value)
        return {**answer, 'kind': 'object', 'type': type(value).__name__}


def main() -> None:
    options = argparse.ArgumentParser(description='Answers the calls of tests.', allow_abbrev=False)
    options.add_argument('--modules', required=True)
    options.add_argument('--calls', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    tell = user_code.tell
    names = chosen.modules.split(',')
    calls = list(records(chosen.calls)) if chosen.calls.is_file() else []
    user_code.leave_names_to_user()
    folder = Path.cwd()
    sys.path.insert(0, str(folder))
    sys.argv = [names[0]]
    with chosen.out.open('wb') as out:
        described: dict[str, Any] = {}
        for name in names:
            try:
                module = importlib.import_module(name)
            except BaseException as error:
                said = tell(error, folder).splitlines()[-1]
                write_record(out, {'problem': f'{name} does not import: {said}'[:_MOST_SAID]})
                return
            found = {key: _described(value) for key, value in vars(module).items() if not key.startswith('__')}
            described[name] = {key: each for key, each in found.items() if each is not None}
        write_record(out, {'modules': described})
        objects = _Objects()
        for call in calls:
            write_record(out, _answer(call, (call['test'], call['number']), objects))
    os._exit(0)


if __name__ == '__main__':
    main()
