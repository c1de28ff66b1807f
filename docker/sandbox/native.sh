#!/bin/sh
# native.sh CRUCIBLE NATIVE OUT: compiles the package crucible_native from the folder NATIVE into OUT, for the venv and with
# the nanobind runtime that install.sh made in CRUCIBLE.
set -eu
python=$1/python/bin/python3
"$python" "$2/build.py" --python "$python" --nanobind "$1/nanobind" --out "$3"
"$python" -m compileall -q --invalidation-mode unchecked-hash \
  -s "$3" -p /opt/crucible/python/lib/python3.11/site-packages "$3/crucible_native"
