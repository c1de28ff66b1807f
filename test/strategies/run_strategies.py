"""Makes, builds and runs programs for functions/NAME.py and compares them with the original; one JSON line a program.

    run_strategies.py STRATEGY_FOLDER NANOBIND_FOLDER WORK_FOLDER functions/NAME.py COMBINATION…

A combination is `vectorize_loops,parallelize`. Lines: {"strategies", "kind": "right" | "wrong" | "refused" | "buildFailed" | "crashed",
"detail"}. Six random cases a program; results, and arguments changed in place, are compared to 1e-9.
"""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

strategies_folder, runtime, work, chosen, *combinations = sys.argv[1:]
strategies_folder, work, chosen = Path(strategies_folder), Path(work), Path(chosen)
guest = next(folder for folder in [Path('/sandbox/guest'), strategies_folder.parent / 'sandbox/guest'] if folder.exists())
sys.path[:0] = [str(guest), str(Path(__file__).parent)]

import numpy as np  # noqa: E402
from frames import decode, encode  # noqa: E402
from process_state import changes, process_state  # noqa: E402
from variants import variants  # noqa: E402


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def agree(got, expected):
    if isinstance(expected, tuple):
        return isinstance(got, tuple) and len(got) == len(expected) and all(map(agree, got, expected))
    if isinstance(expected, np.ndarray):
        same = isinstance(got, np.ndarray) and got.shape == expected.shape and got.dtype == expected.dtype
        return same and np.allclose(got, expected, rtol=1e-9, atol=1e-12)
    if expected is None or isinstance(expected, str):
        return got == expected
    # A NumPy scalar may come back as a plain number of the same kind.
    return np.result_type(got).kind == np.result_type(expected).kind and np.isclose(got, expected, rtol=1e-9, atol=1e-12)


def outcome(function, args, kwargs):
    """What a call gives, or how it fails, and what it leaves of its arguments."""
    try:
        return function(*args, **kwargs), args, kwargs
    except Exception as error:
        return type(error), args, kwargs


def differing_variant(original, function, case):
    """The way of giving a case in which the two differ; None: there is none."""
    for what, (args, kwargs) in variants((case, {}), original):
        with np.errstate(all='ignore'):
            expected = outcome(original, copy.deepcopy(args), copy.deepcopy(kwargs))
            got = outcome(function, copy.deepcopy(args), copy.deepcopy(kwargs))
        if not same(got, expected):
            return f'{what}: expected {expected[0]!r}, got {got[0]!r}'
    return None


def same(got, expected):
    if isinstance(expected, (tuple, list)):
        return type(got) is type(expected) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, dict):
        return got.keys() == expected.keys() and all(same(got[key], expected[key]) for key in expected)
    return got is expected if isinstance(expected, type) else agree(got, expected)


def compare(folder, program, original, cases):
    """Runs in a child process, since a wrong program may bring it down."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        sys.path.insert(0, str(folder))
        verdict = {'kind': 'right'}
        before = process_state()
        try:
            function = getattr(load(folder / program['entry'], 'candidate'), program['function'])
            for case in cases:
                # A candidate's arguments come out of a frame.
                ours, theirs = copy.deepcopy(case), decode(encode(case), writable=True)
                expected, got = original(*ours), function(*theirs)
                if not agree(got, expected) or not agree(theirs, ours):
                    verdict = {'kind': 'wrong', 'detail': f'expected {expected!r}, got {got!r}'[:400]}
                    break
            # An extension is made for the types of one case; what else the original takes is sent to it.
            differing = differing_variant(original, function, cases[0]) if program['build'] else None
            changed = changes(before, process_state())
            if verdict['kind'] == 'right' and (differing is not None or changed):
                verdict = {'kind': 'wrong', 'detail': differing[:400] if differing else f'changes its process: {changed}'}
        except Exception as error:
            verdict = {'kind': 'crashed', 'detail': f'{type(error).__name__}: {error}'[:2000]}
        os.write(write, json.dumps(verdict).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {'kind': 'crashed', 'detail': 'the process ended without a verdict'}


def attempt(strategies, folder, original, cases):
    made = subprocess.run(
        [sys.executable, '-I', '-B', strategies_folder / 'strategies.py', '--module', chosen, '--function', original.__name__,
         '--case', work / 'case.frame', '--out', folder, '--strategies', strategies],
        capture_output=True, text=True,
    )
    if made.returncode == 3:
        reasons = json.loads((folder / 'problem.json').read_text())['reasons']
        return {'kind': 'refused', 'detail': '; '.join(f'{reason["line"]}: {reason["message"]}' for reason in reasons)}
    if made.returncode != 0:
        return {'kind': 'buildFailed', 'detail': made.stderr[-2000:]}
    program = json.loads((folder / 'program.json').read_text())
    if program['build']:
        build = program['build']
        fast_math = ['--fast-math'] if build['fastMath'] else []
        argv = [guest / 'build.py', build['tool'], *fast_math, '--nanobind', runtime, *build['sources']]
        built = subprocess.run([sys.executable, *argv], cwd=folder, capture_output=True, text=True)
        if built.returncode != 0:
            return {'kind': 'buildFailed', 'detail': (built.stdout + built.stderr)[-3000:]}
    return compare(folder, program, original, cases)


name = chosen.stem
chosen_module = load(chosen, name)
random = np.random.default_rng(7)
cases = [chosen_module.make_case(random) for _ in range(6)]
(work / 'case.frame').write_bytes(encode({'args': cases[0], 'kwargs': {}}))
for number, strategies in enumerate(combinations):
    verdict = attempt(strategies, work / f'program-{number}', getattr(chosen_module, name), cases)
    print(json.dumps({'strategies': strategies, **verdict}), flush=True)
