"""Runs somebody's own code and keeps what a function of theirs was called with."""

import ast
import builtins
import contextlib
import copy
import doctest
import functools
import importlib.util
import inspect
import os
import runpy
import signal
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

from cases import decode_case, encode_case
from frames import FrameError
from user_code import UserCodeError, load_function

# The first calls are kept, and of those that follow one for every doubling: a function may be called a million times.
_FIRST = 64
# Calls that a generator is made from: more tell little more.
_MOST = 16
# Seconds that somebody's own code may run; what was called until then counts.
RECORDING_SECONDS = 120

_HOOK = '__crucible_note_calls__'


class Call(NamedTuple):
    args: tuple
    kwargs: dict
    # None where the call did not come to its end.
    seconds: float | None


class NoCalls(Exception):
    """Somebody's code made no call that can be used; in words that follow `FILE: `."""


class _Enough(BaseException):
    """The time for somebody's own code is over."""


class Notes:
    """The calls of one function, as frames: what it later changes of its arguments is not seen in them."""

    def __init__(self):
        self.count = 0
        self.kept = []
        self.refused = None
        self.inside = False

    def decorate(self, function):
        @functools.wraps(function)
        def noting(*args, **kwargs):
            # Of a function that calls itself the outermost call counts.
            if self.inside:
                return function(*args, **kwargs)
            place = self._keep(args, kwargs)
            self.inside = True
            began = time.perf_counter()
            try:
                result = function(*args, **kwargs)
                if place is not None:
                    self.kept[place][1] = time.perf_counter() - began
                return result
            finally:
                self.inside = False

        return noting

    def _keep(self, args, kwargs):
        self.count += 1
        if self.count > _FIRST and self.count & (self.count - 1):
            return None
        try:
            self.kept.append([bytes(encode_case(args, kwargs)), None])
        except FrameError as error:
            self.refused = self.refused or str(error)
            return None
        return len(self.kept) - 1

    def calls(self):
        """The calls that differ and came to their end, the longest first."""
        seen = {}
        for frame, seconds in self.kept:
            if seconds is not None and frame not in seen:
                seen[frame] = seconds
        longest = sorted(seen.items(), key=lambda each: -each[1])[:_MOST]
        return [Call(*decode_case(bytearray(frame), writable=True), seconds) for frame, seconds in longest]


def _with_hook(text, path, name):
    tree = ast.parse(text, path)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            statement.decorator_list.insert(0, ast.copy_location(ast.Name(_HOOK, ast.Load()), statement))
    return compile(ast.fix_missing_locations(tree), path, 'exec')


@contextlib.contextmanager
def _noting(path, name):
    """While this lasts, the file at `path` is imported with its function `name` noting its calls."""
    notes = Notes()
    get_code = SourceFileLoader.get_code

    def hooked(loader, fullname):
        own = loader.get_filename(fullname)
        if os.path.realpath(own) != os.path.realpath(path):
            return get_code(loader, fullname)
        return _with_hook(Path(own).read_bytes(), own, name)

    def enough(_number, _frame):
        raise _Enough

    setattr(builtins, _HOOK, notes.decorate)
    SourceFileLoader.get_code = hooked
    before = copy.copy(sys.argv), copy.copy(sys.path), os.getcwd()
    _forget_modules(path.parent)
    earlier = signal.signal(signal.SIGALRM, enough)
    signal.alarm(RECORDING_SECONDS)
    try:
        with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
            yield notes
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)
        SourceFileLoader.get_code = get_code
        sys.argv[:], sys.path[:] = before[0], before[1]
        _forget_modules(path.parent)
        os.chdir(before[2])


def _forget_modules(folder):
    """What was imported with the hook must not be met by what runs without it, nor the other way round."""
    for name, module in list(sys.modules.items()):
        if name != '__main__' and os.path.realpath(getattr(module, '__file__', None) or '').startswith(f'{folder}{os.sep}'):
            del sys.modules[name]


def calls_of_command(path, name, script, arguments):
    """The calls of `name` in the file at `path` that `python script arguments…` makes. Raises NoCalls."""
    failure = None
    with _noting(path, name) as notes:
        sys.argv[:] = [str(script), *arguments]
        sys.path.insert(0, str(script.parent))
        try:
            if script.resolve() == path:
                _run_as_main(path, name)
            else:
                runpy.run_path(str(script), run_name='__main__')
        except _Enough:
            failure = f'it ran longer than {RECORDING_SECONDS} s'
        except SystemExit as leaving:
            failure = f'it left with {leaving.code!r}' if leaving.code else None
        except BaseException as error:
            failure = f'it raised {type(error).__name__}: {error}'
    return _usable(notes, name, failure)


def _run_as_main(path, name):
    code = _with_hook(path.read_bytes(), str(path), name)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('__main__', SourceFileLoader('__main__', str(path))))
    own = sys.modules['__main__']
    sys.modules['__main__'] = module
    try:
        exec(code, vars(module))
    finally:
        sys.modules['__main__'] = own


def calls_of_docstring(path, name):
    """The calls that the examples in the docstrings of the file at `path` make of `name`. Raises NoCalls."""
    examples = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, (ast.FunctionDef, ast.Module)):
            text = ast.get_docstring(node) or ''
            with contextlib.suppress(ValueError):
                examples += [each.source for each in doctest.DocTestParser().get_examples(text)]
    if not any(name in each for each in examples):
        raise NoCalls(f'no example in a docstring calls {name}')
    with _noting(path, name) as notes:
        scope, failure = {}, None
        try:
            scope.update(inspect.unwrap(load_function(path, name)).__globals__)
        except UserCodeError as error:
            failure = str(error)
        for each in examples if failure is None else []:
            with contextlib.suppress(Exception):
                exec(compile(each, '<example>', 'exec'), scope)
    return _usable(notes, name, failure)


def _usable(notes, name, failure):
    calls = notes.calls()
    if calls:
        return calls
    if notes.refused is not None:
        raise NoCalls(f'{name} is called with what cannot be passed on: {notes.refused}')
    before = f': {failure}' if failure else ''
    if notes.count:
        raise NoCalls(f'no call of {name} came to its end{before}')
    raise NoCalls(f'{name} was never called{before}')
