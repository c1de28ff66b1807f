"""Runs programs in an interpreter that has done its imports (see README.md).

    warm.py --cold PRELOAD PROGRAM ARGS…    in an interpreter of its own: the preload, then the program
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import types
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location


def preload(path: str) -> None:
    """Runs the file once, as a module that stays importable by its name."""
    name = os.path.basename(path).removesuffix('.py')
    spec = spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError(f'expected a Python file, got {path}')
    module = module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(path)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)


def run_program(path: str, arguments: list[str]) -> int:
    """Runs the file as `python FILE ARGUMENTS…` does, and returns its exit code; exit handlers have run then."""
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(path))
    code = _outcome(path)
    try:
        threading._shutdown()
    finally:
        atexit._run_exitfuncs()
    return code


def _outcome(path: str) -> int:
    main = types.ModuleType('__main__')
    main.__file__ = path
    main.__builtins__ = __builtins__
    sys.modules['__main__'] = main
    try:
        with open(path, 'rb') as file:
            code = compile(file.read(), path, 'exec')
        exec(code, main.__dict__)
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        # Without the frames of this file.
        frames = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(frames), frames)
        return 1
    return 0


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def end(code: int) -> None:
    """Ends the process at once: taking large libraries down takes longer than many a program."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code)


if __name__ == '__main__':
    if sys.argv[1] == '--cold':
        _, _, first, program, *rest = sys.argv
        preload(first)
        end(run_program(program, rest))
