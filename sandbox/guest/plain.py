"""Nested lists, tuples and dicts of Python's own numbers and texts as bytes: as `marshal` writes them.

Python reads and writes them so a hundred times faster than as nodes of a header, which would be measured as the function's time.
`marshal` itself reads only what is trusted; `read` takes whatever a hostile program wrote, and is slow.
"""

from __future__ import annotations

import marshal
import struct
from itertools import chain
from typing import Any

# The last version that writes one value in one way: later ones also write where a value occurred before.
_VERSION = 2
_LEAVES = frozenset((type(None), bool, int, float, complex, str, bytes))
_KINDS = _LEAVES | {list, tuple, dict}
_LENGTH = struct.Struct('<I')
_WHOLE = struct.Struct('<i')
_FLOAT = struct.Struct('<d')
_COMPLEX = struct.Struct('<dd')


class PlainError(ValueError):
    """Bytes that are no plain value."""


def count_of(value: object, most_depth: int, most: int) -> int | None:
    """How many values `value` is made of; None where one is of another type, or there are more, or they lie deeper."""
    level: list[Any] = [value]
    count = 0
    for _ in range(most_depth):
        count += len(level)
        kinds = set(map(type, level))
        if count > most or not kinds <= _KINDS:
            return None
        if kinds <= _LEAVES:
            return count
        below = []
        if list in kinds or tuple in kinds:
            sequences = level if len(kinds) == 1 else [each for each in level if type(each) in (list, tuple)]
            below += chain.from_iterable(sequences)
        if dict in kinds:
            for each in level:
                if type(each) is dict:
                    below += chain(each, each.values())
        level = below
    return None


def write(value: object) -> bytes:
    """The bytes of a value that `count_of` knows."""
    return marshal.dumps(value, _VERSION)


def read_trusted(data: Any) -> Any:
    return marshal.loads(data)


def read(data: bytes, most_depth: int, most: int, new_dict: Any) -> Any:
    """The value that `data` is, all of it. `new_dict` makes a dict of pairs. Raises `PlainError`, or ValueError for bad text."""
    reader = _Reader(data, most, new_dict)
    value = reader.value(most_depth)
    if reader.at != len(data):
        raise PlainError(f'{len(data) - reader.at:,} bytes after the value')
    return value


class _Reader:
    def __init__(self, data: bytes, most: int, new_dict: Any) -> None:
        self._data = data
        self._left = most
        self._new_dict = new_dict
        self.at = 0

    def value(self, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth == 0:
            raise PlainError('too many values, or nested too deep')
        code = self._data[self.at : self.at + 1]
        self.at += 1
        if code == b'i':
            return self._next(_WHOLE)[0]
        if code == b'g':
            return self._next(_FLOAT)[0]
        if code in (b'u', b't'):
            return self._bytes(self._length()).decode('utf-8', 'surrogatepass')
        if code == b'[':
            return [self.value(depth - 1) for _ in range(self._length())]
        if code == b'(':
            return tuple([self.value(depth - 1) for _ in range(self._length())])
        if code == b'{':
            return self._new_dict(self._pairs(depth - 1))
        if code == b'N':
            return None
        if code in (b'T', b'F'):
            return code == b'T'
        if code == b'l':
            return self._long()
        if code == b'y':
            return complex(*self._next(_COMPLEX))
        if code == b's':
            return self._bytes(self._length())
        raise PlainError(f'a value of unknown type {code!r}')

    def _pairs(self, depth: int) -> Any:
        while self._data[self.at : self.at + 1] != b'0':
            yield self.value(depth), self.value(depth)
        self.at += 1

    def _long(self) -> int:
        (digits,) = self._next(_WHOLE)
        data = self._bytes(2 * abs(digits))
        # Digits of 15 bits: as text of 0 and 1 they are one number, in time that does not grow with its square.
        bits = ''.join(format(low | high << 8, '015b') for low, high in zip(data[-2::-2], data[::-2]))
        if len(bits) != 15 * abs(digits):
            raise PlainError('a digit of more than 15 bits')
        whole = int(bits or '0', 2)
        return -whole if digits < 0 else whole

    def _length(self) -> int:
        return self._next(_LENGTH)[0]

    def _bytes(self, length: int) -> bytes:
        data = self._data[self.at : self.at + length]
        if len(data) != length:
            raise PlainError('it ends early')
        self.at += length
        return data

    def _next(self, form: struct.Struct) -> Any:
        if self.at + form.size > len(self._data):
            raise PlainError('it ends early')
        values = form.unpack_from(self._data, self.at)
        self.at += form.size
        return values
