"""Runs outlined programs on the sample case, each in a process of its own, and compares them with the original."""

import json
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from source import NotApplicable

# Seconds: for reading the original and running it once; for one program at the least.
_TO_BEGIN, _LEAST = 60, 5


class Trial:
    """The original runs once; every program then runs in a copy of that process, in which Numba is loaded already."""

    def __init__(self, module, case, folder, seconds):
        self.module, self.whole, self.best = module, False, float('inf')
        self.types = {}
        self.known = {}
        self.work = Path(tempfile.mkdtemp())
        self.ends = time.monotonic() + seconds
        (self.work / 'case.frame').write_bytes(case)
        _copy(folder, self.work / 'original')
        self.count, self.untried, self.server = 0, 0, None

    def out_of_time(self):
        return time.monotonic() > self.ends

    def run(self, program):
        """{"reason"} where a part was not compiled, {"differs", "whole"} where the answer is another, {"seconds", "original"}."""
        key = json.dumps(program.files, sort_keys=True)
        if key not in self.known:
            self.known[key] = self._run(program)
        return dict(self.known[key])

    def observed(self, text):
        """What `observe.py` tells of the program with another text. Raises NotApplicable where it tells nothing."""
        folder = self.work / 'observed'
        _copy(self.work / 'original', folder)
        (folder / self.module.filename).write_text(text, 'utf-8', 'surrogateescape')
        argv = ['--module', folder / self.module.filename, '--function', self.module.name, '--case', self.work / 'case.frame']
        argv = [sys.executable, '-I', '-B', Path(__file__).parent / 'observe.py', *argv, '--out', folder / '.run']
        try:
            subprocess.run(argv, cwd=folder, capture_output=True, timeout=_TO_BEGIN, start_new_session=True)
            return json.loads((folder / '.run/record.json').read_text())
        except (subprocess.TimeoutExpired, FileNotFoundError):
            raise NotApplicable('the program in other words could not be observed') from None

    def _run(self, program):
        self.count += 1
        folder = self.work / f'program-{self.count}'
        _copy(self.work / 'original', folder)
        for name, text in program.files.items():
            (folder / name).write_text(text, 'utf-8', 'surrogateescape')
        (folder / '.run').mkdir()
        seconds = max(_LEAST, self.ends - time.monotonic())
        try:
            if self.server is None:
                self._begin()
            self.server.stdin.write(f'{folder}\t{int(seconds) + 1}\n'.encode())
            self.server.stdin.flush()
            if not self._answered(seconds + _LEAST):
                return {'reason': 'compiling took too long'}
        except BrokenPipeError:
            return {'reason': f'did not run: {self._said()}'}
        try:
            return json.loads((folder / 'verdict.json').read_text())
        except FileNotFoundError:
            return {'reason': 'compiling took too long, or ended the process'}

    def _begin(self):
        argv = [sys.executable, '-I', '-B', Path(__file__).parent / 'try_outlined.py', self.work, self.module.filename, self.module.name]
        (self.work / 'errors').touch()
        with open(self.work / 'errors', 'wb') as errors:
            self.server = subprocess.Popen(
                argv, cwd=self.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
        self._answered(_TO_BEGIN)

    def _answered(self, seconds):
        """Whether the process said within some seconds that it is done with what it was asked."""
        ready, _, _ = select.select([self.server.stdout], [], [], seconds)
        return bool(ready) and self.server.stdout.readline() != b''

    def _said(self):
        return (self.work / 'errors').read_text('utf-8', 'replace').strip().split('\n')[-1][:300]

    def close(self):
        if self.server is not None:
            self.server.kill()
            self.server.communicate()
        shutil.rmtree(self.work, ignore_errors=True)


def _copy(folder, into):
    """Copies files without their modes: what is given to a strategy may not be written to, its copy may."""
    into.mkdir()
    for path in sorted(folder.rglob('*')):
        if '__pycache__' in path.parts or '.run' in path.parts:
            continue
        if path.is_dir():
            (into / path.relative_to(folder)).mkdir()
        elif path.is_file():
            shutil.copyfile(path, into / path.relative_to(folder))
