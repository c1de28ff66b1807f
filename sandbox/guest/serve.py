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
import fcntl
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
from cases import decode_case, what_is_left
from frames import Buffer, FrameError, Plan, plan_of
from keeping import Keeping, is_asked_twice
from user_code import MESSAGE_BYTES, UserCodeError, load_function, show_inputs, tell

sys.path.remove(_GUEST)
for _name in ('cases', 'frames', 'keeping', 'plain', 'process_state', 'user_code'):
    del sys.modules[_name]

CHANNEL = 3
EXIT_NO_FUNCTION = 3

_REQUEST = struct.Struct('<QQ')
_REPLY = struct.Struct('<c7xQQ')
_FRAME_AT = 64
# What is no longer is in the message itself: a memory costs several system calls more.
_INLINE_BYTES = 1 << 16
_DESCRIPTOR_SPACE = socket.CMSG_SPACE(array.array('i').itemsize)
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


def serve(function: Callable[..., Any], folder: Path | None = None, keeping: Keeping | None = None) -> None:
    """Answers requests on file descriptor 3 until its end. Paths below `folder` are shortened in errors; `keeping` sees to what is
    asked twice.
    """
    os.set_inheritable(CHANNEL, False)
    channel = socket.socket(fileno=CHANNEL)
    request = bytearray(_REQUEST.size + _INLINE_BYTES)
    gc.collect()
    gc.freeze()
    channel.send(b'R')
    while True:
        length, ancillary, _, _ = channel.recvmsg_into([request], _DESCRIPTOR_SPACE)
        if length == 0:
            return
        input_bytes, room = _REQUEST.unpack_from(request)
        try:
            if ancillary:
                given = None
                frame = _map(array.array('i', ancillary[0][2])[0])
            else:
                given = memoryview(request)[_REQUEST.size : _REQUEST.size + input_bytes]
                frame = bytearray(given)
            asked_twice = keeping if is_asked_twice(frame) else None
            _answer(channel, function, given, frame, room, asked_twice)
        except BaseException as error:
            text = f'{error}' if isinstance(error, FrameError) else tell(error, folder)
            data = text.encode('utf-8', 'replace')[:MESSAGE_BYTES]
            channel.send(_REPLY.pack(b'E', len(data), 0).ljust(_FRAME_AT, b'\0') + data)
        # Freeing belongs after the reply. What the candidate kept alive stays, and counts as its memory.
        frame = given = None


def _map(memory: int) -> mmap.mmap:
    """A large input, mapped with its pages: reading it costs what reading own memory would."""
    try:
        return mmap.mmap(memory, 0, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(memory)


def _answer(
    channel: socket.socket,
    function: Callable[..., Any],
    given: Buffer | None,
    frame: Buffer,
    room: int,
    keeping: Keeping | None,
) -> None:
    """Calls the function with the arguments in `frame`, and sends what it answers. `given` is the input as it came; None: the
    conductor looks itself at what is left of it.
    """
    if keeping is not None:
        keeping.call_once(function, frame)
    args, kwargs = decode_case(frame, writable=True, trusted=True)
    answer = function(*args, **kwargs)
    known = None if keeping is None else keeping.of(answer, (args, kwargs))
    plan = plan_of(answer, root='answer', room=room, exact=True, known=known)
    left = what_is_left(frame, args, kwargs)
    if left is frame and (given is None or frame == given):
        left = b''
    left_at = -(-plan.size // _FRAME_AT) * _FRAME_AT
    size = left_at + len(left) if left else plan.size
    head = _REPLY.pack(b'D', plan.size, len(left))
    if size <= _INLINE_BYTES:
        reply = bytearray(_FRAME_AT + size)
        reply[: len(head)] = head
        _write(memoryview(reply)[_FRAME_AT:], plan, left, left_at)
        channel.send(reply)
    else:
        memory = os.memfd_create('answer', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(memory, size)
        with mmap.mmap(memory, size, mmap.MAP_SHARED | mmap.MAP_POPULATE) as mapped:
            _write(mapped, plan, left, left_at)
        # Sealed, it can be taken as it is, however large.
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
        socket.send_fds(channel, [head.ljust(_FRAME_AT, b'\0')], [memory])
        os.close(memory)


def _write(buffer: Buffer, plan: Plan, left: Buffer, left_at: int) -> None:
    plan.write(buffer)
    if left:
        buffer[left_at : left_at + len(left)] = left


def main() -> None:
    options = argparse.ArgumentParser(
        description='Answers the conductor with a candidate’s function.', allow_abbrev=False
    )
    options.add_argument('--module', type=Path, required=True)
    options.add_argument('--function', required=True)
    options.add_argument('--inputs', type=Path, help='a folder whose files are shown in the working directory')
    chosen = options.parse_args()
    # The candidate sees a command line of its own.
    sys.argv = [str(chosen.module)]
    try:
        if chosen.inputs is not None:
            show_inputs(chosen.inputs)
        keeping = Keeping()
        function = load_function(chosen.module, chosen.function)
    except UserCodeError as error:
        sys.stdout.flush()
        print(json.dumps({'error': error.kind, 'message': str(error)}), file=sys.__stderr__, flush=True)
        os._exit(EXIT_NO_FUNCTION)
    try:
        serve(function, chosen.module.resolve().parent, keeping)
    except (BrokenPipeError, ConnectionResetError):
        pass  # The conductor is gone, which ends the player as well.
    sys.stdout.flush()
    # The candidate's threads and exit hooks have no say in when this ends.
    os._exit(0)


if __name__ == '__main__':
    main()
