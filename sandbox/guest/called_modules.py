"""Modules that tests import and that are somewhere else: each call is looked up in what a candidate's sandbox answered, or noted down to be asked there.

No code of a candidate is here. A call that is not answered yet gives a `Hollow`, with which a test goes on as far as it can, so that many calls
are found in one pass; what such a pass finds of the tests themselves counts for nothing.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.abc
import importlib.machinery
import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from frames import FrameError, decode, encode
from handed_over import Ref, packed, records, unpacked

MOST_CALLS = 20_000
# Calls without an answer that a test makes in one pass.
MOST_OPEN = 1_000
# What an object has under a name, where that is called.
METHOD = object()


class NotKnown(BaseException):
    """What a test does next rests on an answer that is not there yet."""


class Lacking(AssertionError):
    """What a module was to have and has not, or does not survive."""


class CannotPass(TypeError):
    """A value that cannot be handed to a module in another sandbox: a mistake of the test."""


class Hollow:
    """Stands for an answer that is not known yet. Whatever is asserted of it holds."""

    def _yes(self, *_: object) -> bool:
        return True

    def _same(self, *_: object) -> Hollow:
        return self

    def _unknown(self, *_: object) -> Any:
        raise NotKnown

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _yes
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __floordiv__ = __mod__ = __pow__ = __neg__ = __abs__ = __round__ = __getitem__ = _same
    __len__ = __iter__ = __float__ = __int__ = __index__ = __array__ = __str__ = __call__ = _unknown
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = __array_function__ = _same

    def __getattr__(self, _name: str) -> Hollow:
        if _name.startswith('__'):
            raise AttributeError(_name)
        return self


class Calls:
    """The calls that the tests make of modules, and the answers to those of the pass before."""

    def __init__(self, modules: list[str], asked: Path | None, answered: Path | None) -> None:
        self.names = modules
        self.classes: frozenset[str] = frozenset()
        self.test = ''
        self.made: list[dict[str, Any]] = []
        self.is_settled = True
        self._numbers: dict[str, int] = {}
        self._astray: set[str] = set()
        self._types: dict[Ref, str] = {}
        self._open: dict[str, int] = {}
        before = list(records(asked)) if asked is not None and asked.is_file() else []
        said = _said_by(answered) if answered is not None and answered.is_file() else []
        self.described: dict[str, Any] | None = said[0].get('modules') if said else None
        self.problem: str | None = _problem(said, answered)
        self._before = {(each['test'], each['number']): index for index, each in enumerate(before)}
        self._asked = [encode(each) for each in before]
        self._answers = said[1:]

    def is_over(self) -> bool:
        """Whether every call was answered, in this very order."""
        return self.is_settled and [encode(each) for each in self.made] == self._asked

    def ask_itself(self, module: str, ref: Ref, name: str, args: tuple[Any, ...]) -> Any:
        """What an object says where it is compared, or reckoned with. Only one of a class that the tests name may say so: else a number that is
        asked for could be anything that says it is right.
        """
        kind = self._types.get(ref, '')
        if kind not in self.classes:
            raise Lacking(f'{module} gives an object of a class {kind[:40]}, which the tests do not name: {name} is no matter of its own')
        return self.ask(module, ref, name, 'call', args, {})

    def ask(self, module: str, on: Ref | None, name: str, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number = self._numbers.get(self.test, 0)
        self._numbers[self.test] = number + 1
        if len(self.made) >= MOST_CALLS:
            raise CannotPass(f'the tests make more than {MOST_CALLS:,} calls')
        try:
            given = packed(args, _ref_of), packed(kwargs, _ref_of)
            call = {
                **{'test': self.test, 'number': number, 'module': module, 'on': None if on is None else list(on)},
                **{'name': name, 'how': how, 'args': given[0], 'kwargs': given[1]},
            }
            data = encode(call)
        except FrameError as error:
            raise CannotPass(f'{name} is called with {error}, which cannot be handed to a module in another sandbox') from None
        # As it is now: what a test changes afterwards was not given.
        self.made.append(_copied(call))
        index = self._before.get((self.test, number))
        if index is None or self.test in self._astray or self._asked[index] != data:
            self._astray.add(self.test)
            self.is_settled = False
            self._open[self.test] = self._open.get(self.test, 0) + 1
            if self._open[self.test] > MOST_OPEN:
                # A loop may wait for an answer that ends it.
                raise NotKnown
            return Hollow()
        if index >= len(self._answers):
            raise Lacking(f'{module} ended in the call {name}({_shown(args, kwargs)})')
        return self._given(module, (self.test, number), self._answers[index], name, args)

    def _given(self, module: str, ref: Ref, answer: Any, name: str, args: tuple[Any, ...]) -> Any:
        try:
            kind = answer['kind']
            sys.stdout.write(str(answer['printed'])[:1_000_000])
            if kind == 'raised':
                raise self._exception(module, [str(each) for each in answer['types']], str(answer['said']))
            if 'left' in answer:
                for one, left in zip(args, unpacked(answer['left'], lambda ref: self._remote(module, ref)), strict=True):
                    _leave(one, left)
            if kind == 'method':
                return METHOD
            if kind == 'object':
                self._types[ref] = str(answer['type'])
                return self._remote(module, ref)
            return unpacked(answer['value'], lambda ref: self._remote(module, ref))
        except (FrameError, KeyError, TypeError, ValueError) as error:
            if getattr(error, 'of_module', False):
                raise
            raise Lacking(f'{module} answers {name} with what is no value') from None

    def _remote(self, module: str, ref: Ref) -> Remote:
        own = vars(sys.modules[module]).get(self._types.get(ref, ''))
        made: Any = object.__new__(own if isinstance(own, _RemoteClass) else Remote)
        object.__setattr__(made, '_at', (self, module, ref))
        return made

    def _exception(self, module: str, names: list[str], said: str) -> BaseException:
        for name in names:
            own = vars(sys.modules[module]).get(name)
            kind = own if isinstance(own, type) and issubclass(own, Exception) else getattr(builtins, name, None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                try:
                    error = kind(said)
                except TypeError:
                    continue
                error.of_module = True  # type: ignore[attr-defined]
                return error
        error = Exception(said)
        error.of_module = True  # type: ignore[attr-defined]
        return error


class _RemoteClass(type):
    """A class of a module: called, it makes an object there."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        calls, module = cls.__dict__['_crucible']
        return calls.ask(module, None, cls.__name__, 'call', args, kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith('__') or '_crucible' not in cls.__dict__:
            raise AttributeError(name)
        calls, module = cls.__dict__['_crucible']
        return lambda *args, **kwargs: calls.ask(module, None, f'{cls.__name__}.{name}', 'call', args, kwargs)


class Remote:
    """An object that a module made, which stays there."""

    _at: tuple[Calls, str, Ref]

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        calls, module, ref = object.__getattribute__(self, '_at')
        found = calls.ask(module, ref, name, 'get', (), {})
        if found is METHOD:
            return lambda *args, **kwargs: calls.ask(module, ref, name, 'call', args, kwargs)
        return found

    def _asks(name: str) -> Any:  # noqa: N805
        def ask(self: Remote, *args: Any) -> Any:
            calls, module, ref = self._at
            return calls.ask(module, ref, name, 'call', args, {})

        return ask

    def _asks_itself(name: str) -> Any:  # noqa: N805
        def ask(self: Remote, *args: Any) -> Any:
            calls, module, ref = self._at
            return calls.ask_itself(module, ref, name, args)

        return ask

    for _name in ('len', 'getitem', 'setitem', 'delitem', 'str', 'repr', 'call', 'float', 'int', 'enter', 'exit'):
        locals()[f'__{_name}__'] = _asks(f'__{_name}__')
    for _name in (
        *('contains', 'lt', 'le', 'gt', 'ge', 'add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul'),
        *('radd', 'rmul', 'rsub', 'neg', 'abs', 'round', 'bool'),
    ):
        locals()[f'__{_name}__'] = _asks_itself(f'__{_name}__')
    del _name

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Remote):
            calls, module, ref = self._at
            return calls.ask_itself(module, ref, '__eq__', (other,))
        # What an object says of itself is no evidence that it is a list.
        return isinstance(other, (list, tuple)) and list(self) == list(other)

    def __ne__(self, other: object) -> Any:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._at[2])

    def __iter__(self) -> Any:
        calls, module, ref = self._at
        items = calls.ask(module, ref, '__iter__', 'call', (), {})
        if isinstance(items, Hollow):
            raise NotKnown
        return iter(items)


