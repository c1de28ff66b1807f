"""Tries calls on a function in a process of their own, which may crash, hang, or print."""

import json
import os
import signal
import sys
import time
from typing import NamedTuple

from cases import decode_case, encode_case
from frames import FrameError, encode
from user_code import load_function

# Seconds for one try, all its calls together.
_MOST_SECONDS = 20
# Cases of a generator that are tried; those that must differ, for a few, if not all of the first do.
_TRIED, _DRAWN, _DIFFERENT = 3, 24, 8


class Tried(NamedTuple):
    """`why` it does not go, in words, or None; the seconds of the longest call; whether there is anything to compare."""

    why: str | None
    seconds: float
    answers: bool
    # Cases do not differ, or too few of them do.
    same: bool = False


def try_calls(path, name, calls):
    """Tries calls as they are."""
    return _in_child(lambda: _tried(load_function(path, name), [(call.args, call.kwargs) for call in calls]))


def try_generator(path, name, text):
    """Tries the cases of a generator, which must differ, on the function."""

    def run():
        scope = {}
        exec(compile(text, 'cases.py', 'exec'), scope)
        made = [_arguments(scope['make_case'](seed)) for seed in range(_TRIED)]
        try:
            frames = {bytes(encode_case(*each)) for each in made}
            if len(frames) < len(made):
                frames = {bytes(encode_case(*_arguments(scope['make_case'](seed)))) for seed in range(_DRAWN)}
        except FrameError as error:
            return Tried(f'a case cannot be passed on: {error}', 0.0, False)
        tried = _tried(load_function(path, name), made)
        if tried.why is None and len(frames) < len(made) or _TRIED < len(frames) < _DIFFERENT:
            return tried._replace(why='the calls hold too little that could be varied', same=True)
        return tried

    return _in_child(run)


def _arguments(case):
    return (case['args'], case['kwargs']) if isinstance(case, dict) else (case, {})


def _tried(function, calls):
    longest, answers = 0.0, False
    for args, kwargs in calls:
        before = bytes(encode_case(args, kwargs))
        # As they will be asked: a copy, with tuples and arrays as frames give them.
        args, kwargs = decode_case(bytearray(before), writable=True)
        began = time.perf_counter()
        answer = function(*args, **kwargs)
        longest = max(longest, time.perf_counter() - began)
        encode(answer)
        answers = answers or answer is not None or bytes(encode_case(args, kwargs)) != before
    return Tried(None, longest, answers)


def _in_child(run):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 0
        try:
            sys.stdout.flush()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            signal.alarm(_MOST_SECONDS)
            try:
                told = run()
            except BaseException as error:
                told = Tried(f'it raises {type(error).__name__}: {str(error)[:200]}', 0.0, False)
            os.write(writing, json.dumps(told).encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, 'rb') as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    if told:
        return Tried(*json.loads(told))
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return Tried(f'a call takes more than {_MOST_SECONDS} s', 0.0, False)
    return Tried('it ends the process', 0.0, False)
