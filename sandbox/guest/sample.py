"""Runs a script as Python does, and has a watchdog write down where it stands, many times a second, until it is stopped.

    sample.py --every SECONDS --out FILE -- PATH.py [ARGUMENT…]

Each time the stacks of all threads are added to FILE, as `faulthandler` writes them: it needs no lock of the interpreter, so native code
that holds that is seen as well. The script shares this process: what stands in FILE tells people where to look, and judges nothing.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import runpy
import sys


def main() -> None:
    options = argparse.ArgumentParser(description='Samples where a script stands.', allow_abbrev=False)
    options.add_argument('--every', type=float, required=True)
    options.add_argument('--out', required=True)
    options.add_argument('command', nargs=argparse.REMAINDER)
    chosen = options.parse_args()
    path, *arguments = [each for index, each in enumerate(chosen.command) if (index, each) != (0, '--')]
    file = os.open(chosen.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    faulthandler.dump_traceback_later(chosen.every, repeat=True, file=file)
    try:
        runpy.run_path(path, run_name='__main__')
    finally:
        faulthandler.cancel_dump_traceback_later()


if __name__ == '__main__':
    main()