def _said_by(answered: Path) -> list[dict[str, Any]]:
    """The records of a candidate, up to the first that is none."""
    said: list[dict[str, Any]] = []
    try:
        for each in records(answered):
            if not isinstance(each, dict):
                break
            said.append(each)
    except FrameError:
        pass
    return said


def _problem(said: list[dict[str, Any]], answered: Path | None) -> str | None:
    """Why the modules cannot be asked; None where they can, or nobody tried."""
    if answered is None or (said and isinstance(said[0].get('modules'), dict)):
        return None
    return str(said[0].get('problem', 'it answers nothing'))[:2000] if said else 'the module ended while it was imported'


def _ref_of(value: object) -> Ref | None:
    if isinstance(value, Hollow):
        raise NotKnown
    return value._at[2] if isinstance(value, Remote) else None


def _leave(one: Any, left: Any) -> None:
    """Has an argument be what the module left of it."""
    if isinstance(one, np.ndarray) and isinstance(left, np.ndarray) and one.shape == left.shape:
        if not np.array_equal(one, left, equal_nan=one.dtype.kind in 'fc'):
            one[...] = left
    elif isinstance(one, list) and isinstance(left, list):
        one[:] = left
    elif isinstance(one, dict) and isinstance(left, dict) and one != left:
        one.clear()
        one.update(left)
    elif isinstance(one, set) and isinstance(left, set):
        one.clear()
        one.update(left)


