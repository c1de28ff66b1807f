"""Makes, builds and runs what every strategy makes of a function of the suite; one JSON line for each.

    quick.py STRATEGIES_FOLDER GUEST_FOLDER NANOBIND_FOLDER WORK_FOLDER FUNCTION_FOLDER…
    quick.py --compare FUNCTION FUNCTION_FOLDER WINNER_FOLDER ENTRY

Lines: {"function", "strategies", "kind": "right" | "wrong" | "refused" | "buildFailed" | "crashed", "detail"?, "gain"?,
"firstSeconds"?, "buildSeconds"?}. A gain is the quickest of several calls against the quickest of the original's, on one case, after a first call
that compiles; it is a look and no measurement. `--compare` prints {"kind": "right" | "wrong" | "crashed", "detail"} for fresh cases.
"""

import copy
import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SEEDS = (11, 12, 13)
# Seeds of `--compare`: no others have them.
FRESH_SEEDS = range(90_001, 90_006)


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def about(folder):
    """The function's name and its tolerance, from its job."""
    job = (folder / 'job.yaml').read_text()
    tolerance = re.search(r'relative: ([^,]+), absolute: ([^ ]+)', job)
    return re.search(r'function: (\w+)', job)[1], tuple(map(float, tolerance.groups())) if tolerance else (1e-6, 0.0)


def difference(got, expected, tolerance):
    """Where two answers differ, in words; None: nowhere. Types count, as do shapes, dtypes and the order of keys does not."""
    if isinstance(expected, (list, tuple)):
        if type(got) is not type(expected) or len(got) != len(expected):
            return f'expected a {type(expected).__name__} of {len(expected)}, got {str(got)[:80]}'
        return next((each for each in (difference(*pair, tolerance) for pair in zip(got, expected)) if each), None)
    if isinstance(expected, dict):
        if type(got) is not type(expected) or got.keys() != expected.keys():
            return f'expected the keys {str(list(expected))[:80]}, got {str(got)[:80]}'
        return next((each for each in (difference(got[key], expected[key], tolerance) for key in expected) if each), None)
    if isinstance(expected, np.ndarray):
        if type(got) is not type(expected) or got.dtype != expected.dtype or got.shape != expected.shape:
            return f'expected {expected.dtype}{expected.shape}, got {getattr(got, "dtype", type(got))}{getattr(got, "shape", "")}'
        if expected.dtype.kind in 'fc':
            scale = np.nanmax(np.abs(expected), initial=0.0, where=np.isfinite(expected))
            close = np.isclose(got, expected, rtol=tolerance[0], atol=max(tolerance[1], tolerance[0] * scale), equal_nan=True)
            return None if close.all() else f'{(~close).sum()} of {close.size} values differ'
        return None if np.array_equal(got, expected) else 'values differ'
    if isinstance(expected, float):
        same = isinstance(got, float) and (math.isclose(got, expected, rel_tol=tolerance[0], abs_tol=tolerance[1]) or str(got) == str(expected))
        return None if same else f'expected {expected!r}, got {got!r}'
    return None if type(got) is type(expected) and got == expected else f'expected {expected!r}, got {got!r}'[:200]


def quickest(function, case, seconds=0.4):
    """The seconds of the quickest of several calls."""
    found, began = [], time.perf_counter()
    while len(found) < 3 or time.perf_counter() - began < seconds:
        given = copy.deepcopy(case)
        start = time.perf_counter()
        function(*given)
        found.append(time.perf_counter() - start)
    return min(found)


