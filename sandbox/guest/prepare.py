"""Prepares cases: runs the user's generator and the original function, writes inputs and expected answers.

    prepare.py --generator PATH.py[:make_case] --seed SECRET --count K --out FOLDER
               [--first I] [--oracle PATH.py:NAME [--oracle-count N]]

Both are user code and run in a sandbox of their own, where no candidate ever is. Writes `case-000.frame`,
`expected-000.frame`, where the original changes its arguments `expected-000.input.frame`, and `cases.json`.
What the user's code does wrong ends with code 3 and `problem.json` `{ kind, message, where }`.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_GUEST = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _GUEST)
from cases import Arguments, decode_case, encode_case, what_is_left
from comparing import describe
from frames import FrameError, encode
from keeping import asked_twice
from user_code import UserCodeError, load_function, show_inputs, tell, where

sys.path.remove(_GUEST)
for _name in ('cases', 'comparing', 'frames', 'keeping', 'plain', 'process_state', 'user_code'):
    del sys.modules[_name]

EXIT_PROBLEM = 3
# Cases that are asked beyond those with expected answers, where none of these leaves anything to compare.
_MOST_EMPTY = 5
# Seeds that are tried for one case that differs from the others.
_MOST_DRAWS = 50


class Problem(Exception):
    """What is wrong with the user's generator or original function."""

    def __init__(self, kind: str, message: str, place: str | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.place = place


@dataclass(frozen=True)
class UserFunction:
    """A function of the user's: `role` is `generator` or `oracle`."""

    role: str
    path: Path
    name: str
    call: Callable[..., Any]

    @property
    def title(self) -> str:
        return f'{self.name} in {self.path.name}'

    def run(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.call(*args, **kwargs)
        except BaseException as error:
            folder = self.path.parent
            raise Problem(
                f'{self.role}Raises', f'{self.title} raises:\n{tell(error, folder)}', where(error, folder)
            ) from None

    def problem(self, kind: str, message: str) -> Problem:
        code = getattr(inspect.unwrap(self.call), '__code__', None)
        place = f'{self.path.name}:{code.co_firstlineno} in {self.name}' if code else self.path.name
        return Problem(f'{self.role}{kind}', f'{self.title} {message}', place)


def case_seed(secret: str, index: int) -> int:
    """The seed of one case, below 2³² so that every random generator takes it."""
    return int.from_bytes(hashlib.sha256(f'{secret}:{index}'.encode()).digest()[:4], 'big')


def prepare(
    generator: UserFunction, oracle: UserFunction | None, secret: str, first: int, count: int, answered: int, out: Path
) -> None:
    """Writes the files of cases `first` to `first + count - 1` and `cases.json` into `out`; the oracle answers the first
    `answered` of them, and the others are all different. Raises `Problem`.
    """
    rows = []
    compared = oracle is None or answered == 0
    seen: set[bytes] = set()
    names = _parameters(oracle)
    for index in range(first, first + count):
        frame = _make_case(generator, secret, index)
        if index == first and _make_case(generator, secret, index) != frame:
            raise generator.problem(
                'NotDeterministic',
                f'is not deterministic: the seed {case_seed(secret, index)} gave two different cases; '
                'draw everything random from a generator made of the seed',
            )
        if index >= first + answered:
            frame = _make_unseen_case(generator, secret, index, seen, first + count)
        seen.add(hashlib.sha256(frame).digest())
        row: dict[str, Any] = {
            'index': index,
            'case': f'case-{index:03d}.frame',
            'description': describe_case(decode_case(frame), names),
            'expected': None,
            'expectedInput': None,
            'oracleSeconds': None,
        }
        if oracle is not None and index < first + answered:
            compared = _expect(oracle, frame, index, row, out) or compared
        (out / row['case']).write_bytes(frame)
        if index == first + answered:
            (out / 'twice.frame').write_bytes(asked_twice(*decode_case(frame)))
        rows.append(row)
        if oracle is not None and index == first + answered - 1 and not compared:
            _require_something(generator, oracle, secret, first + count)
    (out / 'cases.json').write_text(json.dumps({'arguments': names, 'cases': rows}), 'utf-8')


def describe_case(arguments: Arguments, names: list[str]) -> str:
    """A case in one line: `image: float64[64,64] from 0 to 0.98, grid_size=96`."""
    args, kwargs = arguments
    named = [
        (names[index] if index < len(names) else f'argument {index + 1}', value)
        for index, value in enumerate(args)
    ]
    parts = []
    for name, value in [*named, *kwargs.items()]:
        text = describe(value) + _range(value)
        parts.append(
            f'{name}={text}' if isinstance(value, (bool, int, float, str, type(None))) else f'{name}: {text}'
        )
    return ', '.join(parts) or 'no arguments'


def _range(value: Any) -> str:
    """The least and the largest of the numbers in an array or a flat list: ` from 0 to 0.98`; empty for
    anything else.
    """
    if isinstance(value, (list, tuple)) and value and all(type(each) in (int, float) for each in value):
        kinds = ' and '.join(sorted({type(each).__name__ for each in value}))
        return f' {kinds}, from {min(value):.6g} to {max(value):.6g}'
    if not isinstance(value, np.ndarray) or value.dtype.kind not in 'iuf' or value.ndim == 0:
        return ''
    finite = value[np.isfinite(value)]
    return '' if finite.size == 0 else f' from {finite.min():.6g} to {finite.max():.6g}'


def _make_case(generator: UserFunction, secret: str, index: int) -> bytearray:
    seed = case_seed(secret, index)
    made = generator.run(seed, index) if _takes_index(generator.call) else generator.run(seed)
    if isinstance(made, tuple):
        args, kwargs = made, {}
    elif isinstance(made, dict) and made and set(made) <= {'args', 'kwargs'}:
        args, kwargs = tuple(made.get('args', ())), made.get('kwargs', {})
    elif isinstance(made, dict):
        args, kwargs = (), made
    else:
        raise generator.problem(
            'Returns',
            f'returns a {type(made).__name__}: expected a tuple of arguments, a dict of keyword arguments, '
            'or {"args": …, "kwargs": …}; for a single argument return (value,)',
        )
    if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in kwargs):
        raise generator.problem('Returns', 'returns keyword arguments whose names are not all text')
    try:
        return encode_case(args, kwargs)
    except FrameError as error:
        raise generator.problem('Returns', f'returns what cannot be passed on: {error}') from None


def _make_unseen_case(
    generator: UserFunction, secret: str, index: int, seen: set[bytes], needed: int
) -> bytearray:
    """A case that differs from all before it. Cases without an expected answer are for timing: a program that remembers its
    answers must not meet one again.
    """
    for draw in range(_MOST_DRAWS):
        frame = _make_case(generator, f'{secret}+{draw}' if draw > 0 else secret, index)
        if hashlib.sha256(frame).digest() not in seen:
            return frame
    raise generator.problem(
        'Repeats',
        f'makes too few different cases: {needed} are needed, and after {index} of them {_MOST_DRAWS} more seeds gave none '
        'that was not there before; a program that '
        'remembers its answers would seem fast, so let more of the case depend on the seed',
    )


def _expect(oracle: UserFunction, frame: bytearray, index: int, row: dict[str, Any], out: Path) -> bool:
    """Runs the original on its own copy of the case and writes what it answers and leaves behind. Whether that is anything that
    could be compared.
    """
    answer, expected, left, row['oracleSeconds'] = _run_original(oracle, frame)
    row['expected'] = f'expected-{index:03d}.frame'
    (out / row['expected']).write_bytes(expected)
    if left != frame:
        row['expectedInput'] = f'expected-{index:03d}.input.frame'
        (out / row['expectedInput']).write_bytes(left)
    return _holds_something(answer) or left != frame


def _require_something(generator: UserFunction, oracle: UserFunction, secret: str, first: int) -> None:
    """Raises `Problem` where the original gives nothing to compare in some more cases either: any function would be right."""
    for index in range(first, first + _MOST_EMPTY):
        frame = _make_case(generator, secret, index)
        answer, _, left, _ = _run_original(oracle, frame)
        if _holds_something(answer) or left != frame:
            return
    returned = 'None' if answer is None else 'nothing but what is empty'
    raise oracle.problem(
        'Returns',
        f'returns {returned} and changes no argument: there is nothing to compare; let it return what it computes',
    )


def _run_original(oracle: UserFunction, frame: bytearray) -> tuple[Any, bytearray, Any, float]:
    """The original's answer, its frame, that of the arguments as it leaves them, and the seconds it took."""
    working = bytearray(frame)
    args, kwargs = decode_case(working, writable=True)
    began = time.perf_counter()
    answer = oracle.run(*args, **kwargs)
    seconds = time.perf_counter() - began
    try:
        expected = encode(answer, root='answer', exact=True)
    except FrameError as error:
        raise oracle.problem('Returns', f'returns what cannot be compared: {error}') from None
    try:
        left = what_is_left(working, args, kwargs)
    except FrameError as error:
        raise oracle.problem(
            'Returns', f'changes its arguments into what cannot be compared: {error}'
        ) from None
    return answer, expected, left, seconds


def _holds_something(value: Any) -> bool:
    """Whether there is anything in an answer that another one could differ in."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_something, value))
    if isinstance(value, dict):
        return len(value) > 0
    if isinstance(value, np.ndarray):
        return value.size > 0
    return value is not None


def _takes_index(function: Callable[..., Any]) -> bool:
    """Whether the generator wants the case's index after the seed, rather than having an option of its own
    there.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 and (
        positional[1].name == 'index' or positional[1].default is inspect.Parameter.empty
    )


def _parameters(oracle: UserFunction | None) -> list[str]:
    if oracle is None:
        return []
    try:
        parameters = inspect.signature(oracle.call).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _load(role: str, given: str, default: str | None) -> UserFunction:
    path, colon, name = given.rpartition(':')
    if not colon or not name.isidentifier():
        path, name = given, default or ''
    if not name:
        raise Problem(f'{role}Function', f'expected PATH.py:NAME, got {given}', None)
    try:
        return UserFunction(role, Path(path).resolve(), name, load_function(Path(path), name))
    except UserCodeError as error:
        raise Problem(f'{role}{error.kind.capitalize()}', str(error), error.where) from None


def main() -> None:
    options = argparse.ArgumentParser(description='Prepares cases and expected answers.', allow_abbrev=False)
    options.add_argument('--generator', required=True, metavar='PATH.py[:NAME]')
    options.add_argument('--oracle', metavar='PATH.py:NAME')
    options.add_argument('--seed', required=True, metavar='SECRET')
    options.add_argument('--count', type=int, required=True)
    options.add_argument('--oracle-count', type=int, help='how many of them the original answers, from the first on; all by default')
    options.add_argument('--first', type=int, default=0)
    options.add_argument('--inputs', type=Path, help='a folder whose files are shown in the working directory')
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    sys.argv = [sys.argv[0]]
    chosen.out.mkdir(parents=True, exist_ok=True)
    out = chosen.out.resolve()
    try:
        if chosen.inputs is not None:
            show_inputs(chosen.inputs)
        generator = _load('generator', chosen.generator, 'make_case')
        oracle = _load('oracle', chosen.oracle, None) if chosen.oracle is not None else None
        answered = chosen.count if chosen.oracle_count is None else chosen.oracle_count
        prepare(generator, oracle, chosen.seed, chosen.first, chosen.count, answered, out)
    except Problem as problem:
        text = json.dumps({'kind': problem.kind, 'message': str(problem), 'where': problem.place})
        (out / 'problem.json').write_text(text, 'utf-8')
        print(str(problem), file=sys.stderr)
        sys.exit(EXIT_PROBLEM)


if __name__ == '__main__':
    main()
