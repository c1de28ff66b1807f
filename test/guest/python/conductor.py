"""A small conductor in Python, the other side of the player protocol: for the tests of serve.py and
noop.py.
"""

from __future__ import annotations

import array
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
_SEAL_SIZE = 0x0002 | 0x0004 | 0x0001  # F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
_ADD_SEALS = 1033


@dataclass
class Reply:
    """`kind` is `D`, `E`, or `ended` where the player was gone; an answer is None where no length makes
    sense.
    """

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
        """Sends the frames with their go, waits for the reply, stops the player and looks at what it left."""
        offsets, end = [], 0
        for frame in frames:
            offsets.append(end)
            end += -(-len(frame) // 64) * 64
        inputs_fd, inputs = _memory('inputs', end)
        answers_fd, answers = _memory('answers', len(frames) * answer_bytes)
        for offset, frame in zip(offsets, frames):
            inputs[offset : offset + len(frame)] = bytes(frame)
        request = struct.pack('<IIQ', len(frames), 0, answer_bytes)
        request += b''.join(struct.pack('<QQ', offset, len(frame)) for offset, frame in zip(offsets, frames))
        descriptors = array.array('i', [inputs_fd, answers_fd])
        self._signal(signal.SIGCONT)
        began = time.perf_counter()
        try:
            self.channel.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
            kind = self.channel.recv(16).decode() or 'ended'
        except (BrokenPipeError, ConnectionResetError):
            kind = 'ended'
        seconds = time.perf_counter() - began
        self._signal(signal.SIGSTOP)
        os.close(inputs_fd)
        os.close(answers_fd)
        left = [inputs[offset : offset + len(frame)] for offset, frame in zip(offsets, frames)]
        given = [_answer(answers, index * answer_bytes, answer_bytes) for index in range(len(frames))]
        self._signal(signal.SIGCONT)
        return Reply(kind, given, left, seconds)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


def _memory(name: str, size: int) -> tuple[int, mmap.mmap]:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, _ADD_SEALS, _SEAL_SIZE)
    return descriptor, mmap.mmap(descriptor, size)


def _answer(answers: mmap.mmap, begin: int, room: int) -> bytes | None:
    (length,) = struct.unpack_from('<Q', answers, begin)
    if not 0 < length <= room - FRAME_AT:
        return None
    return answers[begin + FRAME_AT : begin + FRAME_AT + length]
