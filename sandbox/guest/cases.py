"""Cases: the frame of one call's arguments, and what the call leaves behind in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from frames import Buffer, FrameError, Plan, decode, encode, place

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def encode_case(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytearray:
    """The frame of a call `function(*args, **kwargs)`. Raises `FrameError` (`args[0]["grid"]: …`)."""
    return encode({'args': args, 'kwargs': kwargs}, root='')


def decode_case(frame: Buffer, writable: bool = False) -> Arguments:
    """The arguments in a case's frame; with `writable`, arrays are changed where they lie. Raises
    `FrameError`.
    """
    case = decode(frame, writable, root='')
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


def keep_changes(frame: Buffer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Writes what a call changed in lists and dicts back into the case's `frame`, its arrays being there
    already.

    An unchanged case leaves the frame as it was, byte for byte. Raises `FrameError` where the arguments
    grew beyond the frame's room or now hold what cannot cross. Arrays that came from the frame may move:
    encode answers first.
    """
    if not can_change_unseen((args, *kwargs.values())):
        return
    try:
        plan = Plan({'args': args, 'kwargs': kwargs})
    except FrameError as error:
        raise error.of('') from None
    room = memoryview(frame).nbytes
    if plan.size > room:
        raise FrameError(f'the arguments changed in place need {plan.size:,} bytes, their room is {room:,}')
    if memoryview(frame)[: len(plan.head)] != plan.head:
        memoryview(frame)[: plan.size] = encode({'args': args, 'kwargs': kwargs})
        return
    begin = _address(np.frombuffer(frame, np.uint8))
    for offset, block in plan.blocks:
        if block.size and not (_address(block) == begin + offset and block.flags.c_contiguous):
            place(block, frame, offset)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__['data'][0]
