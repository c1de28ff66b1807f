"""Frames: one Python value as bytes, read without a copy and without pickle.

README.md describes the format. `decode` is given bytes that a hostile program wrote: it answers with a value
made of plain types and NumPy arrays, or raises `FrameError`, and nothing else.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import plain

MAGIC = b'CRUFRM01'
ALIGNMENT = 64
MAX_DEPTH = 64
MAX_NODES = 500_000
MAX_HEADER_BYTES = 16 << 20
MAX_DIMENSIONS = 32
MAX_NAME = 100
MAX_CLASSES = 100
# Longer text lies beside the arrays, and longer lists of one number type are one block of numbers: JSON
# would take longer to write than many a function takes to run, and that would be measured as the function's
# time.
LONG_TEXT = 1024
LONG_LIST = 16

_PREFIX = struct.Struct('<8sQ')
# How a frame names each type that crosses: NumPy's own type string. Two C types of one width are two types all the same, and
# what is compiled for one does not take the other: what NumPy calls int64 is `<i8`, and the other goes by its letter, `<q`.
_WIRES = {
    (dtype.char, dtype.str): dtype.str if np.dtype(dtype.str).char == dtype.char else dtype.str[0] + dtype.char
    for letter in '?bhilqBHILQefdgFDG'
    for dtype in (np.dtype(letter), np.dtype(letter).newbyteorder('>'))
}
_DTYPES = {wire: np.dtype(wire) for wire in _WIRES.values()}
# To a caller an array mapped from a file is an array.
_ARRAYS = (np.ndarray, np.memmap)
# What to use instead of what cannot be passed on, by the name of its type.
_INSTEAD = {
    'coroutine': 'asyncio.run(…), which waits for what it gives',
    'set': 'sorted(…): a set has no order to compare by',
    'frozenset': 'sorted(…): a set has no order to compare by',
    **dict.fromkeys(('generator', 'map', 'filter', 'zip', 'range'), 'list(…), which goes through it'),
}
_PACKED = {float: '<f8', int: '<i8', bool: '|b1'}
# More keys of one hash than chance brings about: Python hashes numbers and tuples to values that anybody
# can aim at, and a dict of n such keys takes n² steps.
MAX_EQUAL_HASHES = 64

Buffer = Any  # bytes, bytearray, memoryview or mmap: collections.abc.Buffer is only in Python 3.12.


class FrameError(ValueError):
    """A value cannot be passed on, or bytes are no frame. The message begins with the place inside the value."""

    def __init__(self, problem: str, steps: tuple[object, ...] = (), root: str = '') -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps = steps
        self.root = root

    def inside(self, step: object) -> FrameError:
        return FrameError(self.problem, (step, *self.steps), self.root)

    def of(self, root: str) -> FrameError:
        return FrameError(self.problem, self.steps, root)

    def __str__(self) -> str:
        place = self.root
        for step in self.steps:
            # Below no root the first name stands alone: args[0]["grid"].
            key = json.dumps(step, ensure_ascii=False) if isinstance(step, str) else repr(step)
            place += f'[{key:.80}]' if place else str(step)
        return f'{place}: {self.problem}' if place else self.problem


class Plan:
    """Where everything of one value will lie: `head` (prefix and padded header), then `blocks` by offset;
    `size` bytes.

    `exact` keeps what a caller may see of an answer beyond its numbers: the names of classes made from plain ones, how an array
    lies in memory, and whether it can be written to. Arguments go without: they are plain, in C order and writable. `known`,
    JSON, goes along in the header.
    """

    def __init__(self, value: object, exact: bool = False, known: dict[str, Any] | None = None) -> None:
        self._nodes = 0
        self._exact = exact
        self._placed: list[tuple[dict[str, Any], np.ndarray]] = []
        root = self._node(value, 0)

        relative, end = [], 0
        for _, block in self._placed:
            relative.append(end)
            end = _aligned(end + block.nbytes)
        # The header holds the offsets, whose digits make its length, on which the offsets depend.
        start = ALIGNMENT * (2 + len(self._placed))
        while True:
            for (node, _), offset in zip(self._placed, relative):
                node['offset'] = start + offset
            header = json.dumps(
                {**(known or {}), 'size': start + end, 'value': root}, separators=(',', ':'), check_circular=False
            ).encode()
            if _PREFIX.size + len(header) <= start:
                break
            start = _aligned(_PREFIX.size + len(header) + 4 * len(self._placed))
        if start - _PREFIX.size > MAX_HEADER_BYTES:
            raise FrameError(
                f'{self._nodes:,} values need a header of {start:,} bytes, at most {MAX_HEADER_BYTES:,} '
                'can cross; use arrays'
            )
        self.head = (_PREFIX.pack(MAGIC, start - _PREFIX.size) + header).ljust(start)
        self.blocks = [(start + offset, block) for (_, block), offset in zip(self._placed, relative)]
        self.size = start + end

    def write(self, buffer: Buffer) -> None:
        """Writes the frame at the beginning of `buffer`, which has room for `size` bytes."""
        memoryview(buffer)[: len(self.head)] = self.head
        for offset, block in self.blocks:
            place(block, buffer, offset)

    def frame(self) -> bytearray:
        frame = bytearray(self.size)
        self.write(frame)
        return frame

    def _block(self, node: dict[str, Any], block: np.ndarray) -> dict[str, Any]:
        self._placed.append((node, block))
        return node

    def _node(self, value: object, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise FrameError(f'more than {MAX_NODES:,} values cannot be passed on; use arrays')
        if depth > MAX_DEPTH:
            raise FrameError(f'nested deeper than {MAX_DEPTH}, or holding itself, cannot be passed on')
        if isinstance(value, np.ndarray):
            if isinstance(value, np.ma.MaskedArray):
                raise FrameError('masked arrays cannot be passed on; return .filled(…)')
            array = np.asarray(value)
            node = self._name({'t': 'array', 'dtype': _wire(array.dtype), 'shape': array.shape}, value, *_ARRAYS)
            flags = array.flags
            if self._exact and not flags.writeable:
                node['readonly'] = True
            if self._exact and not flags.c_contiguous:
                node['order'] = 'F' if flags.f_contiguous else 'none'
                array = array.T if flags.f_contiguous else array
            return self._block(node, array)
        if value is None:
            return {'t': 'none'}
        if isinstance(value, np.generic):
            return self._block({'t': 'scalar', 'dtype': _wire(value.dtype)}, np.asarray(value))
        if isinstance(value, bool):
            return {'t': 'bool', 'v': value}
        if isinstance(value, int):
            # Decimal text of long integers is limited by Python and slow to read, hexadecimal is neither.
            whole = str(int(value)) if int.bit_length(value) <= 64 else hex(value)
            return self._name({'t': 'int', 'v': whole}, value, int)
        if isinstance(value, float):
            return self._name({'t': 'float', 'v': float.hex(value)}, value, float)
        if isinstance(value, complex):
            parts = [float.hex(value.real), float.hex(value.imag)]
            return self._name({'t': 'complex', 'v': parts}, value, complex)
        if isinstance(value, str):
            if len(value) <= LONG_TEXT:
                return self._name({'t': 'str', 'v': str.__str__(value)}, value, str)
            text = np.frombuffer(value.encode('utf-8', 'surrogatepass'), np.uint8)
            return self._name(self._block({'t': 'str', 'length': text.nbytes}, text), value, str)
        if isinstance(value, bytes):
            block = np.frombuffer(value, np.uint8)
            return self._name(self._block({'t': 'bytes', 'length': len(value)}, block), value, bytes)
        if isinstance(value, (list, tuple)):
            kind = list if isinstance(value, list) else tuple
            return self._name(self._sequence(value, kind.__name__, depth), value, kind)
        if isinstance(value, dict):
            if (node := self._plain(value, depth)) is not None:
                return node
            pairs = [self._pair(key, item, depth) for key, item in value.items()]
            return self._name({'t': 'dict', 'v': pairs}, value, dict)
        name = type(value).__qualname__
        instead = _INSTEAD.get(name, 'numbers, text, bytes, lists, tuples, dicts and NumPy arrays of numbers')
        raise FrameError(f'objects of type {name} cannot be passed on; use {instead}')

    def _plain(self, value: list[Any] | tuple[Any, ...] | dict[Any, Any], depth: int) -> dict[str, Any] | None:
        """One block of bytes for what has many values, all of them Python's own; None where it is something else."""
        count = plain.count_of(value, MAX_DEPTH - depth, MAX_NODES - self._nodes)
        if count is None or count < LONG_LIST:
            return None
        self._nodes += count - 1
        data = np.frombuffer(plain.write(value), np.uint8)
        return self._block({'t': 'plain', 'length': data.nbytes}, data)

    def _name(self, node: dict[str, Any], value: object, *own: type) -> dict[str, Any]:
        kind = type(value)
        if kind not in own and (self._exact or kind is np.matrix):
            node['class'] = kind.__name__[:MAX_NAME]
        return node

    def _sequence(self, value: list[Any] | tuple[Any, ...], name: str, depth: int) -> dict[str, Any]:
        if len(value) >= LONG_LIST:
            kinds = set(map(type, value))
            kind = kinds.pop() if len(kinds) == 1 else None
            packed = _pack(value, kind)
            if packed is not None:
                of = 'numpy' if issubclass(kind, np.generic) else 'python'
                node = {'t': name, 'packed': of, 'dtype': _wire(packed.dtype), 'length': len(value)}
                return self._block(node, packed)
        if (node := self._plain(value, depth)) is not None:
            return node
        nodes = []
        for index, item in enumerate(value):
            try:
                nodes.append(self._node(item, depth + 1))
            except FrameError as error:
                raise error.inside(index) from None
        return {'t': name, 'v': nodes}

    def _pair(self, key: object, item: object, depth: int) -> list[dict[str, Any]]:
        try:
            return [self._node(key, depth + 1), self._node(item, depth + 1)]
        except FrameError as error:
            raise error.inside(key) from None


