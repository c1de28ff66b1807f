"""Prepares cases: runs the user's generator and the original function, writes inputs and expected answers.

    prepare.py --generator PATH.py[:make_case] --seed SECRET --count K --out FOLDER
               [--first I] [--oracle PATH.py:NAME [--oracle-count N] [--more-seconds S]]

Both are user code and run in a sandbox of their own, where no candidate ever is. A function `edge_cases(seed)` beside the generator gives a list of
cases more, of which the original may refuse some. Writes `case-000.frame`,
`expected-000.frame`, where the original changes its arguments `expected-000.input.frame`, and `cases.json`.
What the user's code does wrong ends with code 3 and `problem.json` `{ kind, message, where }`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import inspect
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
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
# Cases with an expected answer beyond those asked for, where they are cheap; and bytes of all their frames.
_MOST_MORE, _MOST_MORE_BYTES = 29, 32 << 20
# Cases at the edges that one call of `edge_cases` may give, and seconds for one: a loop may never end there.
_MOST_EDGES, _MOST_EDGE_SECONDS = 32, 3


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
    generator: UserFunction,
    oracle: UserFunction | None,
    secret: str,
    first: int,
    count: int,
    answered: int,
    out: Path,
    *,
    more_seconds: float = 0.0,
    edges: UserFunction | None = None,
    exact: UserFunction | None = None,
) -> None:
    """Writes the files of the cases and `cases.json` into `out`. The oracle answers the first `answered`, as many more as fit into
    `more_seconds`, and those at the `edges`, and so does one that is `exact`; then come `count - answered` for timing, which are all different. Raises `Problem`.
    """
    written = _Written(oracle, exact, out, first)
    _require_determinism(generator, secret, first)
    for index in range(first, first + answered):
        written.add(_make_case(generator, secret, index))
    timed = _timed(generator, secret, range(first + answered, first + count), written.seen)
    if oracle is not None and answered > 0:
        if more_seconds > 0:
            timed = written.add_more(generator, secret, first + count, timed, more_seconds)
        if edges is not None:
            written.add_edges(edges, case_seed(secret, first))
        if not written.compared:
            _require_something(generator, oracle, secret, first + count)
    for number, frame in enumerate(timed):
        if number == 0:
            (out / 'twice.frame').write_bytes(asked_twice(*decode_case(frame)))
        written.add(frame, answered=False)
    (out / 'cases.json').write_text(json.dumps({'arguments': written.names, 'cases': written.rows}), 'utf-8')


def _timed(generator: UserFunction, secret: str, indices: range, asked: set[bytes]) -> Iterator[bytearray]:
    """The cases for timing, one by one: each differs from all others, and from those that were `asked`."""
    seen = set(asked)
    for index in indices:
        frame = _make_unseen_case(generator, secret, index, seen, indices.stop)
        seen.add(hashlib.sha256(frame).digest())
        yield frame


class _Written:
    """The cases written so far, in the order in which they are asked."""

    def __init__(self, oracle: UserFunction | None, exact: UserFunction | None, out: Path, first: int) -> None:
        self.names = _parameters(oracle)
        self.rows: list[dict[str, Any]] = []
        self.seen: set[bytes] = set()
        # Whether an answer holds anything that another one could differ in.
        self.compared = False
        self._oracle, self._exact, self._out, self._first = oracle, exact, out, first
        self._bytes = 0

    def add(self, frame: bytearray, answered: bool = True) -> None:
        """Writes a case, and what the original answers where it is `answered`. Raises `Problem` where the original fails."""
        expected = None if self._oracle is None or not answered else _run_original(self._oracle, frame)
        exact = None if self._exact is None or expected is None else _run_original(self._exact, frame)
        number = self._first + len(self.rows)
        row: dict[str, Any] = {
            'index': number,
            'case': f'case-{number:03d}.frame',
            'description': describe_case(decode_case(frame), self.names),
            'expected': None,
            'expectedInput': None,
            'oracleSeconds': None,
        }
        self.seen.add(hashlib.sha256(frame).digest())
        if expected is not None:
            self._expect(expected, frame, number, row)
        if exact is not None:
            (self._out / f'exact-{number:03d}.frame').write_bytes(exact[1])
        (self._out / row['case']).write_bytes(frame)
        self.rows.append(row)

    def add_more(
        self, generator: UserFunction, secret: str, index: int, timed: Iterator[bytearray], seconds: float
    ) -> Iterator[bytearray]:
        """Writes cases that the original answers within the `seconds`, as far as they are new, and returns the `timed` ones, which come first:
        those that are left may be few. Where these are large there are no more.
        """
        ahead: list[bytearray] = []
        size = 0
        for frame in timed:
            ahead.append(frame)
            size += len(frame)
            if size > _MOST_MORE_BYTES:
                return itertools.chain(ahead, timed)
        taken = self.seen | {hashlib.sha256(frame).digest() for frame in ahead}
        # The calls before paid for imports.
        until = time.perf_counter() + seconds
        for more in range(index, index + _MOST_MORE):
            if self._bytes > _MOST_MORE_BYTES or time.perf_counter() > until:
                break
            frame = _make_case(generator, secret, more)
            if hashlib.sha256(frame).digest() not in taken:
                self.add(frame)
        return iter(ahead)

    def add_edges(self, edges: UserFunction, seed: int) -> None:
        """Writes the cases at the edges that the original answers: what it raises for is no input of it."""
        made = edges.run(seed)
        if not isinstance(made, (list, tuple)):
            raise edges.problem('Returns', f'returns a {type(made).__name__}: expected a list of cases, each as `make_case` returns one')
        for each in made[:_MOST_EDGES]:
            frame = _frame_of(edges, each)
            if hashlib.sha256(frame).digest() not in self.seen:
                with contextlib.suppress(Problem), _ended_after(_MOST_EDGE_SECONDS):
                    self.add(frame)

    def _expect(
        self, expected: tuple[Any, bytearray, Any, float], frame: bytearray, number: int, row: dict[str, Any]
    ) -> None:
        answer, answered, left, row['oracleSeconds'] = expected
        row['expected'] = f'expected-{number:03d}.frame'
        (self._out / row['expected']).write_bytes(answered)
        if left != frame:
            row['expectedInput'] = f'expected-{number:03d}.input.frame'
            (self._out / row['expectedInput']).write_bytes(left)
        self.compared = self.compared or _holds_something(answer) or left != frame
        self._bytes += len(frame) + len(answered)


@contextlib.contextmanager
def _ended_after(seconds: int) -> Iterator[None]:
    """Raises in what is run, if it is Python's own, once it took longer."""

    def end(*_: object) -> None:
        raise TimeoutError(f'took longer than {seconds} s')

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _require_determinism(generator: UserFunction, secret: str, index: int) -> None:
    if _make_case(generator, secret, index) != _make_case(generator, secret, index):
        raise generator.problem(
            'NotDeterministic',
            f'is not deterministic: the seed {case_seed(secret, index)} gave two different cases; '
            'draw everything random from a generator made of the seed',
        )


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
    return _frame_of(generator, generator.run(seed, index) if _takes_index(generator.call) else generator.run(seed))


