"""A small conductor in Python, the other side of the player protocol: for the tests of serve.py and
noop.py.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

GUEST = Path(__file__).resolve().parents[3] / 'sandbox' / 'guest'
FRAME_AT = 64
INLINE_BYTES = 1 << 16


@dataclass
class Reply:
    """`kind` is `D`, `E`, or `ended` where the player was gone; an answer is None where there is none that can be taken."""

    kind: str
    answers: list[bytes | None]
    inputs: list[bytes]
    seconds: float


class Player:
    """One player process. Used as a context; afterwards its whole process group is gone."""

    def __init__(self, program: str, *arguments: str, wait: bool = True) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Kept away from 3, where dup2 to itself would not make it inheritable.
        high = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD, 10)
        self.channel = ours
        self.channel.settimeout(20)
        self.process = subprocess.Popen(
            [sys.executable, '-I', '-B', str(GUEST / program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(3,),
            preexec_fn=lambda: os.dup2(high, 3) and None,
            env={'PATH': os.environ['PATH']},
        )
        os.close(high)
        theirs.close()
        self.ready = self.channel.recv(16) == b'R' if wait else None

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self.process.communicate()

    def ask(self, frames: list[bytes], answer_bytes: int = 1 << 16) -> Reply:
        """Sends one frame after the other, each when the one before has been answered; then stops the player and looks at what it
        left. Ends at what is no answer.
        """
        replies, left, seconds, kind = [], [], 0.0, 'D'
        self._signal(signal.SIGCONT)
        for frame in map(bytes, frames):
            inline = len(frame) <= INLINE_BYTES
            request = struct.pack('<QQ', len(frame), answer_bytes)
            memory, mapped = (None, None) if inline else _memory(frame)
            began = time.perf_counter()
            try:
                if inline:
                    self.channel.send(request + frame)
                else:
                    socket.send_fds(self.channel, [request], [memory])
                message, descriptors, _, _ = socket.recv_fds(self.channel, FRAME_AT + INLINE_BYTES, 1)
                kind = message[:1].decode() or 'ended'
            except (BrokenPipeError, ConnectionResetError):
                message, descriptors, kind = b'', [], 'ended'
            seconds += time.perf_counter() - began
            if memory is not None:
                self._signal(signal.SIGSTOP)
                os.close(memory)
            answer, changed = _taken(message, descriptors)
            replies.append(answer)
            left.append(changed or (frame if inline else mapped[:]))
            if kind != 'D':
                break
            self._signal(signal.SIGCONT)
        return Reply(kind, replies, left, seconds)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


def _memory(frame: bytes) -> tuple[int, mmap.mmap]:
    descriptor = os.memfd_create('input', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, frame)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor, mmap.mmap(descriptor, len(frame))


def _taken(message: bytes, descriptors: list[int]) -> tuple[bytes | None, bytes]:
    """The answer of a reply, None where it is none, and the input as it was left, empty where it came as it was."""
    if len(message) < FRAME_AT:
        return None, b''
    _, length, left = struct.unpack_from('<c7xQQ', message)
    body = message[FRAME_AT:]
    if descriptors:
        seals = fcntl.fcntl(descriptors[0], fcntl.F_GET_SEALS)
        sealed = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        body = os.pread(descriptors[0], os.fstat(descriptors[0]).st_size, 0) if seals & sealed == sealed else b''
        os.close(descriptors[0])
    left_at = -(-length // 64) * 64
    if len(body) != (left_at + left if left else length):
        return None, b''
    return body[:length], body[left_at:]
