"""What a function shares and changes beyond its answer: seen by calling it twice with the same input.

A program may be faster because every call fills the same memory, or because it switched something off for its whole process.
Where the original does not, that is another function. All of this is looked at from inside of the program's process: it finds
what is done in good faith, and what does not hide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Arguments, decode_case
from frames import Buffer, plan_of
from process_state import changes, process_state

# How the header of a case begins that is asked twice.
_TWICE = b'{"twice":true,'


def is_asked_twice(frame: Buffer) -> bool:
    """Whether the conductor wants to know of this input what the function shares and changes."""
    return bytes(frame[16:64]).startswith(_TWICE)


def asked_twice(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytearray:
    """The case of a call that is to be asked twice."""
    return plan_of({'args': args, 'kwargs': kwargs}, root='', known={'twice': True}).frame()


class Keeping:
    """Remembers the process as it was when this was made, before anything of the user's was imported."""

    def __init__(self) -> None:
        self._before = process_state()
        self._first: Any = None

    def call_once(self, function: Callable[..., Any], frame: Buffer) -> None:
        """The first of the two calls, on a copy of the input."""
        args, kwargs = decode_case(bytearray(frame), writable=True, trusted=True)
        self._first = function(*args, **kwargs)

    def of(self, answer: Any, arguments: Arguments) -> dict[str, Any]:
        """What is known after the second call, for the header of its frame (see README.md)."""
        first, self._first = self._first, None
        return {
            'shares': [
                name
                for name, other in (('arguments', arguments), ('answers', first))
                if share_memory(answer, other)
            ],
            'changes': changes(self._before, process_state()),
        }


def share_memory(one: object, other: object) -> bool:
    """Whether changing something inside of the one changes the other: a list or dict that both hold, or memory of arrays."""
    (places, ids), (other_places, other_ids) = _inside(one), _inside(other)
    if ids & other_ids:
        return True
    # By where they begin, each need only be held against the last one before it.
    end_of = {0: -1, 1: -1}
    for begin, end, side in sorted([(*place, 0) for place in places] + [(*place, 1) for place in other_places]):
        if begin < end_of[1 - side]:
            return True
        end_of[side] = max(end_of[side], end)
    return False


def _inside(value: object) -> tuple[list[tuple[int, int]], set[int]]:
    """Of all in a value that can be changed: where the arrays lie, and the other objects."""
    places: list[tuple[int, int]] = []
    ids: set[int] = set()
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, np.ndarray):
            if one.size:
                places.append(np.lib.array_utils.byte_bounds(one))
        elif isinstance(one, (list, tuple, dict)) and id(one) not in ids:
            if not isinstance(one, tuple):
                ids.add(id(one))
            rest.extend(one.values() if isinstance(one, dict) else one)
    return places, ids