def _copied(call: dict[str, Any]) -> dict[str, Any]:
    return decode(bytearray(encode(call)), writable=True)


def _shown(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return ', '.join([*map(repr, args), *(f'{key}={each!r}' for key, each in kwargs.items())])[:200]


class _Elsewhere(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules that are elsewhere."""

    def __init__(self, calls: Calls, names: list[str]) -> None:
        self._calls = calls
        self._names = names

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name in self._names else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module)['_calls'] = self._calls
        known = self._calls.described
        own = (known or {}).get(module.__name__)
        for name, said in own.items() if isinstance(own, dict) else ():
            if isinstance(said, dict) and isinstance(name, str):
                _put(self._calls, module, name, said)


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        calls = vars(self)['_calls']
        if calls.described is None:
            # Nothing was asked yet: this only finds out whether the tests can be read.
            calls.is_settled = False
            raise NotKnown
        raise Lacking(f'the module {self.__name__} has no {name}')


def _put(calls: Calls, module: types.ModuleType, name: str, said: dict[str, Any]) -> None:
    kind = said.get('kind')
    if kind == 'exception':
        bases = [getattr(builtins, str(each), None) for each in said.get('bases', [])]
        base = next((each for each in bases if isinstance(each, type) and issubclass(each, Exception)), Exception)
        vars(module)[name] = type(name, (base,), {})
    elif kind == 'class':
        vars(module)[name] = _RemoteClass(name, (Remote,), {'_crucible': (calls, module.__name__)})
    elif kind == 'function':

        def function(*args: Any, **kwargs: Any) -> Any:
            return calls.ask(module.__name__, None, name, 'call', args, kwargs)

        function.__name__ = name
        vars(module)[name] = function
    elif kind == 'value':
        vars(module)[name] = unpacked(said.get('value'), lambda _: None)


def classes_named(source: str, modules: list[str]) -> frozenset[str]:
    """The names that tests take out of the modules: by `from module import name`, or as `module.name`."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = [each for node in nodes if isinstance(node, ast.Import) for each in node.names]
    as_names = {each.asname or each.name for each in imported if each.name in modules}
    taken = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module in modules]
    return frozenset(
        [
            *(each.name for node in taken for each in node.names),
            *(node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) in as_names),
        ]
    )


def install(calls: Calls, named: list[str]) -> None:
    """Has the modules found that are elsewhere, and what asserts of NumPy's hold of what is not known yet. Those that the user has `named` come
    before any other of that name; what a program wrote beside them stands in for none that is here.
    """
    sys.meta_path.insert(0, _Elsewhere(calls, named))
    sys.meta_path.append(_Elsewhere(calls, [each for each in calls.names if each not in named]))
    for name in dir(np.testing):
        if name.startswith('assert_') and callable(getattr(np.testing, name)):
            setattr(np.testing, name, _held(getattr(np.testing, name)))
    math.isclose = _held(math.isclose)


def _held(function: Any) -> Any:
    @functools.wraps(function)
    def held(*args: Any, **kwargs: Any) -> Any:
        return True if any(isinstance(each, Hollow) for each in args) else function(*args, **kwargs)

    return held
