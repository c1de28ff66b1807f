"""Runs outlined programs on the sample case beside the original, and says whether their parts were used and the answers are the same.

    try_outlined.py WORK FILE.py FUNCTION

runs WORK/original once, says so, and for each line `PROGRAM<tab>SECONDS` that it reads writes PROGRAM/verdict.json and says so: see
`Trial.run` of `outlined_trial.py`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

work, filename, name = sys.argv[1:]
here = Path(__file__).resolve().parent
sys.path[:0] = ['/sandbox/guest', str(here.parent / 'sandbox/guest'), str(here / 'compiled')]

from frames import decode  # noqa: E402
from user_code import load_function, show_inputs  # noqa: E402

import numpy as np  # noqa: E402

# The copy that every program brings along; loaded once for all.
import python_loops  # noqa: E402

# Seconds: of a call that is made twice; of what a clock may err by.
_SHORT, _SPARE = 5, 0.2


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


def called(function):
    case = decode(bytearray((Path(work) / 'case.frame').read_bytes()), writable=True)
    began = time.perf_counter()
    answer = function(*case['args'], **case['kwargs'])
    return (answer, case['args'], case['kwargs']), time.perf_counter() - began


def original():
    """What the program gives as it was, and the seconds of the quicker of two calls."""
    show_inputs(Path(work) / 'original')
    function = load_function(Path(work) / 'original' / filename, name)
    expected, seconds = called(function)
    if seconds < _SHORT:
        seconds = min(seconds, called(function)[1])
    # The candidates are modules of the same names.
    for module in [each for each, loaded in sys.modules.items() if (getattr(loaded, '__file__', None) or '').startswith(f'{work}/original')]:
        del sys.modules[module]
    sys.path = [each for each in sys.path if not each.startswith(work)]
    return expected, seconds


class TooSlow(BaseException):
    pass


def watch(seconds):
    """Ends a program that its compiled parts, called again and again, make much slower than it was."""
    call, taken = python_loops.Region.__call__, {}

    def watched(region, *values):
        began = time.perf_counter()
        results = call(region, *values)
        # The first call compiles.
        if region in taken:
            taken[region] += time.perf_counter() - began
        taken.setdefault(region, 0.0)
        # Three calls of the program are measured.
        if sum(taken.values()) > 4 * seconds + _SPARE:
            raise TooSlow
        return results

    python_loops.Region.__call__ = watched


def verdict(folder, expected, seconds):
    sys.path.insert(0, folder)
    function = load_function(Path(folder) / filename, name)
    got, _ = called(function)
    for region in python_loops.Region.every:
        if region.refused is not None:
            return {'reason': region.refused[:2000]}
        if not region.used:
            return {'reason': 'this part is not reached'}
    if not same(got, expected, False):
        return {'differs': 'compiled, it gives another answer', 'whole': same(got, expected, True)}
    types = {region.name: region.met for region in python_loops.Region.every}
    return {'seconds': min(called(function)[1] for _ in range(2)), 'original': seconds, 'types': types}


def in_child(folder, limit, expected, seconds):
    """The verdict on a program, written into its folder by a process of its own, which ends by itself when its time is over."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        signal.alarm(limit)
        os.chdir(f'{folder}/.run')
        watch(seconds)
        try:
            found = verdict(folder, expected, seconds)
        except TooSlow:
            found = {'slow': True}
        except Exception as error:
            found = {'reason': f'did not run: {type(error).__name__}: {error}'[:300]}
        (Path(folder) / 'verdict.json').write_text(json.dumps(found))
    finally:
        os._exit(0)


def main():
    # What the program prints is not for whoever waits for answers.
    answers = os.fdopen(os.dup(1), 'w')
    with open(os.devnull, 'w') as nowhere:
        os.dup2(nowhere.fileno(), 1)
    expected, seconds = original()
    print('ready', file=answers, flush=True)
    for line in sys.stdin:
        folder, limit = line.rstrip('\n').split('\t')
        in_child(folder, int(limit), expected, seconds)
        print('done', file=answers, flush=True)


if __name__ == '__main__':
    main()
