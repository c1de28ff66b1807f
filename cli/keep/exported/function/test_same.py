"""Compares the faster program with the original, on inputs from the generator and within the tolerance of the job; or has its answers
judged by the check that the job had.

    python test_same.py        (or: python -m pytest test_same.py)
"""

import copy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / 'check'))

from programs import FOLDER, SETTINGS, Call, Case, Program, function_of, make_cases  # noqa: E402

from accepting import Check  # noqa: E402
from comparing import Comparison, Scales, Tolerance  # noqa: E402
from variants import variants  # noqa: E402

TOLERANCE = Tolerance(**SETTINGS['tolerance'])
EXACT = SETTINGS['answers'] == 'exact'
# A variant that the original does not answer within so many seconds (float32 may never converge) is left out.
MOST_SECONDS = 30


def test_same() -> None:
    cases = make_cases(SETTINGS['testCases'], SETTINGS['seed'])
    with Program('original') as original, Program('program') as program:
        expected = [original.call(case) for case in cases]
        # How large the numbers are is told by all cases together, as when the program was judged.
        scales = Scales()
        for call in expected:
            scales.add(call.answer, 'answer')
            scales.add(call.arguments, 'arguments afterwards')
        for number, (case, call) in enumerate(zip(cases, expected), start=1):
            got = program.call(case)
            comparison = Comparison(TOLERANCE, EXACT, scales=scales)
            judge_answer(comparison, case, call, got)
            comparison.values(call.arguments, got.arguments, 'arguments afterwards')
            assert comparison.kind == 'right', f'case {number}: {comparison.mismatch()}'


def judge_answer(comparison: Comparison, case: Case, expected: Call, got: Call) -> None:
    if SETTINGS['accepts'] is None:
        comparison.values(expected.answer, got.answer, 'answer')
        return
    module, name = SETTINGS['accepts']['module'], SETTINGS['accepts']['function']
    refusal = Check(FOLDER / 'original' / module, name).refusal(*copy.deepcopy(case), got.answer)
    if refusal is not None:
        comparison.differ(refusal)


def test_other_ways_to_call() -> None:
    """What was compiled for the arguments it was judged with takes all others that the original takes."""
    differing = differing_variants() if SETTINGS['takesWhatTheOriginalTook'] else []
    assert not differing, '\n'.join(differing)


def differing_variants() -> list[str]:
    """In which other ways the first case can be given so that the program does something else than the original."""
    (case,) = make_cases(1, SETTINGS['seed'])
    rest = list(variants(case, function_of('original')))
    differing = []
    while rest:
        with Program('original', MOST_SECONDS) as original, Program('program', 2 * MOST_SECONDS) as program:
            # One that takes too long is left out, and the others get processes of their own.
            try:
                while rest:
                    what, variant = rest.pop(0)
                    difference = _difference(original, program, variant)
                    if difference is not None:
                        differing.append(f'{what}: {difference}')
            except TimeoutError:
                continue
    return differing


def _difference(original: Program, program: Program, variant: Case) -> str | None:
    expected, got = _outcome(original, variant), _outcome(program, variant)
    if isinstance(expected, str) or isinstance(got, str):
        if isinstance(expected, str) and isinstance(got, str):
            return None
        return got if isinstance(got, str) else f'the original raises {expected}'
    comparison = Comparison(TOLERANCE, EXACT)
    judge_answer(comparison, variant, expected, got)
    comparison.values(expected.arguments, got.arguments, 'arguments afterwards')
    return None if comparison.kind == 'right' else comparison.mismatch()


def _outcome(program: Program, variant: Case) -> Call | str:
    """The call, or the error it raises as one line."""
    try:
        return program.call(variant)
    except RuntimeError as error:
        return str(error).strip().splitlines()[-1]


if __name__ == '__main__':
    test_same()
    count = SETTINGS['testCases']
    print(f'{"The same" if SETTINGS["accepts"] is None else "Accepted"} answers in {count} of {count} cases.')
    different = differing_variants()
    for line in different:
        print(f'Not as the original: {line}')
    if not different:
        print('The same where arguments are given in other ways: other layouts, types, lists, by name.')
    elif SETTINGS['takesWhatTheOriginalTook']:
        sys.exit(1)
