"""Makes outlined/NAME.py faster by `outline_loops` and compares it with the original on all its cases; one JSON line a program.

    run_outlined.py STRATEGY_FOLDER WORK_FOLDER outlined/NAME.py…

Lines: {"name", "problem": empty where every case gives the same, "used": of how many cases compiled code gave the answer}. The same is: answers
of the same types and values (floats to 1e-9), or an exception of the same class with the same text, and the same left of the arguments.
"""

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

strategies_folder, work, *chosen = sys.argv[1:]
strategies_folder, work = Path(strategies_folder), Path(work)
guest = next(folder for folder in [Path('/sandbox/guest'), strategies_folder.parent / 'sandbox/guest'] if folder.exists())
sys.path[:0] = [str(guest)]

import numpy as np  # noqa: E402
from frames import encode  # noqa: E402


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(got, expected):
    if isinstance(expected, BaseException):
        return type(got) is type(expected) and str(got) == str(expected)
    if isinstance(expected, (list, tuple)):
        return type(got) is type(expected) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, dict):
        return type(got) is type(expected) and list(got) == list(expected) and all(same(got[key], expected[key]) for key in expected)
    if isinstance(expected, np.ndarray):
        alike = isinstance(got, np.ndarray) and got.dtype == expected.dtype and got.shape == expected.shape
        return alike and np.allclose(got, expected, rtol=1e-9, atol=0, equal_nan=True)
    if isinstance(expected, float):
        return isinstance(got, float) and (got == expected or np.isclose(got, expected, rtol=1e-9, atol=0, equal_nan=True))
    return type(got) is type(expected) and got == expected


def outcome(function, case):
    args = copy.deepcopy(case)
    try:
        with np.errstate(all='ignore'):
            return function(*args), args
    except Exception as error:
        return error, args


def made(path, sample):
    name = path.stem
    folder = work / name
    (folder / 'program').mkdir(parents=True)
    for file in path.parent.glob('*.py'):
        (folder / 'program' / file.name).write_text(file.read_text())
        # As a job gives them.
        (folder / 'program' / file.name).chmod(0o444)
    (folder / 'case.frame').write_bytes(encode({'args': sample, 'kwargs': {}}))
    asked = ['--module', folder / 'program' / path.name, '--function', name, '--case', folder / 'case.frame']
    run = [sys.executable, '-I', '-B']
    observed = subprocess.run([*run, strategies_folder / 'observe.py', *asked, '--out', folder], cwd=folder, capture_output=True, text=True)
    if observed.returncode:
        return None, f'not observed: {observed.stderr[-800:]}'
    asked += ['--record', folder / 'record.json', '--out', folder / 'made', '--strategies', 'outline_loops']
    strategy = subprocess.run([*run, strategies_folder / 'strategies.py', *asked], cwd=folder, capture_output=True, text=True)
    if strategy.returncode == 3:
        reasons = json.loads((folder / 'made/problem.json').read_text())['reasons']
        return None, 'refused: ' + '; '.join(f'{reason["line"]}: {reason["message"]}' for reason in reasons)
    if strategy.returncode:
        return None, strategy.stderr[-800:]
    sys.path.insert(0, str(folder / 'made'))
    return getattr(load(folder / 'made' / path.name, f'{name}_made'), name), ''


def compared(path):
    module = load(path, path.stem)
    cases = module.cases(np.random.default_rng(3))
    function, problem = made(path, cases[0])
    used = 0
    if function is not None:
        import python_loops

        for number, case in enumerate(cases):
            before = sum(region.used for region in python_loops.Region.every)
            expected, got = outcome(getattr(module, path.stem), case), outcome(function, case)
            used += sum(region.used for region in python_loops.Region.every) > before
            if not same(got, expected):
                problem = problem or f'case {number}: expected {expected!r:.300}, got {got!r:.300}'
    return {'name': path.stem, 'problem': problem, 'used': used}


sys.path.insert(0, str(Path(chosen[0]).parent))
for each in chosen:
    print(json.dumps(compared(Path(each))), flush=True)
