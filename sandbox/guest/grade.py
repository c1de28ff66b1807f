"""The grader: judges answers and files against what was expected. It never imports a candidate's code.

    grade.py --plan plan.json --out verdict.json

README.md describes the plan and the verdict. Ends with code 0 and a verdict, whatever the candidate
produced; with code 2 where the plan or the expected side cannot be used, which is nobody's wrong answer.
"""

from __future__ import annotations

import argparse
import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Arguments, decode_case
from comparing import EXACT, Comparison, Tolerance
from comparing_files import compare_file, compare_stdout
from frames import Buffer, FrameError, decode
from verdict import Finding, PlanError, write_verdict


def judge(plan: dict[str, Any]) -> list[Finding]:
    """One finding for each case, file and stream of the plan, in its order. Raises `PlanError`."""
    tolerance = _tolerance(plan['tolerance'])
    findings = [
        judge_case(f'case {index}', case, plan.get('arguments', []), tolerance)
        for index, case in enumerate(plan.get('cases', []))
    ]
    findings += [compare_file(pair, tolerance) for pair in plan.get('files', [])]
    return findings + [compare_stdout(pair, tolerance) for pair in plan.get('stdout', [])]


def judge_case(name: str, case: dict[str, Any], arguments: list[str], tolerance: Tolerance) -> Finding:
    """The finding on one call: its answer, and what it did to its arguments."""
    if case.get('actual') is None:
        return Finding.invalid(name, 'there is no answer')
    try:
        expected = decode(_map(case['expected']), root='the expected answer')
        before = decode_case(_map(case['case']))
        after = decode_case(_map(case['expectedInput'])) if case.get('expectedInput') else before
    except (FrameError, OSError) as error:
        raise PlanError(f'{name}: {error}') from None

    comparison = Comparison(tolerance)
    try:
        comparison.values(expected, decode(_map(case['actual']), root='answer'), 'answer')
        left = decode_case(_map(case['actualInput'])) if case.get('actualInput') else before
    except FrameError as error:
        return Finding.invalid(name, f'the answer cannot be read: {error}')
    except OSError:
        return Finding.invalid(name, 'there is no answer')
    if after is not before or left is not before:
        _judge_arguments(before, after, left, arguments, comparison)
    return Finding.of(name, comparison)


def _judge_arguments(
    before: Arguments, after: Arguments, left: Arguments, names: list[str], comparison: Comparison
) -> None:
    """What the original changes must be changed alike, and what it leaves alone must be left alone."""
    if len(left[0]) != len(before[0]) or set(left[1]) != set(before[1]):
        comparison.reject('the arguments were replaced by others')
        return
    positional = [
        names[index] if index < len(names) else f'argument {index + 1}' for index in range(len(before[0]))
    ]
    places = list(zip(positional, before[0], after[0], left[0]))
    places += [(name, value, after[1][name], left[1][name]) for name, value in before[1].items()]
    for name, original, expected, got in places:
        if _same(original, expected):
            if not _same(original, got):
                comparison.differ(f'changes its argument `{name}`, which the original leaves as it is')
        elif _same(original, got):
            comparison.differ(f'leaves its argument `{name}` as it is, which the original changes')
        else:
            comparison.values(expected, got, name)


def _same(one: Any, other: Any) -> bool:
    comparison = Comparison(EXACT)
    comparison.values(one, other, '')
    # A note is another type for an equal number, which a call that leaves its argument alone cannot bring
    # about.
    return comparison.kind == 'right' and not comparison.notes


def _map(path: str) -> Buffer:
    with Path(path).open('rb') as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b''
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _tolerance(given: dict[str, Any]) -> Tolerance:
    for name in ('relative', 'absolute'):
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise PlanError(f'tolerance.{name}: expected a number of at least 0, got {value!r}')
    return Tolerance(float(given['relative']), float(given['absolute']))


def main() -> None:
    options = argparse.ArgumentParser(description='Judges answers and files.', allow_abbrev=False)
    options.add_argument('--plan', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    write_verdict(judge, chosen.plan, chosen.out)


if __name__ == '__main__':
    main()
