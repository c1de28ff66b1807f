"""Tests the module as it was tested when it was accepted, on other cases each time: `python -m pytest`. CRUCIBLE_SEED repeats them."""

import os

import crucible_extension as harness
import numpy as np
import pytest

SEED = int(os.environ.get('CRUCIBLE_SEED') or int.from_bytes(os.urandom(4), 'big'))
SPECIFICATION = harness.SPECIFICATION
CASES = SPECIFICATION['cases'] * len(SPECIFICATION['functions'])


def near(got, wanted):
    if isinstance(wanted, (tuple, list)) and wanted and not isinstance(wanted[0], (int, float, str)):
        return len(got) == len(wanted) and all(near(one, other) for one, other in zip(got, wanted))
    kind = np.asarray(wanted).dtype.kind
    if isinstance(wanted, np.ndarray) and (got.dtype != wanted.dtype or got.shape != wanted.shape):
        return False
    if kind not in 'fc':
        return np.array_equal(got, wanted)
    scale = float(np.abs(wanted).max(initial=0.0)) if np.isfinite(wanted).all() else 1.0
    relative = SPECIFICATION['tolerance']
    return np.allclose(got, wanted, rtol=relative, atol=relative * scale, equal_nan=True)


@pytest.mark.parametrize('index', range(CASES))
def test_case(index):
    which, kind, *arguments = harness.make_case(SEED + index, index)
    given = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    answer = harness.call(which, kind, *arguments)
    told = f'{which}, {kind}, CRUCIBLE_SEED={SEED}'
    if SPECIFICATION.get('accepts') is not None and not kind.startswith('example'):
        verdict = harness.accepted(which, kind, *given, answer)
        assert verdict is True or verdict is None, f'{told}: {verdict}'
        return
    wanted = harness.expected(which, kind, *given)
    assert near(answer, wanted), f'{told}: expected {wanted!r}, got {answer!r}'
    assert near(tuple(arguments), tuple(given)), f'{told}: its arguments were changed otherwise'
