"""What a call may change for everybody else in its process, and what of it was changed.

Looked at from inside of the process, so a program that means to hide a change can: this finds what was done in good faith.
"""

from __future__ import annotations

import builtins
import decimal
import gc
import hashlib
import locale
import math
import os
import random
import resource
import signal
import sys
import threading
import warnings
from typing import Any

import numpy as np

MAX_CHANGES = 20
_MAX_TEXT = 60
# Read here: in an expression of constants Python would compute them while it compiles.
_SMALLEST, _HALF_STEP = sys.float_info.min, sys.float_info.epsilon / 2


def process_state() -> dict[str, str]:
    """All that is looked at, by what it is called in a sentence."""
    state = {
        'the garbage collector': f'{"on" if gc.isenabled() else "off"}, thresholds {gc.get_threshold()}',
        'NumPy’s handling of errors (np.seterr)': _listed(np.geterr()),
        'NumPy’s buffer size': str(np.getbufsize()),
        'NumPy’s way to print': _hash(np.get_printoptions()),
        'the state of `random`': _hash(random.getstate()),
        'the state of `numpy.random`': _hash([part if isinstance(part, (str, int, float)) else part.tobytes() for part in np.random.get_state(legacy=True)]),
        'the filters of warnings': _filters(),
        'the locale': locale.setlocale(locale.LC_ALL),
        'the decimal context': str(decimal.getcontext()),
        'the working directory': _folder(),
        'the umask': _umask(),
        'the limit of recursion': str(sys.getrecursionlimit()),
        'the switch interval of threads': str(sys.getswitchinterval()),
        'the length of integers as text': str(sys.get_int_max_str_digits()),
        'the stack size of threads': str(threading.stack_size()),
        'the trace and profile functions': f'{_name(sys.gettrace())}, {_name(sys.getprofile())}',
        'the priority': str(os.getpriority(os.PRIO_PROCESS, 0)),
        'the processors it may use': str(sorted(os.sched_getaffinity(0))),
        'the rounding of floats': _rounding(),
    }
    for name in ('stdin', 'stdout', 'stderr'):
        state[f'`sys.{name}`'] = _name(getattr(sys, name))
    for name, value in os.environ.items():
        state[f'the environment variable {name}'] = value
    for number in signal.valid_signals():
        state[f'the handler of {_signal(number)}'] = _name(signal.getsignal(number))
    for name in ('AS', 'CORE', 'CPU', 'DATA', 'FSIZE', 'NOFILE', 'STACK'):
        state[f'the resource limit {name}'] = str(resource.getrlimit(getattr(resource, f'RLIMIT_{name}')))
    for module in (builtins, math, np):
        for name, value in vars(module).items():
            if callable(value):
                state[f'`{module.__name__}.{name}`'] = _name(value)
    return state


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What is another after than before: `the garbage collector` -> `on, … → off, …`."""
    found = {}
    for what in [*before, *(key for key in after if key not in before)]:
        # What a module defines when it is first asked for it is no change of it.
        if what.startswith('`') and (what not in before or what not in after):
            continue
        one, other = before.get(what, 'unset'), after.get(what, 'unset')
        if one != other:
            found[what] = f'{one[:_MAX_TEXT]} → {other[:_MAX_TEXT]}'
    return dict(list(found.items())[:MAX_CHANGES])


def _hash(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]


def _listed(options: dict[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in sorted(options.items()))


def _name(value: object) -> str:
    if value is None or isinstance(value, (int, str)):
        return str(value)
    return f'{getattr(value, "__qualname__", type(value).__qualname__)} at {id(value):#x}'


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f'signal {number}'


def _filters() -> str:
    """The filters that hold for all warnings of a kind of Python's own; libraries add some for their own messages."""
    blanket = [
        f'{action} {category.__name__}'
        for action, message, category, module, _ in warnings.filters
        if message is None and module is None and category.__module__ == 'builtins'
    ]
    return ', '.join(blanket) or 'none'


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return 'a folder that is gone'


def _umask() -> str:
    mask = os.umask(0o077)
    os.umask(mask)
    return f'{mask:#o}'


def _rounding() -> str:
    """Whether numbers smaller than the smallest normal one are kept, and which way sums are rounded."""
    tiny = 'kept' if _SMALLEST / 2 > 0 else 'flushed to zero'
    up, down = 1 + _HALF_STEP > 1, -1 - _HALF_STEP < -1
    return f'tiny numbers {tiny}, rounds {"up" if up else "down" if down else "to nearest"}'
