"""Builds the Python package crucible_native: `build.py --python PYTHON --nanobind FOLDER --out FOLDER [--sanitize]`.

--python   the interpreter the package is for; its headers are used
--nanobind the folder with nanobind's include/ and libnanobind.a, the runtime compiled beforehand
--out      where the folder crucible_native goes, for instance the interpreter's site-packages
--sanitize with checks of addresses and undefined behaviour
No build system: there is one source file, which g++ compiles once for each instruction set.
"""

import argparse
import platform
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Instruction sets by the module that holds them; the package loads the best that the processor has. Whole modules, since
# one function of the standard library, compiled for AVX-512 and shared by all, would crash elsewhere.
LEVELS = {'baseline': 'x86-64', 'avx2': 'x86-64-v3', 'avx512': 'x86-64-v4'}
# No contraction, so that all modules round alike: the same results, to the last bit.
# GCC 12 takes what its own header of AVX-512 leaves undefined on purpose for uninitialised.
FLAGS = ['-std=c++17', '-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-Wall', '-Wextra',
         '-Wno-maybe-uninitialized']  # fmt: skip
PLAIN = ['-DNDEBUG', '-s']
SANITIZED = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
EXTENSION = ['-fPIC', '-shared', '-fvisibility=hidden', '-pthread']


def machine(level):
    """The flags of an instruction set."""
    wide = ['-mprefer-vector-width=512'] if level == 'avx512' else []
    return [f'-march={LEVELS[level]}', *wide] if platform.machine() == 'x86_64' else []


def build(python, nanobind, out, sanitize=False):
    """Compiles the binding and puts the package into `out`. Raises CalledProcessError where the compiler fails."""
    headers = subprocess.run(
        [python, '-c', 'import sysconfig; print(sysconfig.get_path("include"))'],
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    package = out / 'crucible_native'
    package.mkdir(parents=True, exist_ok=True)
    for source in (HERE / 'python' / 'crucible_native').glob('*.py'):
        shutil.copy(source, package)
    includes = [f'-I{HERE}', '-isystem', f'{nanobind / "include"}', '-isystem', headers]
    source, library = HERE / 'binding.cpp', nanobind / 'libnanobind.a'
    one = platform.machine() != 'x86_64'
    compilers = []
    for level in ['baseline'] if one else LEVELS:
        flags = [*FLAGS, *(SANITIZED if sanitize else PLAIN), *machine(level), f'-DCRUCIBLE_MODULE=_{level}']
        into = str(package / f'_{level}.so')
        command = ['g++', *flags, *EXTENSION, *includes, str(source), str(library), '-o', into]
        compilers.append((command, subprocess.Popen(command)))
        # With checks a compiler takes a gigabyte: one after the other.
        if sanitize:
            compilers[-1][1].wait()
    for command, compiler in compilers:
        if compiler.wait() != 0:
            raise subprocess.CalledProcessError(compiler.returncode, command)


def main():
    parser = argparse.ArgumentParser(description='Builds the Python package crucible_native.', allow_abbrev=False)
    parser.add_argument('--python', required=True)
    parser.add_argument('--nanobind', type=Path, required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--sanitize', action='store_true')
    options = parser.parse_args()
    build(options.python, options.nanobind, options.out, options.sanitize)


if __name__ == '__main__':
    main()
