import { basename, dirname } from 'node:path/posix';
import type { Build } from '../../domain/program.schema.ts';
import flags from '../../sandbox/guest/compiler-flags.json' with { type: 'json' };

/** The Python that extensions are built for inside a sandbox. */
export const sandboxPython = '3.11';

const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** The machine that extensions are built for here, as Python names it. */
export const machine = architectures[process.arch] ?? process.arch;

/**
 * Returns the name by which only the Python that `kernel.so` was built for loads it. Another then says that there is no such module; it
 * would crash on an extension made for other internals.
 */
export const taggedExtension = (path: string): string =>
  path.replace(/\.so$/, `.cpython-${sandboxPython.replace('.', '')}-${machine}-linux-gnu.so`);

const cppFlags = [...flags.cpp, ...flags.extension].join(' ');
const cFlags = [...flags.c, ...flags.extension].join(' ');
const sharedFlags = flags.shared.join(' ');
const pythranFlags = flags.pythran.join(' ');
const fastMathFlags = flags.fastMath.join(' ');

/** What is installed for each tool. */
const packagesFor: Record<Build['tool'], string[]> = {
  ...{ nanobind: ['nanobind'], pybind11: ['pybind11'], pythran: ['pythran'] },
  cython: ['cython'],
  ...{ setuptools: ['setuptools', 'pybind11'], cmake: ['cmake', 'nanobind', 'pybind11'] },
};

/**
 * Returns what builds a program that says itself how it is built. Returns null where the compiler is called as
 * it was here.
 */
function ownBuild(tool: Build['tool']): string[] | null {
  if (tool === 'setuptools') return ['quietly "$python" setup.py build_ext --inplace'];
  if (tool !== 'cmake') return null;
  return [
    'found="-Dpybind11_DIR=$("$python" -m pybind11 --cmakedir) -Dnanobind_DIR=$("$python" -m nanobind --cmake_dir)"',
    'quietly cmake -S . -B build -DCMAKE_BUILD_TYPE=Release $found -DPython_EXECUTABLE="$(command -v "$python")"',
    'quietly cmake --build build',
    "find build -name '*.so' -exec mv {} . ';'",
  ];
}

const opening = `#!/bin/sh
# Builds the extension in program/ anew, for the Python and the machine it is run on: PYTHON=python3.12 sh build.sh
# Needs a C++ compiler (g++, or another one in CXX) and the headers of that Python. Installs the packages it names.
set -eu
cd "$(dirname "$0")/program"
python=\${PYTHON:-python3} compiler=\${CXX:-g++}
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
# AVX2 and FMA, as when it was measured; without them on another kind of processor.
case $(uname -m) in x86_64) machine=${flags.x86_64.join(' ')} ;; *) machine= ;; esac
`;

/** A shell script that builds a program's extensions, with `versions` of the packages it installs (`nanobind==2.4`). */
export function buildScript(
  { tool, sources, fastMath }: Build,
  requirementOf: (name: string) => string,
): string {
  const lines = [
    opening,
    '# What a compiler says is shown where it fails.',
    'quietly() { "$@" > build.log 2>&1 || { cat build.log; exit 1; }; rm build.log; }',
    `"$python" -m pip install --quiet ${packagesFor[tool].map(requirementOf).join(' ')}`,
  ];
  const own = ownBuild(tool);
  if (own !== null) return `${[...lines, ...own].join('\n')}\n`;
  const stems = sources.map((source) => basename(source).replace(/\.[^.]+$/, ''));
  if (tool === 'pythran') {
    const own = fastMath ? `${pythranFlags} ${fastMathFlags}` : pythranFlags;
    // No BLAS: loops need none, and its headers are not everywhere.
    lines.push(`flags="${own} $machine --config compiler.blas=none"`);
    for (const [index, source] of sources.entries())
      lines.push(
        `quietly "$python" -m pythran.run $flags ${inShell(source)} -o ${inShell(stems[index] ?? '')}"$suffix"`,
      );
    return `${lines.join('\n')}\n`;
  }
  if (tool === 'cython') {
    lines.push(`flags="${cFlags} $machine -I$headers"`);
    for (const [index, source] of sources.entries()) {
      const stem = stems[index] ?? '';
      lines.push(
        `quietly "$python" -m cython ${flags.cython.join(' ')} --module-name ${inShell(stem)} ${inShell(source)} -o ${inShell(`${stem}.c`)}`,
        `quietly "\${CC:-gcc}" $flags ${sharedFlags} ${inShell(`${stem}.c`)} -o ${inShell(stem)}"$suffix"`,
        `rm ${inShell(`${stem}.c`)}`,
      );
    }
    return `${lines.join('\n')}\n`;
  }
  lines.push(`flags="${cppFlags} $machine"`);
  if (tool === 'nanobind')
    lines.push(
      `nanobind=$("$python" -c 'import os, nanobind; print(os.path.dirname(nanobind.__file__))')`,
      `includes="-I$nanobind/include -I$headers"`,
      '# The runtime of nanobind, which every extension contains.',
      `quietly "$compiler" $flags -fno-strict-aliasing $includes -I"$nanobind/ext/robin_map/include" -c "$nanobind/src/nb_combined.cpp" -o nanobind-runtime.o`,
    );
  else lines.push(`includes=$("$python" -m pybind11 --includes)`);
  const runtime = tool === 'nanobind' ? ' nanobind-runtime.o' : '';
  const relaxed = fastMath ? ` ${fastMathFlags}` : '';
  for (const [index, source] of sources.entries()) {
    const stem = stems[index] ?? '';
    lines.push(
      `quietly "$compiler" $flags${relaxed} $includes -I${inShell(dirname(source))} -c ${inShell(source)} -o ${inShell(`${stem}.o`)}`,
      `quietly "$compiler" ${sharedFlags} ${inShell(`${stem}.o`)}${runtime} -o ${inShell(stem)}"$suffix"`,
      `rm ${inShell(`${stem}.o`)}`,
    );
  }
  if (tool === 'nanobind') lines.push('rm nanobind-runtime.o');
  return `${lines.join('\n')}\n`;
}

/** `text` as one word of a shell command. */
export const inShell = (text: string): string =>
  /^[\w./:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
