"""Runs a user's pytest file on the folders of a program's inputs and of its outputs, which its tests get as the fixtures `inputs` and `outputs`.

It runs in the grader's sandbox, so it tests what was written: no code of a candidate is there to be called. Modules that a candidate wrote are
called in a sandbox of theirs, between one pass of the tests and the next (`called_modules.py`).
"""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from called_modules import Calls, CannotPass, Lacking, NotKnown, classes_named, install
from on_folders import MISTAKES, OnFolders
from user_code import UserCodeError
from verdict import Finding

_MOST_TOLD = 5


class Unsettled(Exception):
    """Tests that make calls which are not answered yet; `calls` are all that they made."""

    def __init__(self, calls: list[dict[str, Any]]) -> None:
        super().__init__()
        self.calls = calls


class _Found:
    """What pytest finds."""

    def __init__(self, calls: Calls | None, seed: int) -> None:
        self._calls = calls
        self._seed = seed
        self.passed = 0
        self.failed: list[str] = []
        self.mistakes: list[str] = []

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        crash = getattr(report.longrepr, 'reprcrash', None)
        said = crash.message if crash is not None else str(report.longrepr)
        place = f'{Path(crash.path).name}:{crash.lineno}' if crash is not None else node.name
        said = said.strip()[:1000]
        error = call.excinfo.value
        if isinstance(error, NotKnown):
            return
        if isinstance(error, Lacking) or getattr(error, 'of_module', False):
            self.failed.append(f'{node.name}: {said.splitlines()[0].removeprefix("Lacking: ")}')
        elif isinstance(error, CannotPass):
            self.mistakes.append(f'{node.name}: {error}')
        elif getattr(report, 'when', 'collect') != 'call' or issubclass(call.excinfo.type, MISTAKES):
            self.mistakes.append(f'{node.name}: {said} ({place})')
        else:
            # What pytest shows below it is how the test came to its values.
            self.failed.append(f'{node.name}: {said.splitlines()[0]} ({place})')

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:
        # Each pass makes the same calls.
        seed = (self._seed + zlib.crc32(item.nodeid.encode())) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        np.random.default_rng = _seeded(seed)
        if self._calls is not None:
            self._calls.test = item.nodeid

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == 'call' and report.passed:
            self.passed += 1


_default_rng = np.random.default_rng


def _seeded(seed: int) -> Any:
    return lambda given=None: _default_rng(seed if given is None else given)


def _fixtures(check: OnFolders) -> Any:
    import pytest

    class Fixtures:
        @pytest.fixture
        def inputs(self) -> Path:
            return check.inputs

        @pytest.fixture
        def outputs(self) -> Path:
            return check.outputs

    return Fixtures()


def _classes(check: OnFolders) -> frozenset[str]:
    try:
        return classes_named((check.folder / check.module).read_text('utf-8'), check.modules)
    except (SyntaxError, ValueError):
        return frozenset()  # pytest says where it is.


def finding_of_tests(check: OnFolders) -> Finding:
    """What the tests find of the outputs: refused where one fails. Raises `UserCodeError` where they are mistaken, whatever the outputs are;
    `Unsettled` where they call a module for what is not answered yet.
    """
    import pytest

    calls = Calls(check.modules, check.asked, check.answered) if check.modules else None
    if calls is not None and calls.problem is not None:
        return Finding.wrong(check.title, calls.problem)
    if calls is not None:
        install(calls, check.named)
        calls.classes = _classes(check)
    found = _Found(calls, check.seed)
    path = str(check.folder / check.module)
    quiet = ['-q', '--no-header', '--no-summary', '--capture=sys', '-p', 'no:cacheprovider', '-W', 'ignore']
    code = pytest.main([*quiet, '-c', '/dev/null', '--rootdir', str(check.folder), path], plugins=[found, _fixtures(check)])
    if found.mistakes:
        raise UserCodeError('function', f'{check.module}: {found.mistakes[0]}: a mistake of the tests themselves', check.module)
    if calls is not None and not calls.is_over():
        if check.answered is not None:
            raise Unsettled(calls.made)
        return Finding.wrong(check.title, f'{check.module} tests {", ".join(check.modules)}, which is not there')
    if found.failed:
        more = len(found.failed) - _MOST_TOLD
        told = '; '.join(found.failed[:_MOST_TOLD]) + (f'; and {more} more' if more > 0 else '')
        count = len(found.failed) + found.passed
        return Finding.wrong(check.title, f'{len(found.failed)} of {count} tests in {check.module} failed: {told}')
    if code != 0 or found.passed == 0:
        raise UserCodeError('function', f'{check.module}: expected a test that is run, found none: def test_…(inputs, outputs)', check.module)
    return Finding(check.title, checked=found.passed)
