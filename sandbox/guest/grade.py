"""The grader: judges answers and files against what was expected, or answers by the user's own check. It never imports a candidate's
code.

    grade.py --plan plan.json --out verdict.json

README.md describes the plan and the verdict. Ends with code 0 and a verdict, whatever the candidate
produced; with code 2 where the plan or the expected side cannot be used, which is nobody's wrong answer.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any

_GUEST = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _GUEST)
from accepting import Check
from cases import Arguments, decode_case
from comparing import EXACT, Comparison, Scales, Tolerance, constant_place
from comparing_files import compare_file, compare_stdout
from frames import Buffer, FrameError, decode, what_is_known
from otherwise_right import otherwise_right
from user_code import UserCodeError, leave_names_to_user
from validate import validate
from verdict import Finding, PlanError, write_verdict


def judge(plan: dict[str, Any]) -> list[Finding]:
    """One finding for each case, file and stream of the plan, in its order. Raises `PlanError`."""
    tolerance, exact = _tolerance(plan['tolerance']), _exact(plan['answers'])
    check = _check(plan['accepts']) if plan.get('accepts') is not None else None
    findings = judge_cases(plan.get('cases', []), plan.get('arguments', []), tolerance, exact, check)
    findings += [judge_file(pair, tolerance, exact) for pair in plan.get('files', [])]
    return findings + [compare_stdout(pair, tolerance) for pair in plan.get('stdout', [])]


def judge_cases(
    cases: list[dict[str, Any]], arguments: list[str], tolerance: Tolerance, exact: bool, check: Check | None = None
) -> list[Finding]:
    """One finding for each call. All of them together say how large the numbers of each place are. Where there is a `check`, it
    judges the answers, and what a call does to its arguments is compared all the same.
    """
    if check is not None:
        _require_use(cases, check)
    scales, given = Scales(), Scales()
    for index, case in enumerate(cases):
        expected, before, after = _trusted(f'case {index}', case)
        scales.add(_truth(case, expected), 'answer')
        if after is not before:
            for name, _, value, _ in _places(before, after, before, arguments):
                scales.add(value, name)
    _require_agreement(cases, tolerance, exact, scales)
    findings = []
    for index, case in enumerate(cases):
        comparison = Comparison(tolerance, exact, scales=scales, given=given)
        findings.append(_judge_case(f'case {index}', case, arguments, comparison, check))
    if len(findings) > 1 and all(finding.kind == 'right' for finding in findings):
        constant = constant_place(scales, given) if check is None else _constant_answer(cases)
        if constant is not None:
            findings[0].kind, findings[0].mismatch = 'wrong', f'and in every other case, {constant}'
    return findings


def judge_file(pair: dict[str, Any], tolerance: Tolerance, exact: bool) -> Finding:
    """The finding on one file of a script: it is compared with the original's, and must pass the check that its pair has."""
    finding = compare_file(pair, tolerance, exact)
    check = pair.get('check')
    if check is None or pair.get('expected') is None or finding.kind != 'right':
        return finding
    name = finding.name
    original = validate({**check, 'path': pair['path'], 'file': pair['expected']})
    if original.kind != 'right':
        raise PlanError(f'{pair["path"]} as the original writes it: {original.mismatch}')
    found = validate({**check, 'path': pair['path'], 'file': pair['actual']})
    return finding if found.kind == 'right' else Finding.invalid(name, found.mismatch or '')


def _judge_case(
    name: str, case: dict[str, Any], arguments: list[str], comparison: Comparison, check: Check | None
) -> Finding:
    """The finding on one call: its answer, and what it did to its arguments."""
    if case.get('actual') is None:
        return Finding.invalid(name, 'there is no answer')
    expected, before, after = _trusted(name, case)
    try:
        if check is None:
            answer = _answer(case['actual'], 'answer')
            truth = _truth(case, expected)
            comparison.values(truth, answer, 'answer')
            if comparison.kind == 'wrong':
                comparison.hint = otherwise_right(truth, answer) or _nearer(case, comparison, expected)
        else:
            _judge_accepted(case, check, comparison)
        left = _arguments(case['actualInput']) if case.get('actualInput') else before
    except FrameError as error:
        return Finding.invalid(name, f'the answer cannot be read: {error}')
    except OSError:
        return Finding.invalid(name, 'there is no answer')
    if after is not before or left is not before:
        _judge_arguments(before, after, left, arguments, comparison)
    _judge_keeping(case, comparison)
    return Finding.of(name, comparison)


