"""Estimates whether a tolerance leaves room for float32: the program answers its sample case as it is, and with all fractions rounded to float32.

    precision_room.py FILE.py FUNCTION CASE.frame RELATIVE [ABSOLUTE]

prints the error as a multiple of what the tolerance allows, where it is largest. It is a lower bound: the arithmetic rounds, too.
"""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np

_HERE = Path(__file__).resolve().parent

# Seconds for both calls; where they take longer nothing is said, and the grader has the word.
_MOST_SECONDS = 20
# Of what is allowed: the arithmetic errs by about as much again as the rounding of what goes in.
_ROOM = 0.5
_HALF_UNIT = 2.0**-24


def why_no_room(path, name, case, tolerance):
    """Why single precision is not worth trying under a tolerance `RELATIVE[,ABSOLUTE]`, in words; None where it is, or nobody knows."""
    argv = [sys.executable, '-I', '-B', __file__, str(path), name, str(case), *tolerance.split(',')]
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=_MOST_SECONDS)
        error = float(ended.stdout.strip().split('\n')[-1]) if ended.returncode == 0 else 0.0
    except (subprocess.TimeoutExpired, ValueError):
        return None
    if error <= _ROOM:
        return None
    if math.isinf(error):
        return f'with its numbers rounded to float32 {name} answers the sample case with other whole numbers, texts or shapes'
    return (
        f'in float32 {name} would be off by at least {error:.2g} times what the tolerance allows on the sample case; '
        f'a tolerance {math.ceil(error / _ROOM)} times as wide would let it be tried'
    )


def error_of(expected, got, relative, absolute=None):
    """The largest error as a multiple of what is allowed, by the grader's rule; infinite where more than fractions differ."""
    one, other = list(_leaves(expected)), list(_leaves(got))
    if len(one) != len(other):
        return math.inf
    fractions, largest = [], 0.0
    for first, second in zip(one, other):
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and first.dtype.kind in 'fc' and first.shape == second.shape:
            fractions.append((first.astype(complex).ravel(), second.astype(complex).ravel()))
        elif not np.array_equal(first, second):
            return math.inf
    numbers = np.concatenate([first for first, _ in fractions]) if fractions else np.zeros(0)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size == 0:
        return largest
    scale = float(np.sqrt(np.mean(np.abs(numbers) ** 2)))
    allowed = relative * 1e-3 * scale if absolute is None else absolute
    for first, second in fractions:
        known = np.isfinite(first) & np.isfinite(second)
        if not known.any():
            continue
        size = np.abs(first[known])
        errors = np.abs(first[known] - second[known]) + _HALF_UNIT * size
        room = allowed + relative * size
        ratios = np.divide(errors, room, out=np.where(errors > 0, np.inf, 0.0), where=room > 0)
        largest = max(largest, float(ratios.max()))
    return largest


def _leaves(value):
    match value:
        case list() | tuple() | set() | frozenset():
            plain = list(value)
            if plain and all(type(each) is float for each in plain):
                yield np.array(plain)
            else:
                for each in plain:
                    yield from _leaves(each)
        case dict():
            for key, each in value.items():
                yield np.array(str(key))
                yield from _leaves(each)
        case float() | complex():
            yield np.array(value)
        case _:
            yield np.asarray(value)


def rounded(value):
    """The same with every fraction as float32 has it."""
    match value:
        case np.ndarray() if value.dtype.kind in 'fc':
            return value.astype('c8' if value.dtype.kind == 'c' else 'f4').astype(value.dtype)
        case np.floating():
            return type(value)(np.float32(value))
        case float():
            return float(np.float32(value))
        case list() | tuple():
            return type(value)(map(rounded, value))
        case dict():
            return {key: rounded(each) for key, each in value.items()}
    return value


def main():
    path, name, case, relative, *absolute = sys.argv[1:]
    sys.path[:0] = ['/sandbox/guest', str(_HERE.parent / 'sandbox/guest')]
    from cases import decode_case
    from user_code import load_function

    function = load_function(Path(path), name)
    given = Path(case).read_bytes()
    outcomes = []
    for change in (lambda value: value, rounded):
        args, kwargs = decode_case(bytearray(given), writable=True)
        args, kwargs = change(args), change(kwargs)
        answer = function(*args, **kwargs)
        # What is not changed of the arguments differs by the rounding itself, which is no error.
        outcomes.append(answer if answer is not None else (args, kwargs))
    with np.errstate(all='ignore'):
        print(error_of(*outcomes, float(relative), *map(float, absolute)))


if __name__ == '__main__':
    main()
