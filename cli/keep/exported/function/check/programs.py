"""The original and the faster program, each in a process of its own, and inputs for them."""

from __future__ import annotations

import hashlib
import inspect
import json
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parent.parent
SETTINGS = json.loads((FOLDER / 'export.json').read_text('utf-8'))
# The threads that were allowed when the program was measured; whatever starts threads reads one of these.
for _name in ('CRUCIBLE_CORES', 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, str(SETTINGS['cores']))

try:
    import numpy as np
except ModuleNotFoundError:
    sys.exit('NumPy is not installed for this Python. Install what this folder needs: pip install -r requirements.txt')

from user_code import load_function  # noqa: E402

Case = tuple[tuple[Any, ...], dict[str, Any]]


class Call(NamedTuple):
    """What a call gave back, and its arguments as it left them."""

    answer: Any
    arguments: Case


class Program:
    """The function in `program/` or `original/`: both may have modules of the same name, so each has its own process."""

    def __init__(self, folder: str, most_seconds: float | None = None) -> None:
        self._most_seconds = most_seconds
        self._answered = True
        spawning = multiprocessing.get_context('spawn')
        self._name = folder
        self._connection, self._other = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(folder, self._other))

    def __enter__(self) -> Program:
        self._process.start()
        # The process has its own copy: with ours open, its end would not be seen.
        self._other.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join(5 if self._answered else 0)
        self._process.kill()

    def call(self, case: Case) -> Call:
        """Calls the function once. Raises `RuntimeError` with its traceback where it raises, `TimeoutError` where it takes too long."""
        calls, _ = self._ask([case], True)
        return calls[0]

    def seconds(self, cases: list[Case]) -> float:
        """How long the function takes for all of the cases, one after the other."""
        return self._ask(cases, False)[1]

    def _ask(self, cases: list[Case], answers: bool) -> tuple[list[Call], float]:
        self._connection.send((cases, answers))
        self._answered = self._connection.poll(self._most_seconds)
        if not self._answered:
            raise TimeoutError(f'{self._name} took longer than {self._most_seconds} s')
        try:
            reply = self._connection.recv()
        except EOFError:
            self._process.join(5)
            raise RuntimeError(f'{self._name} ended with exit code {self._process.exitcode}') from None
        if isinstance(reply, str):
            hint = '\nInstall what is missing: pip install -r requirements.txt' if 'ModuleNotFoundError' in reply else ''
            raise RuntimeError(f'{self._name} raises:\n{reply}{hint}')
        return reply


def function_of(folder: str) -> Callable[..., Any]:
    entry = SETTINGS[folder]
    return load_function(FOLDER / folder / entry['module'], entry['function'])


def _serve(folder: str, connection: Any) -> None:
    try:
        function = function_of(folder)
        while True:
            try:
                cases, answers = connection.recv()
            except (EOFError, ConnectionResetError):
                return
            try:
                given = []
                began = time.perf_counter()
                for args, kwargs in cases:
                    given.append(function(*args, **kwargs))
                seconds = time.perf_counter() - began
            except Exception:
                connection.send(traceback.format_exc())
                continue
            connection.send(([Call(*pair) for pair in zip(given, cases)] if answers else [], seconds))
    except BaseException:
        connection.send(traceback.format_exc())


def make_cases(count: int, secret: str) -> list[Case]:
    """Inputs from the generator; the same secret gives the same ones, on every machine."""
    entry = SETTINGS['cases']
    generator = load_function(FOLDER / 'original' / entry['module'], entry['function'])
    return [_case(generator, secret, index) for index in range(count)]


def _case(generator: Any, secret: str, index: int) -> Case:
    seed = int.from_bytes(hashlib.sha256(f'{secret}:{index}'.encode()).digest()[:4], 'big')
    made = generator(seed, index) if _takes_index(generator) else generator(seed)
    if isinstance(made, tuple):
        args, kwargs = made, {}
    elif made and set(made) <= {'args', 'kwargs'}:
        args, kwargs = made.get('args', ()), made.get('kwargs', {})
    else:
        args, kwargs = (), made
    return tuple(map(_in_order, args)), {name: _in_order(value) for name, value in kwargs.items()}


def _in_order(value: Any) -> Any:
    """Arrays reach the programs in C order, as they did when they were judged."""
    if not isinstance(value, np.ndarray):
        return value
    return np.asanyarray(value, order='C') if isinstance(value, np.matrix) else np.asarray(value, order='C')


def _takes_index(generator: Any) -> bool:
    parameters = [
        one
        for one in inspect.signature(generator).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    return len(parameters) > 1 and (parameters[1].name == 'index' or parameters[1].default is inspect.Parameter.empty)
