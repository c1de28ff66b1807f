"""Builds the Python package crucible_native: `build.py --python PYTHON --nanobind FOLDER --out FOLDER`.

--python   the interpreter the package is for; its headers are used
--nanobind the folder with nanobind's include/ and libnanobind.a, the runtime compiled beforehand
--out      where the folder crucible_native goes, for instance the interpreter's site-packages
One call of g++ and no build system: there is one source file.
"""

import argparse
import platform
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent

# AVX2 and FMA, on every x86 server since 2013. -march=native would be faster on some hosts and crash on others: the image
# is built once and run anywhere. No contraction, so that two builds round alike.
MACHINE = ['-march=x86-64-v3'] if platform.machine() == 'x86_64' else []
FLAGS = ['-std=c++17', '-O3', *MACHINE, '-ffp-contract=off', '-fno-math-errno', '-DNDEBUG', '-Wall', '-Wextra']
EXTENSION = ['-fPIC', '-shared', '-fvisibility=hidden', '-pthread', '-s']


def build(python, nanobind, out):
    """Compiles the binding and puts the package into `out`. Raises CalledProcessError where the compiler fails."""
    headers = subprocess.run(
        [python, '-c', 'import sysconfig; print(sysconfig.get_path("include"))'],
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    package = out / 'crucible_native'
    package.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / 'python' / 'crucible_native' / '__init__.py', package)
    includes = [f'-I{HERE}', '-isystem', f'{nanobind / "include"}', '-isystem', headers]
    source, library = HERE / 'binding.cpp', nanobind / 'libnanobind.a'
    subprocess.run(
        ['g++', *FLAGS, *EXTENSION, *includes, str(source), str(library), '-o', str(package / '_kernels.so')], check=True
    )


def main():
    parser = argparse.ArgumentParser(description='Builds the Python package crucible_native.', allow_abbrev=False)
    parser.add_argument('--python', required=True)
    parser.add_argument('--nanobind', type=Path, required=True)
    parser.add_argument('--out', type=Path, required=True)
    options = parser.parse_args()
    build(options.python, options.nanobind, options.out)


if __name__ == '__main__':
    main()
