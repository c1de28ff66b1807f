"""Runs a user's pytest file on the folders of a program's inputs and of its outputs, which its tests get as the fixtures `inputs` and `outputs`.

It runs in the grader's sandbox, so it tests what was written: no code of a candidate is there to be called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from on_folders import MISTAKES, OnFolders
from user_code import UserCodeError
from verdict import Finding

_MOST_TOLD = 5


class _Found:
    """What pytest finds."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self.mistakes: list[str] = []

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        crash = getattr(report.longrepr, 'reprcrash', None)
        said = crash.message if crash is not None else str(report.longrepr)
        place = f'{Path(crash.path).name}:{crash.lineno}' if crash is not None else node.name
        said = said.strip()[:1000]
        if getattr(report, 'when', 'collect') != 'call' or issubclass(call.excinfo.type, MISTAKES):
            self.mistakes.append(f'{node.name}: {said} ({place})')
        else:
            # What pytest shows below it is how the test came to its values.
            self.failed.append(f'{node.name}: {said.splitlines()[0]} ({place})')

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == 'call' and report.passed:
            self.passed += 1


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


def finding_of_tests(check: OnFolders) -> Finding:
    """What the tests find of the outputs: refused where one fails. Raises `UserCodeError` where they are mistaken, whatever the outputs are."""
    import pytest

    found = _Found()
    path = str(check.folder / check.module)
    quiet = ['-q', '--no-header', '--no-summary', '--capture=sys', '-p', 'no:cacheprovider', '-W', 'ignore']
    code = pytest.main([*quiet, '-c', '/dev/null', '--rootdir', str(check.folder), path], plugins=[found, _fixtures(check)])
    if found.mistakes:
        raise UserCodeError('function', f'{check.module}: {found.mistakes[0]}: a mistake of the tests themselves', check.module)
    if found.failed:
        more = len(found.failed) - _MOST_TOLD
        told = '; '.join(found.failed[:_MOST_TOLD]) + (f'; and {more} more' if more > 0 else '')
        count = len(found.failed) + found.passed
        return Finding.wrong(check.title, f'{len(found.failed)} of {count} tests in {check.module} failed: {told}')
    if code != 0 or found.passed == 0:
        raise UserCodeError('function', f'{check.module}: expected a test that is run, found none: def test_…(inputs, outputs)', check.module)
    return Finding(check.title, checked=found.passed)
