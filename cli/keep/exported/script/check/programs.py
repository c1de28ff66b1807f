"""Runs the original script or the faster one, each time in a new folder with the same inputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
SETTINGS = json.loads((FOLDER / 'export.json').read_text('utf-8'))


class Run:
    """One run of the script in `program/` or `original/`; its files are there until the `with` block ends.

    Raises `RuntimeError` with what it wrote last where it ends with another exit code than 0.
    """

    def __init__(self, folder: str) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name) / 'work'
        # The original's folder holds the inputs as well.
        shutil.copytree(FOLDER / 'original', self.folder)
        shutil.copytree(FOLDER / folder, self.folder, dirs_exist_ok=True)
        entry = SETTINGS[folder]
        threads = ('CRUCIBLE_CORES', 'OMP_NUM_THREADS', 'NUMBA_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
        cores = {name: str(SETTINGS['cores']) for name in threads}
        began = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, '-B', entry['script'], *entry['args']],
            cwd=self.folder,
            env={**cores, **os.environ},
            capture_output=True,
        )
        self.seconds = time.perf_counter() - began
        if ran.returncode != 0:
            self._temporary.cleanup()
            raise RuntimeError(f'{folder} ended with exit code {ran.returncode}:\n{ran.stderr.decode(errors="replace")[-2000:]}')
        self.stdout = Path(self._temporary.name) / 'stdout'
        self.stdout.write_bytes(ran.stdout)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def outputs(self) -> dict[str, Path]:
        """The files that the job's patterns match, by path; a pattern may be that of a folder."""
        matched = [entry for pattern in SETTINGS['outputs'] for entry in self.folder.glob(pattern)]
        found = [file for entry in matched for file in ([entry] if entry.is_file() else entry.rglob('*')) if file.is_file()]
        return {str(file.relative_to(self.folder)): file for file in sorted(set(found))}


def check_of(path: str) -> dict[str, object] | None:
    """What the job says of the file at `path`, where it does: how voxels lie in it."""
    checks = SETTINGS.get('checks', [])
    return next((check for check in checks if fnmatch(path, check['path']) or path.startswith(f'{check["path"]}/')), None)
