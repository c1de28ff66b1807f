#!/bin/sh
# install.sh PYTHON TARGET WHEELS: makes what a sandbox shows as /opt/crucible, for the image and for bubblewrap alike.
#   TARGET/python    a venv of PYTHON (3.11) with the locked packages of core.txt, from WHEELS where it holds any
#   TARGET/nanobind  libnanobind.a, the nanobind runtime compiled once, and include/ with nanobind's and pybind11's headers
set -eu
python=$1 target=$2 wheels=$3
here=$(cd "$(dirname "$0")" && pwd)
venv=$target/python/bin/python3

"$python" -m venv --symlinks "$target/python"
if ls "$wheels"/*.whl > /dev/null 2>&1; then set -- --no-index --find-links "$wheels"; else set --; fi
# The lock is complete, so nothing is resolved: --no-deps. A venv brings its own setuptools, which the lock replaces.
"$venv" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps --only-binary=:all: \
  --require-hashes "$@" --requirement "$here/core.txt"

packages=$("$venv" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
nanobind=$target/nanobind
mkdir -p "$nanobind/include"
cp -R "$packages/nanobind/include/." "$packages/nanobind/ext/robin_map/include/." "$packages/pybind11/include/." "$nanobind/include/"
# Flags of nanobind's own build. Section flags let a linker drop what an extension does not use.
g++ -std=c++17 -O2 -DNDEBUG -fPIC -fvisibility=hidden -fno-strict-aliasing -ffunction-sections -fdata-sections \
  -I "$nanobind/include" -I "$("$venv" -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
  -c "$packages/nanobind/src/nb_combined.cpp" -o "$nanobind/nb_combined.o"
ar rcs "$nanobind/libnanobind.a" "$nanobind/nb_combined.o"
rm "$nanobind/nb_combined.o"

# A job's own packages are shown at TARGET/packages: Python looks there before it looks among these, and after its own library.
echo "import os, sys; layer = '/opt/crucible/packages'; os.path.isdir(layer) and sys.path.insert(sys.path.index(sitedir), layer)" \
  > "$packages/crucible-packages.pth"

# Nothing is installed inside a sandbox, and nobody there runs the packages' own tests.
"$venv" -m pip uninstall --quiet --yes pip
find "$packages" -type d -name tests -prune -exec rm -rf {} +
# Compiled here, since a sandbox cannot write it; trusted as it is, so that importing compares no times.
"$venv" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$target" -p /opt/crucible "$target/python/lib" || true
# Programs read it, and need not know where on the host it was made.
sed -i '/^command *=/d' "$target/python/pyvenv.cfg"
rm -f "$target"/python/bin/[Aa]ctivate*
# Programs such as pythran name their interpreter by its path inside the sandbox.
grep -rlI "^#!.*$target/python" "$target/python/bin" | xargs -r sed -i "1s|$target/python|/opt/crucible/python|"
