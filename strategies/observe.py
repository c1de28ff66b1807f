"""Runs a function on one case and writes down where its time goes and what its names hold; runs inside a sandbox, as a candidate does.

    observe.py --module FILE.py --function NAME --case CASE.frame --out FOLDER

`FOLDER/record.json` is {"seconds", "lines": [{"file", "line", "share"}, …] by share, "functions": [{"name", "file", "line", "calls",
"arguments", "locals", "globals", "returns"}, …], "cut"}. The three are name -> {"type", "kind"}: `type` in words, `kind` how
compiled code could take it (see `python_loops.py`), null where it could not. `cut` says that time ran out before the call ended.
"""

import argparse
import dis
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

# With -I Python does not look beside this file.
_HERE = [str(Path(__file__).resolve().parent), '/sandbox/guest', str(Path(__file__).resolve().parents[1] / 'sandbox/guest')]
sys.path[:0] = _HERE

from frames import decode  # noqa: E402
from user_code import UserCodeError, load_function, show_inputs  # noqa: E402

from describe import described  # noqa: E402

# The program may have modules of these names.
for _name in ('describe', 'frames', 'plain', 'user_code'):
    sys.modules.pop(_name, None)

# Seconds: of processor time between two looks, of looking at least, of all.
_TICK, _LEAST, _MOST = 0.001, 0.5, 20.0
# What is kept of one program.
_LINES, _FUNCTIONS, _NAMES, _CALLS = 40, 30, 60, 20


_MODULE = type(os)


class TimeIsUp(BaseException):
    pass


class Observer:
    def __init__(self, folder):
        self.folder = os.fspath(folder) + os.sep
        self.lines, self.ticks = {}, 0
        self.functions = {}
        self.entered = {}

    def look(self, number, frame):
        """The line that runs gets the time; so do the lines that called it, each once."""
        self.ticks += 1
        seen = set()
        while frame is not None:
            place = (frame.f_code.co_filename, _line_of(frame))
            if place[0].startswith(self.folder) and place not in seen:
                seen.add(place)
                self.lines[place] = self.lines.get(place, 0) + 1
            frame = frame.f_back

    def profile(self, frame, event, argument):
        code = frame.f_code
        if event not in ('call', 'return') or not code.co_filename.startswith(self.folder) or code.co_name.startswith('<'):
            return
        key = (code.co_filename, code.co_firstlineno)
        if key not in self.functions:
            if len(self.functions) >= _FUNCTIONS:
                return
            self.functions[key] = {'name': code.co_name, 'calls': 0, 'arguments': {}, 'locals': {}, 'globals': {}, 'returns': None}
        known = self.functions[key]
        if event == 'call':
            known['calls'] += 1
        if known['calls'] > _CALLS:
            return
        if event == 'call':
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            _note(known['arguments'], {name: frame.f_locals[name] for name in names if name in frame.f_locals})
            values = {name: frame.f_globals[name] for name in code.co_names if name in frame.f_globals}
            _note(known['globals'], {name: value for name, value in values.items() if not callable(value) and not isinstance(value, _MODULE)})
        else:
            _note(known['locals'], frame.f_locals)
            if argument is not None or known['returns'] is None:
                known['returns'] = described(argument)

    def record(self, seconds, cut):
        hottest = sorted(self.lines.items(), key=lambda each: -each[1])[:_LINES]
        return {
            'seconds': seconds,
            'cut': cut,
            'lines': [
                {'file': file.removeprefix(self.folder), 'line': line, 'share': round(ticks / max(self.ticks, 1), 4)}
                for (file, line), ticks in hottest
            ],
            'functions': [
                {**known, 'file': file.removeprefix(self.folder), 'line': line} for (file, line), known in self.functions.items()
            ],
        }


def _line_of(frame):
    """The line that runs. The jump back to the head of a loop has none, and there a look falls most: it goes with the head."""
    if frame.f_lineno is not None:
        return frame.f_lineno
    return _head_of(frame.f_code, frame.f_lasti)


@functools.cache
def _head_of(code, at):
    jump = next((each for each in dis.get_instructions(code) if each.offset == at), None)
    to = jump.argval if jump is not None and 'JUMP' in jump.opname else at
    lines = [line for begin, end, line in code.co_lines() if begin <= to < end and line is not None]
    return lines[0] if lines else code.co_firstlineno


def _note(known, values):
    for name, value in list(values.items())[:_NAMES]:
        found = described(value)
        # What was empty once says nothing of what it holds.
        if name not in known or known[name]['kind'] is None:
            known[name] = found


def observe(function, folder, frame):
    observer = Observer(folder)
    ends = time.monotonic() + _MOST
    cut = False

    def call():
        case = decode(bytearray(frame), writable=True)
        began = time.perf_counter()
        function(*case['args'], **case['kwargs'])
        return time.perf_counter() - began

    def up(number, at):
        raise TimeIsUp

    signal.signal(signal.SIGALRM, up)
    signal.signal(signal.SIGPROF, observer.look)
    signal.setitimer(signal.ITIMER_REAL, _MOST)
    seconds = _MOST
    try:
        sys.setprofile(observer.profile)
        try:
            seconds = call()
        finally:
            sys.setprofile(None)
        signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)
        began = time.monotonic()
        while True:
            seconds = min(seconds, call())
            if time.monotonic() - began > _LEAST or time.monotonic() + seconds > ends:
                break
    except TimeIsUp:
        cut = True
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return observer.record(seconds, cut)


def main():
    parser = argparse.ArgumentParser(description='Observes a function on one case.', allow_abbrev=False)
    parser.add_argument('--module', type=Path, required=True)
    parser.add_argument('--function', required=True)
    parser.add_argument('--case', type=Path, required=True)
    parser.add_argument('--out', type=Path, required=True)
    options = parser.parse_args()
    for place in _HERE:
        sys.path.remove(place)
    frame = options.case.read_bytes()
    module = options.module.resolve()
    show_inputs(module.parent)
    try:
        function = load_function(module, options.function)
    except UserCodeError as error:
        raise SystemExit(str(error)) from None
    record = observe(function, module.parent, frame)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / 'record.json').write_text(json.dumps(record))


if __name__ == '__main__':
    main()