def _truth(case: dict[str, Any], expected: Any) -> Any:
    """What an answer is compared with: that of the job's own oracle, or where it has none the original's."""
    if case.get('exact') is None:
        return expected
    try:
        return _answer(case['exact'], 'the answer of the oracle')
    except (FrameError, OSError) as error:
        raise PlanError(str(error)) from None


def _require_agreement(cases: list[dict[str, Any]], tolerance: Tolerance, exact: bool, scales: Scales) -> None:
    """Raises `PlanError` where the original does not agree with the job's own oracle: what is timed is compared with the original."""
    for index, case in enumerate(cases):
        if case.get('exact') is None:
            continue
        expected, _, _ = _trusted(f'case {index}', case)
        comparison = Comparison(tolerance, exact, scales=scales)
        comparison.values(_truth(case, expected), expected, 'answer')
        if comparison.kind != 'right':
            raise PlanError(
                f'the original does not agree with the oracle within the tolerance: case {index}, {comparison.mismatch()} '
                '(expected: the oracle; got: the original); make the tolerance as large as the original is off'
            )


def _nearer(case: dict[str, Any], comparison: Comparison, expected: Any) -> str | None:
    """Which of a refused answer and the original's is nearer to the oracle's; None where there is no oracle, or no error to compare."""
    if case.get('exact') is None or comparison.largest is None:
        return None
    other = Comparison(comparison.tolerance, comparison.exact, scales=comparison.scales)
    other.values(_truth(case, expected), expected, 'answer')
    if other.largest is None:
        return None
    here, there = comparison.largest.absolute, other.largest.absolute
    nearer = 'the original is nearer' if there < here else 'this is nearer' if here < there else 'both are equally near'
    return f'expected is the answer of the oracle, from which this is off by {here:.3g} and the original by {there:.3g} at most: {nearer}'


def _check(given: dict[str, Any]) -> Check:
    """The user's check. Its folder is the working directory from now on, as it is where the user runs it."""
    path = Path(given['path'])
    try:
        os.chdir(given['folder'])
        return Check(path, given['name'])
    except (UserCodeError, OSError) as error:
        raise PlanError(str(error)) from None


def _require_use(cases: list[dict[str, Any]], check: Check) -> None:
    """Raises `PlanError` where the check does not accept what the original answers, or accepts nothing (None) in its place."""
    told_apart = []
    for index, case in enumerate(cases):
        expected, _, _ = _trusted(f'case {index}', case)
        refusal = check.refusal(*_arguments(case['case']), expected)
        if refusal is not None:
            raise PlanError(f'the answer of the original to case {index} is not accepted: {refusal}')
        if expected is not None and not any(told_apart):
            told_apart.append(check.refusal(*_arguments(case['case']), None) is not None)
    if told_apart and not any(told_apart):
        raise PlanError(f'{check.title} accepts None in place of every answer, so it would accept any program')


def _judge_accepted(case: dict[str, Any], check: Check, comparison: Comparison) -> None:
    """Has the check judge an answer. The original's own answer is known to be accepted."""
    comparison.checked += 1
    answer = _answer(case['actual'], 'answer')
    if _hash(case['actual']) == _hash(case['expected']):
        return
    refusal = check.refusal(*_arguments(case['case']), answer)
    if refusal is not None:
        comparison.differ(refusal)


def _constant_answer(cases: list[dict[str, Any]]) -> str | None:
    """What is wrong where every answer is the same, and the original's are not: that is no answer, whatever the check accepts."""
    # What is asked twice says more than its answer.
    plain = [case for case in cases if 'shares' not in what_is_known(_map(case['expected']))]
    given, expected = ({_hash(case[side]) for case in plain} for side in ('actual', 'expected'))
    return 'gives one and the same answer, which the original does not' if len(given) == 1 < len(expected) else None


def _hash(path: str) -> bytes:
    return hashlib.sha256(_map(path)).digest()


