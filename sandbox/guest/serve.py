"""A player that serves: loads a candidate's function, then answers the conductor's requests (see README.md).

    serve.py --module PATH.py --function NAME

Everything in this process may be changed by the candidate, so nothing here is believed: the conductor keeps
the clock and the cases, and the grader judges the bytes in another sandbox. What matters here is to add
little time, and always the same: `noop.py` runs this very loop, and its time is subtracted.

Garbage collection stays on, as it is for the function's users: turning it off would hide the cost of
programs that make cycles. Only what was there before the first request is frozen, so that scanning the
imports does not fall into a sample at random.
"""

from __future__ import annotations

import argparse
import array
import gc
import json
import mmap
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# With -I Python does not look beside this file. The candidate may have a `frames.py` of its own, so it
# finds none of ours.
_GUEST = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _GUEST)
from cases import decode_case, keep_changes
from frames import FrameError, encode_into
from user_code import MESSAGE_BYTES, UserCodeError, load_function, tell

sys.path.remove(_GUEST)
for _name in ('cases', 'frames', 'user_code'):
    del sys.modules[_name]

CHANNEL = 3
EXIT_NO_FUNCTION = 3

_REQUEST = struct.Struct('<IIQ')
_PAIR = struct.Struct('<QQ')
_LENGTH = struct.Struct('<Q')
_FRAME_AT = 64
_REQUEST_BYTES = 1 << 18
_DESCRIPTORS_SPACE = socket.CMSG_SPACE(2 * array.array('i').itemsize)


def serve(function: Callable[..., Any], folder: Path | None = None) -> None:
    """Answers requests on file descriptor 3 until its end. Paths below `folder` are shortened in errors."""
    os.set_inheritable(CHANNEL, False)
    channel = socket.socket(fileno=CHANNEL)
    request = bytearray(_REQUEST_BYTES)
    gc.collect()
    gc.freeze()
    channel.send(b'R')
    while True:
        length, ancillary, _, _ = channel.recvmsg_into([request], _DESCRIPTORS_SPACE)
        if length == 0:
            return
        # The inputs are mapped with their pages: reading them costs the function what reading its own
        # memory would.
        inputs_fd, answers_fd = array.array('i', ancillary[0][2])
        inputs = mmap.mmap(
            inputs_fd, 0, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE
        )
        answers = mmap.mmap(answers_fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        os.close(inputs_fd)
        os.close(answers_fd)
        count, _, answer_bytes = _REQUEST.unpack_from(request)
        pairs = _PAIR.iter_unpack(memoryview(request)[_REQUEST.size : _REQUEST.size + count * _PAIR.size])
        try:
            _answer(function, memoryview(inputs), memoryview(answers), pairs, answer_bytes)
            reply = b'D'
        except BaseException as error:
            text = f'{error}' if isinstance(error, FrameError) else tell(error, folder)
            _put_text(memoryview(answers), answer_bytes, text)
            reply = b'E'
        channel.send(reply)
        # Unmapping belongs after the reply. What the candidate kept alive stays mapped, and counts as its
        # memory.
        del inputs, answers


def _answer(
    function: Callable[..., Any], inputs: memoryview, answers: memoryview, pairs: Any, answer_bytes: int
) -> None:
    for index, (offset, length) in enumerate(pairs):
        frame = inputs[offset : offset + length]
        args, kwargs = decode_case(frame, writable=True)
        answer = function(*args, **kwargs)
        begin = index * answer_bytes
        written = encode_into(answers[begin + _FRAME_AT : begin + answer_bytes], answer, root='answer')
        keep_changes(frame, args, kwargs)
        _LENGTH.pack_into(answers, begin, written)


def _put_text(answers: memoryview, answer_bytes: int, text: str) -> None:
    data = text.encode('utf-8', 'replace')[: min(MESSAGE_BYTES, answer_bytes - _FRAME_AT)]
    answers[_FRAME_AT : _FRAME_AT + len(data)] = data
    _LENGTH.pack_into(answers, 0, len(data))


def main() -> None:
    options = argparse.ArgumentParser(
        description='Answers the conductor with a candidate’s function.', allow_abbrev=False
    )
    options.add_argument('--module', type=Path, required=True)
    options.add_argument('--function', required=True)
    chosen = options.parse_args()
    # The candidate sees a command line of its own.
    sys.argv = [str(chosen.module)]
    try:
        function = load_function(chosen.module, chosen.function)
    except UserCodeError as error:
        sys.stdout.flush()
        print(json.dumps({'error': error.kind, 'message': str(error)}), file=sys.__stderr__, flush=True)
        os._exit(EXIT_NO_FUNCTION)
    try:
        serve(function, chosen.module.resolve().parent)
    except (BrokenPipeError, ConnectionResetError):
        pass  # The conductor is gone, which ends the player as well.
    sys.stdout.flush()
    # The candidate's threads and exit hooks have no say in when this ends.
    os._exit(0)


if __name__ == '__main__':
    main()