def in_child(work):
    """What `work` gives, done in a process of its own: a wrong program may bring it down."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            found = work()
        except BaseException as error:
            found = {'kind': 'crashed', 'detail': f'{type(error).__name__}: {error}'[:600]}
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {'kind': 'crashed', 'detail': 'the process ended without a word'}


def compared(original, candidate, cases, tolerance):
    """The verdict on what a program gives for some cases, and leaves of its arguments."""
    for case in cases:
        ours, theirs = copy.deepcopy(case), copy.deepcopy(case)
        expected, got = original(*ours), candidate(*theirs)
        found = difference(got, expected, tolerance) or difference(theirs, ours, tolerance)
        if found:
            return {'kind': 'wrong', 'detail': found}
    return {'kind': 'right'}


def judged(folder, program, name, original, cases, tolerance):
    sys.path.insert(0, str(folder))
    candidate = getattr(load(folder / program['entry'], 'candidate'), name)
    first = copy.deepcopy(cases[0])
    began = time.perf_counter()
    candidate(*first)
    first_seconds = time.perf_counter() - began
    verdict = compared(original, candidate, cases, tolerance)
    if verdict['kind'] == 'right':
        gain = quickest(original, cases[0]) / quickest(candidate, cases[0])
        verdict |= {'gain': float(f'{gain:.3g}'), 'firstSeconds': round(first_seconds, 2)}
    return verdict


def built(folder, program, guest, nanobind):
    """Builds a program where it needs that; the errors of the compiler, or nothing."""
    build = program['build']
    if not build:
        return ''
    options = ['--fast-math'] if build['fastMath'] else []
    argv = [sys.executable, guest / 'build.py', build['tool'], *options, '--nanobind', nanobind, *build['sources']]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    return (done.stdout + done.stderr)[-600:] if done.returncode else ''


def tried(strategies_folder, guest, nanobind, work, folder):
    """Yields what came of every combination for the function of a folder."""
    from frames import encode

    name, tolerance = about(folder)
    original = getattr(load(folder / 'program.py', 'original'), name)
    generator = load(folder / 'cases.py', 'generator')
    cases = [generator.make_case(seed) for seed in SEEDS]
    work.mkdir(parents=True, exist_ok=True)
    (work / 'case.frame').write_bytes(encode({'args': cases[0], 'kwargs': {}}))
    about_it = ['--module', folder / 'program.py', '--function', name, '--case', work / 'case.frame']
    observing = [sys.executable, '-I', '-B', strategies_folder / 'observe.py', *about_it, '--out', work / 'observed']
    (work / 'run').mkdir(exist_ok=True)
    subprocess.run(observing, cwd=work / 'run', check=True, capture_output=True)
    command = [sys.executable, '-I', '-B', strategies_folder / 'strategies.py', *about_it, '--record', work / 'observed/record.json', '--out']
    listing = subprocess.run([*command, work / 'list', '--list'], capture_output=True, text=True)
    if listing.returncode:
        yield {'function': folder.name, 'strategies': '', 'kind': 'crashed', 'detail': listing.stderr[-600:]}
        return
    listed = json.loads(listing.stdout)
    for crash in listed['crashed']:
        yield {'function': folder.name, 'strategies': ' + '.join(crash['strategies']), 'kind': 'crashed', 'detail': crash['traceback'][-600:]}
    for refusal in listed['refused']:
        reasons = '; '.join(f'{reason["line"]}: {reason["message"]}' for reason in refusal['reasons'])
        yield {'function': folder.name, 'strategies': ' + '.join(refusal['strategies']), 'kind': 'refused', 'detail': reasons}
    for number, each in enumerate(listed['applicable']):
        out = work / str(number)
        shutil.copytree(work / 'list' / each['made'], out)
        program = json.loads((out / 'program.json').read_text())
        began = time.perf_counter()
        errors = built(out, program, guest, nanobind)
        seconds = {'buildSeconds': round(time.perf_counter() - began, 2)} if program['build'] else {}
        verdict = {'kind': 'buildFailed', 'detail': errors} if errors else in_child(
            lambda: judged(out, program, name, original, cases, tolerance)
        )
        yield {'function': folder.name, 'strategies': ' + '.join(each['strategies']), **verdict, **seconds}


def compare(name, folder, winner, entry):
    generator = load(folder / 'cases.py', 'generator')
    original = getattr(load(folder / 'program.py', 'original'), name)
    sys.path.insert(0, str(winner))
    candidate = getattr(load(winner / entry, 'candidate'), name)
    return compared(original, candidate, [generator.make_case(seed) for seed in FRESH_SEEDS], about(folder)[1])


def main():
    if sys.argv[1] == '--compare':
        name, folder, winner, entry = sys.argv[2:]
        print(json.dumps(in_child(lambda: compare(name, Path(folder), Path(winner), entry))))
        return
    strategies_folder, guest, nanobind, work, *folders = (Path(each).resolve() for each in sys.argv[1:])
    sys.path.insert(0, str(guest))
    for folder in folders:
        for line in tried(strategies_folder, guest, nanobind, work / folder.name, folder):
            print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