def plan_of(
    value: object,
    root: str = 'value',
    room: int | None = None,
    exact: bool = False,
    known: dict[str, Any] | None = None,
) -> Plan:
    """Where everything of `value` will lie.

    Raises `FrameError`, naming the place below `root`, where it cannot be passed on or needs more than `room` bytes.
    """
    try:
        plan = Plan(value, exact, known)
        if room is not None and plan.size > room:
            raise FrameError(f'needs {plan.size:,} bytes, at most {room:,} can cross')
    except FrameError as error:
        raise error.of(root) from None
    return plan


def encode(value: object, root: str = 'value', exact: bool = False) -> bytearray:
    """The frame of `value`. Raises `FrameError` naming the place below `root` that cannot be passed on."""
    return plan_of(value, root, exact=exact).frame()


def decode(buffer: Buffer, writable: bool = False, root: str = 'value', trusted: bool = False) -> Any:
    """The value whose frame begins `buffer` (which may be longer). Arrays are views of the buffer.

    With `writable`, writing to those arrays writes to the buffer. What is `trusted` is read faster. Raises `FrameError` for anything
    that is no frame.
    """
    try:
        return _Reader(memoryview(buffer).cast('B'), writable, trusted).value()
    except FrameError as error:
        raise error.of(root) from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError) as error:
        # The checks below say what is wrong; whatever slips through them is still only a bad frame.
        raise FrameError(f'no frame: {type(error).__name__}: {error!s:.200}', root=root) from None


