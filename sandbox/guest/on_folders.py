"""Calls a function of the user's with the folders of a program's inputs and of its outputs.

It runs in the grader's sandbox, which holds bytes and no code of a candidate. Its files stand in the working directory, as they do
where the user runs it.
"""

from __future__ import annotations

import dis
import inspect
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from comparing import describe
from user_code import UserCodeError, load_function, where
from verdict import Finding

_MOST_REASON = 1000
_RAISE = dis.opmap['RAISE_VARARGS']
# What no outputs can bring about: the function would fail on any.
MISTAKES = (NameError, ImportError, SyntaxError)


class OnFolders:
    """The function `name` in the file `module` of `folder`. It takes `inputs` and `outputs`, and by name whatever else it is called with.

    Raises `UserCodeError` where there is no such function, or it takes something else.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.folder = Path(plan['folder'])
        self.inputs, self.outputs = (_folder(Path(plan[name])) for name in ('inputs', 'outputs'))
        os.chdir(self.folder)
        path = self.folder / plan['module']
        self.title = f'{plan["name"]} in {plan["module"]}'
        self.module = plan['module']
        # A file of tests is pytest's to load.
        self.is_tests = plan.get('tests', False)
        # Modules that tests call, which are in another sandbox; what was asked of them, and what they answered.
        self.modules: list[str] = plan.get('modules', [])
        self.named: list[str] = plan.get('named', self.modules)
        self.asked, self.answered = (Path(plan[name]) if plan.get(name) else None for name in ('asked', 'answered'))
        self.seed: int = plan.get('seed', 0)
        self._function = None if self.is_tests else load_function(path, plan['name'])

    def __call__(self, **more: Any) -> Any:
        """What the function returns, given the two folders and as much of `more` as it has parameters for."""
        given = {'inputs': self.inputs, 'outputs': self.outputs, **more}
        try:
            parameters = inspect.signature(self._function).parameters.values()
        except (TypeError, ValueError):
            return self._function(self.inputs, self.outputs)
        if any(each.kind is each.VAR_KEYWORD for each in parameters):
            return self._function(**given)
        named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        needed = [each.name for each in parameters if each.default is each.empty and each.name in named]
        if 'outputs' in named and set(needed) <= set(given):
            return self._function(**{name: given[name] for name in named if name in given})
        values = list(given.values())
        if not len(needed) <= len(values) or len(named) < 2:
            raise UserCodeError(
                'function',
                f'{self.title} takes ({", ".join(named)}): expected ({", ".join(given)}), two folders',
                self.module,
            )
        return self._function(*values[: len(named)])

    def place(self, error: BaseException) -> str:
        """The line of the user's that `error` came from: `check.py:12 in check`."""
        return where(error, self.folder.resolve()) or where(error, self.folder) or self.module

    def is_raised(self, error: BaseException) -> bool:
        """Whether the user's own code raised it on purpose, by `raise` or `assert`."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is None:
            return False
        code = trace.tb_frame.f_code
        own = os.path.abspath(code.co_filename).startswith(f'{self.folder.resolve()}{os.sep}')
        return own and code.co_code[trace.tb_lasti] == _RAISE


def _folder(path: Path) -> Path:
    """`path`, or an empty folder where a job has no inputs, or a program wrote nothing."""
    return path if path.is_dir() else Path(tempfile.mkdtemp(prefix=f'{path.name}-'))


def said_by(function: OnFolders, **more: Any) -> tuple[Any, Finding | None]:
    """What the user's function returns, or what is found of the outputs where it raises. Raises `UserCodeError` where it is mistaken,
    whatever the outputs are.

    Where it fails of itself it does not accept them either: it may not have expected such outputs.
    """
    try:
        return function(**more), None
    except UserCodeError:
        raise
    except MISTAKES as error:
        raise UserCodeError(
            'function', f'{function.place(error)}: {_told(error)}: a mistake of the check itself', function.place(error)
        ) from None
    except BaseException as error:
        return None, _raised(function, error)


def finding_of(check: OnFolders) -> Finding:
    """What the user's check finds of the outputs: it refuses them in words, by False, or by raising. Raises `UserCodeError`."""
    said, refused = said_by(check)
    if refused is not None:
        return refused
    if said is None or (isinstance(said, (bool, np.bool_)) and said):
        return Finding(check.title, checked=1)
    if isinstance(said, (bool, np.bool_)):
        return Finding.wrong(check.title, f'{check.title} does not accept the outputs')
    if isinstance(said, str) and said.strip():
        return Finding.wrong(check.title, f'{check.title} says: {said.strip()[:_MOST_REASON]}')
    raise UserCodeError(
        'function',
        f'{check.title} returned {describe(said)}: expected None or True where the outputs are right, False or in words why not',
        check.title,
    )


def _raised(check: OnFolders, error: BaseException) -> Finding:
    told, place = _told(error), check.place(error)
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        if error.args in ((), (0,), (None,)):
            raise UserCodeError('function', f'{place}: it ends the process: expected it to return, or to raise', place)
        return Finding.wrong(check.title, f'{check.title} says: {error.args[0]!s:.1000}')
    if isinstance(error, AssertionError) or check.is_raised(error):
        # What a check says is for whoever mends the program; its own text is not.
        said = str(error).strip()[:_MOST_REASON] or ('what is asserted there does not hold' if isinstance(error, AssertionError) else told)
        return Finding.wrong(check.title, f'{check.title} says: {said} ({place})')
    return Finding.invalid(
        check.title, f'{check.title} fails on the outputs at {place}: {told}; either they are not what it expects, or it is mistaken'
    )


def _told(error: BaseException) -> str:
    try:
        said = str(error).strip()
    except BaseException:  # A class of the user's may fail at anything it is asked.
        said = ''
    name = type(error).__name__
    return f'{name}: {said[:_MOST_REASON]}' if said else name
