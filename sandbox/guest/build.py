"""Compiles a program's extensions inside the sandbox: `build.py nanobind|pybind11|pythran [--fast-math] SOURCE…`.

Each source becomes SOURCE's stem + `.so` in the working directory. Compiler flags come from the lists in compiler-flags.json and
nowhere else: a program cannot bring its own.
"""

import argparse
import json
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

# Read by `cli/keep/export-build.ts` too, so that an export is built as what was judged was.
FLAGS = json.loads(Path(__file__).with_name('compiler-flags.json').read_text())
# AVX2 and FMA: every x86 server since 2013 and whatever host the program is moved to, which -march=native would not be.
MACHINE = FLAGS.get(platform.machine(), [])
# Python's integers do not overflow: two's complement is the nearest to it. No contraction: results stay Python's.
CPP = [*FLAGS['cpp'], *MACHINE]
# What -ffast-math stands for but for one thing: linked into a shared library, it has the whole process flush tiny numbers to zero.
FAST_MATH = FLAGS['fastMath']


def nanobind(source: Path, fast_math: bool, runtime: Path) -> None:
    """Compiles one C++ file against the prebuilt nanobind runtime (include/ and libnanobind.a)."""
    _extension(source, fast_math, [f'-I{runtime / "include"}'], [str(runtime / 'libnanobind.a')])


def pybind11(source: Path, fast_math: bool, _: Path) -> None:
    """Compiles one C++ file with pybind11, which is headers alone."""
    include = Path(sysconfig.get_path('platlib')) / 'pybind11' / 'include'
    _extension(source, fast_math, [f'-I{include}'], [])


def pythran(source: Path, fast_math: bool, _: Path) -> None:
    """Compiles one Python file with Pythran."""
    # No BLAS: loops need none, and its headers are not everywhere.
    flags = [*FLAGS['pythran'], *MACHINE, *(FAST_MATH if fast_math else [])]
    command = [sys.executable, '-m', 'pythran.run', '--config', 'compiler.blas=none', *flags]
    _run([*command, str(source), '-o', f'{source.stem}.so'])


def _extension(source: Path, fast_math: bool, includes: list[str], libraries: list[str]) -> None:
    flags = CPP + (FAST_MATH if fast_math else [])
    own = [f'-I{sysconfig.get_path("include")}', f'-I{source.resolve().parent}']
    compiled = Path(f'{source.stem}.o')
    _run(['g++', *flags, *FLAGS['extension'], *includes, *own, '-c', str(source), '-o', str(compiled)])
    _run(['g++', *FLAGS['shared'], str(compiled), *libraries, '-o', f'{source.stem}.so'])
    compiled.unlink()


def _run(command: list[str]) -> None:
    if subprocess.run(command).returncode != 0:
        raise SystemExit(1)


def main() -> None:
    tools = {'nanobind': nanobind, 'pybind11': pybind11, 'pythran': pythran}
    options = argparse.ArgumentParser(description='Compiles the extensions of a program.', allow_abbrev=False)
    options.add_argument('tool', choices=sorted(tools))
    options.add_argument('--fast-math', action='store_true')
    options.add_argument('--nanobind', type=Path, default=Path('/opt/crucible/nanobind'), help='the folder of its runtime')
    options.add_argument('sources', nargs='+', type=Path)
    chosen = options.parse_args()
    for source in chosen.sources:
        tools[chosen.tool](source, chosen.fast_math, chosen.nanobind)


if __name__ == '__main__':
    main()
