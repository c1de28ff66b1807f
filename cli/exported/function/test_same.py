"""Compares the faster program with the original, on inputs from the generator and within the tolerance of the job.

    python test_same.py        (or: python -m pytest test_same.py)
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / 'check'))

from programs import SETTINGS, Program, make_cases  # noqa: E402

from comparing import Comparison, Tolerance  # noqa: E402


def test_same() -> None:
    tolerance = Tolerance(**SETTINGS['tolerance'])
    with Program('original') as original, Program('program') as program:
        for number, case in enumerate(make_cases(SETTINGS['testCases'], SETTINGS['seed']), start=1):
            expected, got = original.call(case), program.call(case)
            comparison = Comparison(tolerance)
            comparison.values(expected.answer, got.answer, 'answer')
            comparison.values(expected.arguments, got.arguments, 'arguments afterwards')
            assert comparison.kind == 'right', f'case {number}: {comparison.mismatch()}'


if __name__ == '__main__':
    test_same()
    print(f'The same answers in {SETTINGS["testCases"]} of {SETTINGS["testCases"]} cases.')
