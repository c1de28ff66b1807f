"""Loads a function from somebody's Python file, and tells its failures in that somebody's own lines."""

from __future__ import annotations

import importlib.util
import linecache  # noqa: F401  Tracebacks need it; after the user's folder is on sys.path it could be theirs.
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 8192
_GUEST = os.path.dirname(os.path.abspath(__file__)) + os.sep


class UserCodeError(Exception):
    """A file that gives no function. `kind` is `import` or `function`; `where` is `file.py:12 in name`, or
    the file.
    """

    def __init__(self, kind: str, message: str, where: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.where = where


def load_function(path: Path, name: str) -> Callable[..., Any]:
    """Imports the file at `path`, its folder first on sys.path, and returns its function `name`.

    Raises `UserCodeError` where it does not import, or has no such function.
    """
    path = path.resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    # A file called `queue.py` must not replace the module that others import.
    module_name = path.stem if path.stem not in sys.modules else f'{path.stem}_user'
    if not path.is_file():
        raise UserCodeError('import', f'expected a Python file at {path.name}, found none', path.name)
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserCodeError('import', f'expected a Python file, got {path.name}', path.name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        message = f'{path.name} does not import:\n{tell(error, path.parent)}'
        raise UserCodeError('import', message, where(error, path.parent) or path.name) from None
    function = getattr(module, name, None)
    if function is None:
        there = [key for key, value in vars(module).items() if callable(value) and not key.startswith('_')]
        raise UserCodeError(
            'function', f'{path.name} has no function {name}; it has: {", ".join(there) or "none"}', path.name
        )
    if not callable(function):
        raise UserCodeError(
            'function', f'{name} in {path.name} is a {type(function).__name__}, not a function', path.name
        )
    return function


def leave_names_to_user() -> None:
    """Forgets the modules beside this one, which are loaded: a file of the user's may import a `cases` of its own."""
    folder = os.path.dirname(_GUEST)
    sys.path[:] = [path for path in sys.path if path != folder]
    for name, module in list(sys.modules.items()):
        if os.path.dirname(getattr(module, '__file__', None) or '') == folder and name != '__main__':
            del sys.modules[name]


def show_inputs(folder: Path) -> None:
    """Shows the files below `folder`, read-only, in the working directory as well, where programs look for their inputs."""
    for entry in os.scandir(folder):
        try:
            os.symlink(entry.path, entry.name)
        except OSError:
            pass  # There is one of that name; or there is no room, which the program will meet itself.


def tell(error: BaseException, folder: Path | None = None) -> str:
    """The traceback of `error` without Crucible's own frames, with paths below `folder` shortened; at most
    8 KB.
    """
    try:
        told = traceback.TracebackException.from_exception(error, compact=True)
        _leave_out_guest(told)
        text = ''.join(told.format())
    except BaseException:  # An exception class of the user may fail at anything it is asked.
        text = type(error).__name__
    if folder is not None:
        text = text.replace(f'{folder}{os.sep}', '')
    data = text.strip().encode('utf-8', 'replace')
    if len(data) > MESSAGE_BYTES:
        # The end says what happened, the beginning where it came from.
        data = data[:2000] + '\n… \n'.encode() + data[-(MESSAGE_BYTES - 2100) :]
    return data.decode('utf-8', 'ignore')


def where(error: BaseException, folder: Path) -> str | None:
    """The innermost line below `folder` that `error` passed through: `cases.py:12 in make_case`."""
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(str(folder)):
        return f'{os.path.relpath(error.filename, folder)}:{error.lineno}'
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(f'{folder}{os.sep}')
    ]
    if not lines:
        return None
    return f'{os.path.relpath(lines[-1].filename, folder)}:{lines[-1].lineno} in {lines[-1].name}'


def _leave_out_guest(told: traceback.TracebackException) -> None:
    seen: set[int] = set()
    rest = [told]
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = [
            frame for frame in one.stack if not frame.filename.startswith((_GUEST, '<frozen importlib'))
        ]
        rest += [
            other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None
        ]