def what_is_known(frame: Buffer) -> dict[str, Any]:
    """What the header of a frame says besides its value. Raises `FrameError`."""
    try:
        header = _Reader(memoryview(frame).cast('B'), False).header()
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError) as error:
        raise FrameError(f'no frame: {type(error).__name__}: {error!s:.200}') from None
    return {name: value for name, value in header.items() if name not in ('size', 'value')}


def place(block: np.ndarray, buffer: Buffer, offset: int) -> None:
    """Writes `block` into `buffer` at `offset` in C order, whatever its own layout."""
    np.ndarray(block.shape, block.dtype, buffer, offset)[...] = block


class _Reader:
    def __init__(self, buffer: memoryview, writable: bool, trusted: bool = False) -> None:
        self._buffer = buffer
        self._writable = writable
        self._trusted = trusted
        self._nodes = 0
        self._taken: list[tuple[int, int]] = []
        self._classes: dict[tuple[str, type], type] = {}

    def header(self) -> dict[str, Any]:
        available = self._buffer.nbytes
        if available < _PREFIX.size:
            raise FrameError(f'expected a frame, got {available} bytes')
        magic, length = _PREFIX.unpack_from(self._buffer)
        if magic != MAGIC:
            raise FrameError(f'expected a frame beginning with {MAGIC!r}, got {magic!r}')
        if length > min(MAX_HEADER_BYTES, available - _PREFIX.size):
            raise FrameError(f'a header of {length:,} bytes does not fit')
        self._start = _PREFIX.size + length
        header = json.loads(str(self._buffer[_PREFIX.size : self._start], 'utf-8'))
        if not isinstance(header, dict):
            raise FrameError('the header is no object')
        return header

    def value(self) -> Any:
        header, available = self.header(), self._buffer.nbytes
        self._size = _natural(header, 'size')
        if not self._start <= self._size <= available:
            raise FrameError(f'a size of {self._size:,} bytes, but {available:,} are there')
        value = self._node(header.get('value'), 0)
        self._taken.sort()
        for (_, end), (start, _) in zip(self._taken, self._taken[1:]):
            if start < end:
                raise FrameError(f'two blocks overlap at {start:,}')
        return value

    def _node(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise FrameError(f'more than {MAX_NODES:,} values')
        if depth > MAX_DEPTH:
            raise FrameError(f'nested deeper than {MAX_DEPTH}')
        if not isinstance(node, dict):
            raise FrameError('expected a node')
        kind = node.get('t')
        if kind == 'array':
            dtype, shape = _dtype(node), _shape(node)
            count = 1
            for length in shape:
                count *= length
            return self._array(node, self._numbers(node, dtype, count), shape)
        if kind == 'none':
            return None
        if kind == 'scalar':
            return self._numbers(node, _dtype(node), 1)[0]
        if kind == 'bool':
            return _typed(node, bool)
        if kind == 'int':
            return self._named(node, int(_typed(node, str), 0))
        if kind == 'float':
            return self._named(node, float.fromhex(_typed(node, str)))
        if kind == 'complex':
            real, imaginary = _typed(node, list)
            return self._named(node, complex(float.fromhex(real), float.fromhex(imaginary)))
        if kind == 'str':
            text = _typed(node, str) if 'v' in node else self._bytes(node).decode('utf-8', 'surrogatepass')
            return self._named(node, text)
        if kind == 'bytes':
            return self._named(node, self._bytes(node))
        if kind in ('list', 'tuple'):
            items = self._packed(node) if 'packed' in node else self._items(_typed(node, list), depth)
            return self._named(node, tuple(items) if kind == 'tuple' else items)
        if kind == 'dict':
            return self._named(node, self._dict(_typed(node, list), depth))
        if kind == 'plain':
            return self._plain(node, depth)
        raise FrameError(f'a node of unknown type {kind!r:.40}')

    def _plain(self, node: dict[str, Any], depth: int) -> Any:
        length = _natural(node, 'length')
        offset = self._take(node, length)
        data = self._buffer[offset : offset + length]
        if self._trusted:
            return plain.read_trusted(data)
        left = MAX_NODES - self._nodes
        return plain.read(bytes(data), MAX_DEPTH - depth, left, _dict_of)

    def _array(self, node: dict[str, Any], numbers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        order = node.get('order')
        if order == 'F':
            array = numbers.reshape(shape[::-1]).T
        elif order == 'none':
            # Every second place of twice as many: what lies so is not contiguous, whatever its shape.
            array = np.empty((*shape, 2), numbers.dtype)[..., 0]
            array[...] = numbers.reshape(shape)
        elif order is None:
            array = numbers.reshape(shape)
        else:
            raise FrameError(f'an array of unknown order {order!r:.40}')
        if node.get('readonly'):
            array.flags.writeable = False
        name = node.get('class')
        if name is None:
            return array
        if name == 'matrix' and len(shape) != 2:
            raise FrameError(f'a matrix of {len(shape)} axes')
        return array.view(np.matrix if name == 'matrix' else self._class(name, np.ndarray))

    def _named(self, node: dict[str, Any], value: Any) -> Any:
        """The value as one of a class of the name it had. Such a class has nothing but its name."""
        name = node.get('class')
        return value if name is None else self._class(name, type(value))(value)

    def _class(self, name: Any, plain: type) -> type:
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise FrameError('expected the name of a class')
        if (name, plain) not in self._classes:
            if len(self._classes) >= MAX_CLASSES:
                raise FrameError(f'more than {MAX_CLASSES} classes')
            self._classes[name, plain] = type(name, (plain,), {})
        return self._classes[name, plain]

    def _items(self, nodes: list[Any], depth: int) -> list[Any]:
        items = []
        for index, node in enumerate(nodes):
            try:
                items.append(self._node(node, depth + 1))
            except FrameError as error:
                raise error.inside(index) from None
        return items

    def _dict(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        def items() -> Iterator[tuple[Any, Any]]:
            for pair in pairs:
                if not isinstance(pair, list) or len(pair) != 2:
                    raise FrameError('expected a pair of key and value')
                key = self._node(pair[0], depth + 1)
                try:
                    yield key, self._node(pair[1], depth + 1)
                except FrameError as error:
                    raise error.inside(key) from None

        return _dict_of(items())

    def _packed(self, node: dict[str, Any]) -> list[Any]:
        numbers = self._numbers(node, _dtype(node), _natural(node, 'length'))
        if node['packed'] == 'numpy':
            return list(numbers)
        if node['packed'] == 'python' and numbers.dtype.str in _PACKED.values():
            return numbers.tolist()
        raise FrameError('a list packed in an unknown way')

    def _bytes(self, node: dict[str, Any]) -> bytes:
        length = _natural(node, 'length')
        offset = self._take(node, length)
        return bytes(self._buffer[offset : offset + length])

    def _numbers(self, node: dict[str, Any], dtype: np.dtype, count: int) -> np.ndarray:
        offset = self._take(node, count * dtype.itemsize)
        if count == 0:
            return np.empty(0, dtype)
        array = np.frombuffer(self._buffer, dtype, count, offset)
        if not self._writable:
            array.flags.writeable = False
        return array

    def _take(self, node: dict[str, Any], length: int) -> int:
        offset = _natural(node, 'offset')
        if offset % ALIGNMENT or offset < self._start or offset + length > self._size:
            raise FrameError(
                f'{length:,} bytes at {offset:,} do not lie between {self._start:,} and {self._size:,}'
            )
        if length:
            self._taken.append((offset, offset + length))
        return offset


def _dict_of(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of pairs that anybody may have chosen. Raises `FrameError`."""
    result: dict[Any, Any] = {}
    hashes: dict[int, int] = {}
    for key, value in pairs:
        if isinstance(key, (list, dict, np.ndarray)):
            raise FrameError(f'a {type(key).__name__} cannot be a key')
        hashes[hash(key)] = hashes.get(hash(key), 0) + 1
        if hashes[hash(key)] > MAX_EQUAL_HASHES:
            raise FrameError(f'more than {MAX_EQUAL_HASHES} keys of one hash')
        if key in result:
            raise FrameError(f'the key {key!r:.80} occurs twice')
        result[key] = value
    return result


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _wire(dtype: np.dtype) -> str:
    wire = _WIRES.get((dtype.char, dtype.str))
    if wire is None:
        if dtype.names:
            raise FrameError('structured arrays cannot be passed on; use an array for each field')
        raise FrameError(
            f'arrays of {dtype.name} cannot be passed on; use booleans, integers, floats or complex numbers'
        )
    return wire


def _pack(value: list[Any] | tuple[Any, ...], kind: type | None) -> np.ndarray | None:
    """The items as one block where all are of a number type that fits, else None."""
    if kind is None:
        return None
    if issubclass(kind, np.generic):
        array = np.array(value)
        return array if array.dtype.kind in 'biufc' and array.dtype.type is kind else None
    if kind not in _PACKED:
        return None
    try:
        return np.array(value, _PACKED[kind])
    except OverflowError:
        return None


def _typed(node: dict[str, Any], kind: type) -> Any:
    value = node.get('v')
    if type(value) is not kind:
        raise FrameError(
            f'expected a {kind.__name__} in a node of type {node["t"]}, got {type(value).__name__}'
        )
    return value


def _natural(node: dict[str, Any], name: str) -> int:
    value = node.get(name)
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise FrameError(f'{name}: expected a number of bytes or items, got {value!r:.40}')
    return value


def _dtype(node: dict[str, Any]) -> np.dtype:
    code = node.get('dtype')
    if not isinstance(code, str) or code not in _DTYPES:
        raise FrameError(f'an array of unknown type {code!r:.40}')
    return _DTYPES[code]


def _shape(node: dict[str, Any]) -> tuple[int, ...]:
    shape = node.get('shape')
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise FrameError('expected the shape of an array')
    if not all(type(length) is int and 0 <= length < 1 << 48 for length in shape):
        raise FrameError(f'an impossible shape {shape!r:.80}')
    return tuple(shape)
