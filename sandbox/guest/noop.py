"""A player that does nothing but the round trip: its time is what a measurement takes off the baseline's.

    noop.py --answer FRAME

It runs the loop of `serve.py` with a function that returns, without computing, the value in the file FRAME:
an answer of the real function's kind, so that mapping, decoding, encoding and copying cost the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

_GUEST = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _GUEST)
from frames import decode
from serve import serve


def main() -> None:
    options = argparse.ArgumentParser(
        description='Answers the conductor without computing.', allow_abbrev=False
    )
    options.add_argument('--answer', type=Path, required=True)
    answer = decode(bytearray(options.parse_args().answer.read_bytes()), writable=True)
    try:
        serve(lambda *_args, **_kwargs: answer)
    except (BrokenPipeError, ConnectionResetError):
        pass  # The conductor is gone, which ends the player as well.
    os._exit(0)


if __name__ == '__main__':
    main()
