"""Runs an outlined program on the sample case beside the original, and says whether its parts were used and the answers are the same.

    try_outlined.py WORK PROGRAM FILE.py FUNCTION

writes PROGRAM/verdict.json: see `Trial.run` of `outline_loops.py`.
"""

import json
import math
import sys
import time
from pathlib import Path

work, folder, filename, name = sys.argv[1:]
here = Path(__file__).resolve().parent
sys.path[:0] = [folder, '/sandbox/guest', str(here.parent / 'sandbox/guest')]

from frames import decode  # noqa: E402
from user_code import load_function, show_inputs  # noqa: E402

import numpy as np  # noqa: E402


def same(got, expected, whole):
    """Whether two answers are the same; `whole`: an integer and a float of one value count as one."""
    if isinstance(expected, (list, tuple)):
        return type(got) is type(expected) and len(got) == len(expected) and all(same(one, two, whole) for one, two in zip(got, expected))
    if isinstance(expected, dict):
        return type(got) is type(expected) and list(got) == list(expected) and all(same(got[key], expected[key], whole) for key in expected)
    if isinstance(expected, np.ndarray):
        return isinstance(got, np.ndarray) and got.dtype == expected.dtype and got.shape == expected.shape and close(got, expected)
    if isinstance(expected, (int, float, complex, np.generic)):
        kinds = {np.result_type(got).kind, np.result_type(expected).kind} if isinstance(got, (int, float, complex, np.generic)) else set('xy')
        if len(kinds) > 1 and not (whole and kinds == {'i', 'f'}):
            return False
        return close(got, expected) if kinds & set('fc') else got == expected
    return type(got) is type(expected) and got == expected


def close(got, expected):
    return bool(np.allclose(got, expected, rtol=1e-9, atol=1e-300, equal_nan=True)) if np.size(expected) else True


def plain(value):
    return all(map(plain, value)) if isinstance(value, (list, tuple)) else not isinstance(value, float) or math.isfinite(value)


def called(function):
    case = decode(bytearray((Path(work) / 'case.frame').read_bytes()), writable=True)
    began = time.perf_counter()
    answer = function(*case['args'], **case['kwargs'])
    return (answer, case['args'], case['kwargs']), time.perf_counter() - began


def verdict():
    # The original has the same name in another folder, so it goes first and alone.
    stem = Path(filename).stem
    sys.path[0] = f'{work}/original'
    show_inputs(Path(work) / 'original')
    original = load_function(Path(work) / 'original' / filename, name)
    expected, seconds = called(original)
    for module in [each for each, loaded in sys.modules.items() if (getattr(loaded, '__file__', None) or '').startswith(f'{work}/original')]:
        del sys.modules[module]
    sys.path = [folder, *(each for each in sys.path if not each.startswith(work))]
    function = load_function(Path(folder) / filename, name)
    import python_loops

    got, _ = called(function)
    for region in python_loops.Region.every:
        if region.refused is not None:
            return {'reason': region.refused[:2000]}
        if not region.used:
            return {'reason': 'this part is not reached'}
    if not same(got, expected, False):
        return {'differs': 'compiled, it gives another answer', 'whole': same(got, expected, True)}
    _, again = called(function)
    types = {region.name: region.met for region in python_loops.Region.every}
    return {'seconds': min(again, called(function)[1]), 'original': seconds, 'types': types}


if __name__ == '__main__':
    (Path(folder) / 'verdict.json').write_text(json.dumps(verdict()))
