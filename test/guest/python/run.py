"""Runs one of the Python test modules beside this file and prints, as JSON, a list of { title, problem }."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *filter(None, [os.environ.get('TEST_LAYER')]), str(HERE.parents[2] / 'sandbox' / 'guest')]


class Results(unittest.TestResult):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str | None]] = []

    def _add(self, test: unittest.TestCase, error: object) -> None:
        problem = ''.join(traceback.format_exception(*error)) if isinstance(error, tuple) else error
        self.rows.append({'title': test.shortDescription() or test.id(), 'problem': problem})

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._add(test, None)

    def addError(self, test: unittest.TestCase, error: object) -> None:
        self._add(test, error)

    def addFailure(self, test: unittest.TestCase, error: object) -> None:
        self._add(test, error)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._add(test, f'skipped: {reason}')

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, error: object) -> None:
        if error is not None:
            self._add(subtest, error)


def main() -> None:
    os.environ['PYTHONPATH'] = os.environ.get('TEST_LAYER', '')
    results = Results()
    unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(sys.argv[1])).run(results)
    print(json.dumps(results.rows))


if __name__ == '__main__':
    main()
