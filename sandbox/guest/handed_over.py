"""Values that go between the tests of a module and the module, each in a sandbox of its own: what frames carry, and a little more.

A record file is frames one after the other, each behind its length. What a candidate wrote is read as hostile bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from frames import FrameError, decode, encode

_LENGTH = struct.Struct('<Q')
# The key of a dict that stands for what a frame has no word for.
_TAG = '$crucible'
_TEXTS = {'Decimal': Decimal, 'Fraction': Fraction}
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_AS_PLAIN: dict[type, Callable[[Any], Any]] = {
    **{int: int.__int__, float: float.__float__, complex: complex.__complex__},
    **{str: str.__str__, bytes: lambda value: bytes.__getitem__(value, slice(None))},
}
_DEPTH = 60

# What a call named: the test that made it, and the how manieth call of that test it was.
Ref = tuple[str, int]


def packed(value: object, ref_of: Callable[[object], Ref | None], depth: int = 0) -> Any:
    """`value` as a frame carries it; `ref_of` names what stays where it is. Raises `FrameError`."""
    ref = ref_of(value)
    if ref is not None:
        return {_TAG: 'ref', 'of': list(ref)}
    kind = type(value)
    if depth > _DEPTH:
        raise FrameError('it lies too deep')
    if kind in _PLAIN or isinstance(value, (np.ndarray, np.generic)):
        return value
    # A number or a text that a class of its own makes more of is what it is as one.
    for plain in (int, float, complex, str, bytes):
        if isinstance(value, plain):
            return _AS_PLAIN[plain](value)
    # A tuple whose parts have names stays where it is.
    base = next((each for each in (list, tuple) if isinstance(value, each) and not hasattr(value, '_fields')), None)
    if base is not None:
        return base(packed(each, ref_of, depth + 1) for each in value)  # type: ignore[attr-defined]
    if kind in (set, frozenset):
        return {_TAG: kind.__name__, 'of': [packed(each, ref_of, depth + 1) for each in value]}  # type: ignore[attr-defined]
    if kind is range:
        return {_TAG: 'range', 'of': [value.start, value.stop, value.step]}  # type: ignore[attr-defined]
    if kind.__name__ in _TEXTS and kind is _TEXTS[kind.__name__]:
        return {_TAG: kind.__name__, 'of': str(value)}
    if isinstance(value, dict):
        return {
            packed(key, ref_of, depth + 1): packed(each, ref_of, depth + 1) for key, each in value.items()
        }
    raise FrameError(f'a {kind.__name__}')


def unpacked(value: Any, of_ref: Callable[[Ref], object]) -> Any:
    """What `packed` made a frame's value of. Raises `FrameError` where that cannot be."""
    if type(value) in (list, tuple):
        return type(value)(unpacked(each, of_ref) for each in value)
    if type(value) is not dict:
        return value
    tag, of = value.get(_TAG), value.get('of')
    if tag is None:
        return {unpacked(key, of_ref): unpacked(each, of_ref) for key, each in value.items()}
    try:
        if tag == 'ref':
            test, number = of
            return of_ref((str(test), int(number)))
        if tag in ('set', 'frozenset'):
            return {'set': set, 'frozenset': frozenset}[tag](unpacked(each, of_ref) for each in of)
        if tag == 'range':
            return range(*of)
        return _TEXTS[tag](of)
    except FrameError:
        raise
    except Exception:
        raise FrameError('expected a value that was handed over') from None


def write_record(out: BinaryIO, value: Any) -> None:
    """Appends a frame at once: what ends the process afterwards does not take it away."""
    frame = encode(value)
    out.write(_LENGTH.pack(len(frame)) + frame)
    out.flush()


def records(path: Path) -> Iterator[Any]:
    """The values of a record file, up to its end or to where it is cut off. Raises `FrameError` for bytes that are none."""
    data = memoryview(path.read_bytes())
    at = 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > len(data) - at:
            return
        # A frame's arrays lie where they can be read as numbers.
        yield decode(bytearray(data[at : at + length]), writable=True)
        at += length
