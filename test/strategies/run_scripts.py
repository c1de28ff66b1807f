"""Makes programs for scripts/NAME.py and compares what they print and write with the original; one JSON line a program.

    run_scripts.py STRATEGY_FOLDER WORK_FOLDER scripts/NAME.py COMBINATION…

Lines: {"strategies", "kind": "right" | "wrong" | "refused" | "crashed", "detail", "decorated": {function: its decorator}}. What is
compared must be the same byte by byte. Every script gets the argument 20, which the example takes for a size.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

strategies_folder, work, script, *combinations = sys.argv[1:]
script = Path(script).resolve()


def run(path, folder):
    """What a script prints, and the files it writes into `folder`; an error message where it fails."""
    folder.mkdir()
    done = subprocess.run([sys.executable, '-B', path, '20'], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr[-2000:]
    return done.stdout, {file.name: file.read_bytes() for file in folder.iterdir()}


def attempt(strategies, folder):
    made = subprocess.run(
        [sys.executable, '-I', '-B', Path(strategies_folder) / 'strategies.py', '--script', script, '--out', folder, '--strategies', strategies],
        capture_output=True, text=True,
    )
    if made.returncode == 3:
        reasons = json.loads((folder / 'problem.json').read_text())['reasons']
        return {'kind': 'refused', 'detail': '; '.join(f'{reason["line"]}: {reason["message"]}' for reason in reasons)}
    if made.returncode != 0:
        return {'kind': 'crashed', 'detail': made.stderr[-2000:]}
    program = json.loads((folder / 'program.json').read_text())
    path = folder / program['entry']
    expected, got = run(script, folder / 'original'), run(path, folder / 'run')
    if isinstance(got, str):
        return {'kind': 'crashed', 'detail': got}
    verdict = {'kind': 'right'} if got == expected else {'kind': 'wrong', 'detail': f'expected {expected!r}, got {got!r}'[:2000]}
    decorated = {name: decorator for decorator, name in re.findall(r'^(@.*)\ndef (\w+)', path.read_text(), re.MULTILINE)}
    return {**verdict, 'decorated': decorated}


for number, strategies in enumerate(combinations):
    print(json.dumps({'strategies': strategies, **attempt(strategies, Path(work) / f'program-{number}')}), flush=True)