def _frame_of(generator: UserFunction, made: Any) -> bytearray:
    """The frame of a case as the user's code returned it. Raises `Problem` where that is none."""
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


def _edges_beside(generator: UserFunction) -> UserFunction | None:
    """The function of the generator's file that gives cases at the edges; None where it has none."""
    call = getattr(sys.modules.get(generator.call.__module__), 'edge_cases', None)
    return UserFunction('generator', generator.path, 'edge_cases', call) if callable(call) else None


def main() -> None:
    options = argparse.ArgumentParser(description='Prepares cases and expected answers.', allow_abbrev=False)
    options.add_argument('--generator', required=True, metavar='PATH.py[:NAME]')
    options.add_argument('--oracle', metavar='PATH.py:NAME')
    options.add_argument('--exact', metavar='PATH.py:NAME', help='answers what the original answers, more exactly')
    options.add_argument('--seed', required=True, metavar='SECRET')
    options.add_argument('--count', type=int, required=True)
    options.add_argument('--oracle-count', type=int, help='how many of them the original answers, from the first on; all by default')
    options.add_argument('--more-seconds', type=float, default=0.0, help='seconds in which the original answers more cases, and those at the edges')
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
        exact = _load('oracle', chosen.exact, None) if chosen.exact is not None else None
        answered = chosen.count if chosen.oracle_count is None else chosen.oracle_count
        more = chosen.more_seconds
        edges = _edges_beside(generator) if more > 0 else None
        prepare(generator, oracle, chosen.seed, chosen.first, chosen.count, answered, out, more_seconds=more, edges=edges, exact=exact)
    except Problem as problem:
        text = json.dumps({'kind': problem.kind, 'message': str(problem), 'where': problem.place})
        (out / 'problem.json').write_text(text, 'utf-8')
        print(str(problem), file=sys.stderr)
        sys.exit(EXIT_PROBLEM)


if __name__ == '__main__':
    main()
