"""Compiles a program's extensions inside the sandbox: `build.py TOOL [--fast-math] [--sanitize] SOURCE…`.

With nanobind, pybind11, pythran and cython each source becomes SOURCE's stem + `.so` in the working directory. Compiler flags come from the lists
in compiler-flags.json and nowhere else: a program cannot bring its own. With setuptools and cmake SOURCE is `setup.py`, or `CMakeLists.txt`,
which says what is compiled and how; what comes of it lies in the working directory, too. `--sanitize` has AddressSanitizer compiled in.
"""

import argparse
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# Read by `cli/keep/export-build.ts` too, so that an export is built as what was judged was.
FLAGS = json.loads(Path(__file__).with_name('compiler-flags.json').read_text())
# AVX2 and FMA: every x86 server since 2013 and whatever host the program is moved to, which -march=native would not be.
MACHINE = FLAGS.get(platform.machine(), [])
# Python's integers do not overflow: two's complement is the nearest to it. No contraction: results stay Python's.
CPP = [*FLAGS['cpp'], *MACHINE]
# What -ffast-math stands for but for one thing: linked into a shared library, it has the whole process flush tiny numbers to zero.
FAST_MATH = FLAGS['fastMath']
# No program that is handed over is built with these.
SANITIZE = ['-fsanitize=address', '-fno-omit-frame-pointer', '-O1', '-g']


def nanobind(source: Path, more: list[str], runtime: Path) -> None:
    """Compiles one C++ file against the prebuilt nanobind runtime (include/ and libnanobind.a)."""
    _extension(source, more, [f'-I{runtime / "include"}'], [str(runtime / 'libnanobind.a')])


def pybind11(source: Path, more: list[str], _: Path) -> None:
    """Compiles one C++ file with pybind11, which is headers alone."""
    include = Path(sysconfig.get_path('platlib')) / 'pybind11' / 'include'
    _extension(source, more, [f'-I{include}'], [])


def pythran(source: Path, more: list[str], _: Path) -> None:
    """Compiles one Python file with Pythran."""
    # No BLAS: loops need none, and its headers are not everywhere.
    flags = [*FLAGS['pythran'], *MACHINE, *more]
    command = [sys.executable, '-m', 'pythran.run', '--config', 'compiler.blas=none', *flags]
    _run([*command, str(source), '-o', f'{source.stem}.so'])


def cython(source: Path, more: list[str], _: Path) -> None:
    """Compiles one Python file to C with Cython, and that to an extension."""
    written = Path(f'{source.stem}.c')
    _run([sys.executable, '-m', 'cython', *FLAGS['cython'], '--module-name', source.stem, str(source), '-o', str(written)])
    flags = [*FLAGS['c'], *MACHINE, *more, *FLAGS['extension'], f'-I{sysconfig.get_path("include")}']
    _run(['gcc', *flags, *FLAGS['shared'], str(written), '-o', f'{source.stem}.so'])
    written.unlink()


def setuptools(source: Path, more: list[str], _: Path) -> None:
    """Has a `setup.py` build its extensions in place."""
    os.environ.update({name: shlex.join(more) for name in ('CFLAGS', 'CXXFLAGS', 'LDFLAGS') if more})
    own = [sys.executable, source.name, '-q', 'build_ext', '--inplace', '--force']
    _run(own, source.parent, 'setup.py')
    _take(Path.cwd().glob('*/*.so'))
    shutil.rmtree('build', ignore_errors=True)


def cmake(source: Path, more: list[str], _: Path) -> None:
    """Has CMake build what a `CMakeLists.txt` says; it finds pybind11, nanobind and the Python that runs this."""
    program = shutil.which('cmake') or _packaged_cmake()
    packages = {'pybind11_DIR': _cmake_folder('pybind11'), 'nanobind_DIR': _cmake_folder('nanobind')}
    python = {name: sys.executable for name in ('Python_EXECUTABLE', 'Python3_EXECUTABLE', 'PYTHON_EXECUTABLE')}
    flags = {'CMAKE_CXX_FLAGS': shlex.join(more), 'CMAKE_MODULE_LINKER_FLAGS': shlex.join(more)} if more else {}
    named = {'CMAKE_BUILD_TYPE': 'Release', **packages, **python, **flags}
    # CMake's own words go to the log, where those of the compiler are.
    _run([program, '-S', str(source.parent), '-B', 'build', *(f'-D{name}={value}' for name, value in named.items())], what='CMake')
    _run([program, '--build', 'build', '--parallel', '2'], what='CMake')
    _take(Path('build').rglob('*.so'))
    shutil.rmtree('build', ignore_errors=True)


def _packaged_cmake() -> str:
    """The program in the package `cmake`, which the environment of a job brings."""
    found = importlib.util.find_spec('cmake')
    folders = (found.submodule_search_locations or []) if found else []
    return next((str(Path(folder) / 'data/bin/cmake') for folder in folders), 'cmake')


def _cmake_folder(package: str) -> str:
    ran = subprocess.run([sys.executable, '-m', package, '--cmake_dir' if package == 'nanobind' else '--cmakedir'], capture_output=True, text=True)
    return ran.stdout.strip()


def _take(modules: Iterable[Path]) -> None:
    for module in modules:
        shutil.move(module, module.name)


def _extension(source: Path, more: list[str], includes: list[str], libraries: list[str]) -> None:
    flags = CPP + more
    own = [f'-I{sysconfig.get_path("include")}', f'-I{source.resolve().parent}']
    compiled = Path(f'{source.stem}.o')
    _run(['g++', *flags, *FLAGS['extension'], *includes, *own, '-c', str(source), '-o', str(compiled)])
    shared = ['-shared', '-pthread', *SANITIZE] if SANITIZE[0] in more else FLAGS['shared']
    _run(['g++', *shared, str(compiled), *libraries, '-o', f'{source.stem}.so'])
    compiled.unlink()


def _run(command: list[str], folder: Path | None = None, what: str = 'the compiler') -> None:
    try:
        status = subprocess.run(command, cwd=folder, stdout=sys.stderr if what == 'CMake' else None).returncode
    except FileNotFoundError:
        raise SystemExit(f'{what}: there is no {Path(command[0]).name} in this sandbox') from None
    if status != 0:
        raise SystemExit(1)


def main() -> None:
    tools = {each.__name__: each for each in (nanobind, pybind11, pythran, cython, setuptools, cmake)}
    options = argparse.ArgumentParser(description='Compiles the extensions of a program.', allow_abbrev=False)
    options.add_argument('tool', choices=sorted(tools))
    options.add_argument('--fast-math', action='store_true')
    options.add_argument('--sanitize', action='store_true')
    options.add_argument('--nanobind', type=Path, default=Path('/opt/crucible/nanobind'), help='the folder of its runtime')
    options.add_argument('sources', nargs='+', type=Path)
    chosen = options.parse_args()
    more = [*(FAST_MATH if chosen.fast_math else []), *(SANITIZE if chosen.sanitize else [])]
    for source in chosen.sources:
        tools[chosen.tool](source, more, chosen.nanobind)


if __name__ == '__main__':
    main()
