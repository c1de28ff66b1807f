"""Cases: the frame of one call's arguments, and what the call leaves behind in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from frames import Buffer, FrameError, decode, encode, plan_of

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def encode_case(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytearray:
    """The frame of a call `function(*args, **kwargs)`. Raises `FrameError` (`args[0]["grid"]: …`)."""
    return encode({'args': args, 'kwargs': kwargs}, root='')


def decode_case(frame: Buffer, writable: bool = False, trusted: bool = False) -> Arguments:
    """The arguments in a case's frame; with `writable`, arrays are changed where they lie. Raises
    `FrameError`.
    """
    case = decode(frame, writable, root='', trusted=trusted)
    if not isinstance(case, dict) or set(case) != {'args', 'kwargs'}:
        raise FrameError('expected a frame of args and kwargs')
    args, kwargs = case['args'], case['kwargs']
    if (
        not isinstance(args, tuple)
        or not isinstance(kwargs, dict)
        or not all(isinstance(key, str) for key in kwargs)
    ):
        raise FrameError('expected args as a tuple and kwargs with names as keys')
    return args, kwargs


def can_change_unseen(arguments: object) -> bool:
    """Whether a call can change something that does not lie in the frame: a list or a dict."""
    if isinstance(arguments, tuple):
        return any(map(can_change_unseen, arguments))
    return isinstance(arguments, (list, dict))


def what_is_left(frame: Buffer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Buffer:
    """What a call left of its case: `frame` itself where it changed no list and no dict, for its arrays lie in there; else a frame
    of its own. Raises `FrameError` where the arguments now hold what cannot be passed on.
    """
    if not can_change_unseen((args, *kwargs.values())):
        return frame
    plan = plan_of({'args': args, 'kwargs': kwargs}, root='')
    if bytes(memoryview(frame)[: len(plan.head)]) == plan.head:
        begin = _address(np.frombuffer(frame, np.uint8))
        if all(_is_at(block, begin + offset) or _is_in(frame, block, offset) for offset, block in plan.blocks):
            return frame
    return plan.frame()


def _is_at(block: np.ndarray, address: int) -> bool:
    return _address(block) == address and block.flags.c_contiguous


def _is_in(frame: Buffer, block: np.ndarray, offset: int) -> bool:
    """Whether the bytes of `block`, which is not where it was, are those in `frame`."""
    word = np.uint64 if block.nbytes % 8 == 0 else np.uint8
    there = np.frombuffer(frame, word, block.nbytes // np.dtype(word).itemsize, offset)
    return bool((there == np.ascontiguousarray(block).reshape(-1).view(word)).all())


def _address(array: np.ndarray) -> int:
    return array.__array_interface__['data'][0]