def _trusted(name: str, case: dict[str, Any]) -> tuple[Any, Arguments, Arguments]:
    """The expected answer, and the arguments as they were and as the original leaves them."""
    try:
        expected = _answer(case['expected'], 'the expected answer')
        before = _arguments(case['case'])
        return expected, before, _arguments(case['expectedInput']) if case.get('expectedInput') else before
    except (FrameError, OSError) as error:
        raise PlanError(f'{name}: {error}') from None


def _judge_arguments(
    before: Arguments, after: Arguments, left: Arguments, names: list[str], comparison: Comparison
) -> None:
    """What the original changes must be changed alike, and what it leaves alone must be left alone."""
    if len(left[0]) != len(before[0]) or set(left[1]) != set(before[1]):
        comparison.reject('the arguments were replaced by others')
        return
    for name, original, expected, got in _places(before, after, left, names):
        if _same(original, expected):
            if not _same(original, got):
                comparison.differ(f'changes its argument `{name}`, which the original leaves as it is')
        elif _same(original, got):
            comparison.differ(f'leaves its argument `{name}` as it is, which the original changes')
        else:
            comparison.values(expected, got, name)


def _judge_keeping(case: dict[str, Any], comparison: Comparison) -> None:
    """What a call shares with its arguments and with the call before, and what it changes of its process, where it was asked twice."""
    expected = what_is_known(_map(case['expected']))
    if 'shares' not in expected:
        return
    got = what_is_known(_map(case['actual']))
    shares, changed = got.get('shares'), got.get('changes')
    if not isinstance(shares, list) or not isinstance(changed, dict):
        comparison.reject('it was asked twice, and does not say what it shares and changes')
        return
    if 'answers' in shares and 'answers' not in expected['shares']:
        comparison.differ('two calls answer with the same memory, so that the second overwrites the first; the original gives new memory each time')
    if 'arguments' in shares and 'arguments' not in expected['shares']:
        comparison.differ('its answer shares memory with an argument; that of the original does not')
    for what, how in changed.items():
        if what not in expected['changes']:
            comparison.differ(f'changes {what!s:.100} for the whole process ({how!s:.150}), which the original leaves as it is')


def _places(
    before: Arguments, after: Arguments, left: Arguments, names: list[str]
) -> list[tuple[str, Any, Any, Any]]:
    """Each argument by its name: as it was, as the original leaves it, and as the candidate does."""
    positional = [
        names[index] if index < len(names) else f'argument {index + 1}' for index in range(len(before[0]))
    ]
    places = list(zip(positional, before[0], after[0], left[0]))
    return places + [(name, value, after[1][name], left[1][name]) for name, value in before[1].items()]


def _same(one: Any, other: Any) -> bool:
    comparison = Comparison(EXACT, exact=True)
    comparison.values(one, other, '')
    # A note is another type for an equal number, which a call that leaves its argument alone cannot bring
    # about.
    return comparison.kind == 'right' and not comparison.notes


def _map(path: str) -> Buffer:
    with Path(path).open('rb') as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b''
        # A copy as soon as it is written to, so that only what is marked as read-only is read-only.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _answer(path: str, root: str) -> Any:
    return decode(_map(path), writable=True, root=root)


def _arguments(path: str) -> Arguments:
    return decode_case(_map(path), writable=True)


def _exact(given: Any) -> bool:
    if given not in ('exact', 'equal'):
        raise PlanError(f'answers: expected exact or equal, got {given!r}')
    return given == 'exact'


def _tolerance(given: dict[str, Any]) -> Tolerance:
    for name in ('relative', 'absolute'):
        value = given[name] if name == 'relative' else given.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise PlanError(f'tolerance.{name}: expected a number of at least 0, got {value!r}')
    absolute = given.get('absolute')
    return Tolerance(float(given['relative']), None if absolute is None else float(absolute))


def main() -> None:
    options = argparse.ArgumentParser(description='Judges answers and files.', allow_abbrev=False)
    options.add_argument('--plan', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    leave_names_to_user()
    # A check is run in another folder.
    write_verdict(judge, chosen.plan.resolve(), chosen.out.resolve())


if __name__ == '__main__':
    main()
