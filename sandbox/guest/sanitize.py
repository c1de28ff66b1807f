"""Builds an extension with AddressSanitizer, and has it answer cases: what it reads or writes beside its memory is told with the line.

    sanitize.py --cases FOLDER --harness FILE.py -- ARGUMENTS OF build.py

Ends with code 0 where nothing was found, or where the module failed otherwise, which is told where it is run as it is; with `EXIT_FOUND`
where something was: the last of stderr is what, in a few lines; with 1 where it cannot be built.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

_GUEST = Path(__file__).resolve().parent
EXIT_FOUND = 98
_EXIT_REPORTED = 99
# A library that is loaded where its shadow would lie ends before anything is called: the next time it lies elsewhere.
_MOST_STARTS = 5
_BEGAN = 'crucible: began'
_MOST_FRAMES = 6
_OPTIONS = 'detect_leaks=0:abort_on_error=0:allocator_may_return_null=1:quarantine_size_mb=32:handle_segv=1:detect_stack_use_after_return=0'


def run(harness: Path, cases: Path) -> tuple[int, str]:
    """The exit status of a process that answers the cases, and what it said."""
    library = subprocess.run(['g++', '-print-file-name=libasan.so'], capture_output=True, text=True, check=True).stdout.strip()
    standard = subprocess.run(['g++', '-print-file-name=libstdc++.so'], capture_output=True, text=True, check=True).stdout.strip()
    environment = {
        **os.environ,
        'LD_PRELOAD': f'{library} {standard}',
        'ASAN_OPTIONS': f'{_OPTIONS}:exitcode={_EXIT_REPORTED}',
        'PYTHONMALLOC': 'malloc',
    }
    said = ''
    for _ in range(_MOST_STARTS):
        command = [sys.executable, '-I', '-B', str(Path(__file__).resolve()), '--harness', str(harness), '--cases', str(cases), '--answer']
        ran = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = ran.stderr.decode('utf-8', 'replace')
        if _BEGAN in said:
            return ran.returncode, said
    raise SystemExit(f'AddressSanitizer did not start: {said[-500:]}')


def answer(harness: Path, cases: Path) -> None:
    """Answers the cases one after another. What the module raises is no matter here."""
    sys.path.insert(0, str(_GUEST))
    from cases import decode_case

    sys.path.remove(str(_GUEST))
    sys.path.insert(0, str(harness.parent))
    spec = importlib.util.spec_from_file_location('crucible_extension', harness)
    if spec is None or spec.loader is None:
        raise SystemExit(f'expected a Python file at {harness}')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(_BEGAN, file=sys.stderr, flush=True)
    for path in sorted(cases.glob('*.frame')):
        args, kwargs = decode_case(bytearray(path.read_bytes()), writable=True)
        which, kind, *given = args
        shown = ', '.join(_shown(each) for each in given)
        print(f'crucible: {which}({shown})', file=sys.stderr, flush=True)
        try:
            module.call(*args, **kwargs)
        except BaseException:
            continue


def _shown(value: object) -> str:
    shape, dtype = getattr(value, 'shape', None), getattr(value, 'dtype', None)
    return repr(value)[:60] if shape is None else f'{dtype}[{",".join(map(str, shape))}]'


def told(said: str, folder: Path) -> str:
    """What AddressSanitizer reports, in the lines that help: what it is, the call, and where that is in the sources."""
    error = re.search(r'ERROR: AddressSanitizer:? ?([^\n]*)', said)
    access = re.search(r'^(READ|WRITE) of size \d+', said, re.MULTILINE)
    what = re.sub(r' on (?:unknown )?address .*| at pc .*', '', error.group(1)) if error else 'it crashed'
    call = next((line.removeprefix('crucible: ') for line in reversed(said.splitlines()) if line.startswith('crucible: ') and line != _BEGAN), None)
    frames = [_frame(line, folder) for line in said.splitlines() if re.match(r'\s+#\d+ 0x', line)]
    own = [each for each in frames if each is not None][:_MOST_FRAMES]
    where = re.search(r'^(0x\w+ is located .*|Address .* is located in stack .*)', said, re.MULTILINE)
    place = re.sub(r'^0x\w+ is|\[0x[^)]*\)?|^Address 0x\w+ is', lambda found: 'it is' if 'is' in found.group() else '', where.group(1)).strip() if where else ''
    headline = f'AddressSanitizer: {what}{f" ({access.group()})" if access else ""}{f" at {own[0]}" if own else ""}'
    rest = [f'in the call {call}' if call else '', place, *(f'called from {each}' for each in own[1:])]
    return '\n'.join([headline, *(line for line in rest if line)])


def _frame(line: str, folder: Path) -> str | None:
    """`kernel.cpp:12 in smooth`, of a frame in the sources of the program; None of any other."""
    found = re.search(r' in (.+) (\S+\.(?:cpp|hpp|cc|cxx|h|c)):(\d+)(?::\d+)?$', line)
    if found is None:
        return None
    function, path, number = found.groups()
    path = os.path.normpath(folder / path)
    if not path.startswith(f'{folder}/'):
        return None
    return f'{os.path.relpath(path, folder)}:{number} in {re.sub(r"[(<].*", "", function)}'


def main() -> None:
    options = argparse.ArgumentParser(description='Runs an extension under AddressSanitizer.', allow_abbrev=False)
    options.add_argument('--cases', type=Path, required=True)
    options.add_argument('--harness', type=Path, required=True)
    options.add_argument('--answer', action='store_true', help='in the process that is watched')
    options.add_argument('build', nargs='*')
    chosen = options.parse_args()
    if chosen.answer:
        answer(chosen.harness, chosen.cases)
        return
    built = subprocess.run([sys.executable, '-I', '-B', str(_GUEST / 'build.py'), *chosen.build, '--sanitize'])
    if built.returncode != 0:
        raise SystemExit(built.returncode)
    status, said = run(chosen.harness.resolve(), chosen.cases.resolve())
    if status == _EXIT_REPORTED:
        print(f'{said[-20_000:]}\n{told(said, Path.cwd())}', file=sys.stderr)
        raise SystemExit(EXIT_FOUND)


if __name__ == '__main__':
    main()
