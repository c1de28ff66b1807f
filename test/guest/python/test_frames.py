"""Frames: what crosses, what cannot, and what hostile bytes do."""

from __future__ import annotations

import json
import math
import random
import struct
import unittest
from collections import OrderedDict, namedtuple

import numpy as np
from cases import decode_case, encode_case, what_is_left
from frames import FrameError, decode, encode, plan_of

EVERYTHING = {
    'none': None,
    'flags': (True, False),
    'integers': [0, -1, 2**63, -(2**64), 3**9000],
    'floats': [0.1, -0.0, 1e308, 5e-324, math.inf, -math.inf],
    'complex': 1 - 2j,
    'text': 'grüße \ud800 \x00',
    'long text': 'ü\udfff' * 2000,
    'bytes': bytes(range(256)),
    'nothing': [[], (), {}, '', b''],
    'packed': [[1.5] * 40, tuple(range(40)), [True, False] * 20, [np.float32(2)] * 30],
    'mixed': [1, 2.0] * 20,
    'beyond': [2**70] * 20,
    'keys': {1: 'a', 2.5: 'b', None: 'c', (1, 'x'): 'd', False: 'e'},
    'arrays': [np.arange(24.0).reshape(2, 3, 4), np.array(7), np.empty((0, 5)), np.ones(3, bool)],
    'types': [np.arange(3).astype(code) for code in '?bhiqBHIQefdgFDG'],
    'scalars': [np.float32(1.5), np.uint8(7), np.bool_(True), np.complex64(1j)],
}


def same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other and str(one) == str(other)


def forge(value: object, size: int = 4096, **header: object) -> bytes:
    """A frame of `size` bytes whose header, 1024 bytes long, says what it likes."""
    text = json.dumps({'size': size, 'value': value, **header}).encode().ljust(1024 - 16)
    return (b'CRUFRM01' + struct.pack('<Q', len(text)) + text).ljust(size, b'\x01')


class Crossing(unittest.TestCase):
    def test_everything(self) -> None:
        """a frame gives back every kind of value as it was"""
        for name, value in EVERYTHING.items():
            with self.subTest(name):
                self.assertTrue(same(decode(encode(value)), value), name)
        self.assertTrue(same(decode(encode(EVERYTHING)), EVERYTHING))
        self.assertEqual(encode(decode(encode(EVERYTHING), writable=True)), encode(EVERYTHING))

    def test_nan(self) -> None:
        """NaN crosses as NaN, alone and in a list"""
        self.assertTrue(math.isnan(decode(encode(math.nan))))
        self.assertTrue(all(map(math.isnan, decode(encode([math.nan] * 20)))))

    def test_layouts(self) -> None:
        """an answer in C order, in Fortran order or in neither is seen to be that, and an argument arrives in C order"""
        base = np.arange(60.0).reshape(3, 4, 5)
        for array in (
            base,
            base.T,
            np.asfortranarray(base),
            base[::-1, ::2],
            base[0, 0, ::2],
            np.broadcast_to(1.0, (3, 4)),
        ):
            argument, answer = decode(encode(array)), decode(encode(array, exact=True))
            self.assertTrue((argument == array).all() and (answer == array).all())
            order = array.flags.c_contiguous, array.flags.f_contiguous
            self.assertEqual((answer.flags.c_contiguous, answer.flags.f_contiguous), order)
            self.assertTrue(argument.flags.c_contiguous)

    def test_writability(self) -> None:
        """an answer that cannot be written to is seen to be that, and an argument can be written to"""
        array = np.arange(3)
        array.flags.writeable = False
        self.assertFalse(decode(encode(array, exact=True), writable=True).flags.writeable)
        self.assertTrue(decode(encode(array), writable=True).flags.writeable)
        self.assertTrue(decode(encode(array + 1, exact=True), writable=True).flags.writeable)

    def test_subclasses(self) -> None:
        """a class made from a plain one is known by its name in an answer, and plain in an argument; a matrix is one in both"""
        Point = namedtuple('Point', 'x y')

        class Kelvin(np.ndarray):
            pass

        class Hour(int):
            pass

        for value in (Point(1, 2), OrderedDict(a=1), np.arange(3).view(Kelvin), Hour(5)):
            plain, named = decode(encode(value)), decode(encode(value, exact=True))
            self.assertIsNot(type(plain), type(value))
            self.assertEqual(type(named).__name__, type(value).__name__)
            self.assertEqual(str(plain), str(np.asarray(value) if isinstance(value, np.ndarray) else plain))
            self.assertTrue(np.all(named == plain))
        self.assertIs(type(decode(encode(np.asmatrix([[1.0]])))), np.matrix)

    def test_types(self) -> None:
        """an array, a scalar and a long list of any type arrive as that very type, byte order included"""
        for letter in '?bhilqBHILQefdgFDG':
            for dtype in (np.dtype(letter), np.dtype(letter).newbyteorder('>')):
                whole = np.arange(24).astype(dtype)
                for array in (whole, whole[::-2], whole.reshape(4, 6).T, whole[:0], whole[5:6].reshape(())):
                    with self.subTest(f'{dtype!r}, shape {array.shape}'):
                        back = decode(encode(array))
                        self.assertEqual((back.dtype.char, back.dtype.str), (dtype.char, dtype.str))
                        self.assertTrue((back == array).all())
                one, many = decode(encode([whole[1], list(whole)]))
                for scalar, back in ((whole[1], one), *zip(whole, many)):
                    self.assertIs(type(back), type(scalar))
                    self.assertEqual(back.dtype.char, scalar.dtype.char)
        self.assertIsInstance(decode(encode(np.arange(3)))[0], np.int64)

    def test_layout_of_bytes(self) -> None:
        """every block of a frame starts on a multiple of 64 bytes, and the size in the header is its
        length
        """
        frame = encode([np.arange(3), np.ones((2, 2)), b'abc'])
        length = struct.unpack_from('<Q', frame, 8)[0]
        header = json.loads(frame[16 : 16 + length])
        self.assertEqual(header['size'], len(frame))
        self.assertEqual([node['offset'] % 64 for node in header['value']['v']], [0, 0, 0])
        self.assertEqual((16 + length) % 64, 0)

    def test_views(self) -> None:
        """decoded arrays are views: written through when writable, read-only otherwise"""
        frame = encode(np.zeros(8))
        decode(frame, writable=True)[3] = 7.0
        self.assertEqual(decode(frame)[3], 7.0)
        with self.assertRaises(ValueError):
            decode(frame)[3] = 1.0

    def test_many_blocks(self) -> None:
        """a header whose length depends on thousands of offsets comes out right"""
        value = [[np.full(2, index)] for index in range(3000)]
        self.assertTrue(same(decode(encode(value)), value))

    def test_room(self) -> None:
        """a value is written into a longer buffer, and refused where there is too little room"""
        buffer = bytearray(4096)
        plan = plan_of(np.ones(10), room=4096)
        plan.write(buffer)
        self.assertEqual(bytes(buffer[: plan.size]), bytes(encode(np.ones(10))))
        self.assertEqual(decode(buffer).sum(), 10)
        with self.assertRaisesRegex(FrameError, 'answer: needs .* at most 4,096 can cross'):
            plan_of(np.ones(1000), root='answer', room=4096)


class Plain(unittest.TestCase):
    VALUE = {
        'points': [(index, index / 7, -index) for index in range(50)],
        'texts': {f'ключ {index}': f'\ud800 {index}' for index in range(20)},
        'whole': [0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 2**64, -(3**400), 1 << 15, (1 << 30) - 1],
        'floats': [0.0, -0.0, float('inf'), float('-inf'), 5e-324, 1.5 + 2j, complex(-0.0, 1)],
        'rest': [None, True, False, b'\x00\xff', '', [], (), {}, {(1, 'a'): {2: [3]}}],
    }

    def test_both_ways(self) -> None:
        """nested values of Python's own types are one block, which is read alike by whom trusts it and by whom does not"""
        frame = encode(self.VALUE)
        self.assertIn(b'"t":"plain"', bytes(frame))
        for trusted in (True, False):
            self.assertEqual(repr(decode(frame, trusted=trusted)), repr(self.VALUE))
        self.assertEqual(bytes(encode(decode(frame))), bytes(frame))

    def test_other_types(self) -> None:
        """what has a value of another type in it keeps its types"""
        for other in (np.float64(0.5), np.arange(3), [np.int32(1)]):
            value = [*range(20), other]
            self.assertNotIn(b'"t":"plain"', bytes(encode(value)))
            self.assertTrue(same(decode(encode(value)), value))

    def test_hostile(self) -> None:
        """bytes of nothing plain are refused, whatever they are"""
        good = bytes(encode(self.VALUE))
        begin = good.index(b'CRUFRM01') + 16 + int.from_bytes(good[8:16], 'little')
        random = np.random.default_rng(3)
        for _ in range(500):
            frame = bytearray(good)
            for _ in range(3):
                frame[int(random.integers(begin, len(frame)))] = int(random.integers(256))
            try:
                decode(frame)
            except FrameError:
                pass
        for code in b'[\xff\xff\xff\xff', b'(\xff\xff\xff\x7f', b'l\x00\x00\x00\x80', b'R\x00\x00\x00\x00', b'c' * 20, b'[' * 9:
            frame = bytearray(good)
            frame[begin : begin + len(code)] = code
            with self.assertRaises(FrameError):
                decode(frame)
        deep = [1] * 20
        for _ in range(65):
            deep = [deep]
        with self.assertRaisesRegex(FrameError, 'nested deeper'):
            encode(deep)


class NotCrossing(unittest.TestCase):
    def refused(self, value: object, message: str) -> None:
        with self.assertRaisesRegex(FrameError, message):
            encode(value, root='answer')

    def test_objects(self) -> None:
        """what cannot be passed on is refused with its place and its type"""

        class Foo:
            pass

        with self.assertRaises(FrameError) as caught:
            encode_case(({'grid': Foo()},), {})
        self.assertRegex(str(caught.exception), r'^args\[0\]\["grid"\]: objects of type .*Foo cannot be passed on')
        self.refused([1, [2, Foo()]], r'^answer\[1\]\[1\]: objects')
        self.refused({(1, 2): {3, 4}}, r'^answer\[\(1, 2\)\]: objects of type set cannot be passed on; use sorted')
        self.refused((each for each in 'ab'), r'objects of type generator .*; use list\(')
        self.refused(np.array([None]), 'answer: arrays of object')
        self.refused(np.array(['a']), 'answer: arrays of str')
        self.refused(np.array(0, 'M8[s]'), 'answer: arrays of datetime64')
        self.refused(np.zeros(2, [('a', 'f4')]), 'answer: structured arrays cannot')
        self.refused(np.ma.masked_array([1, 2], [0, 1]), 'masked')
        self.refused(iter([1]), 'list_iterator')

    def test_cycles(self) -> None:
        """a list that holds itself is refused, not followed for ever"""
        loop: list[object] = []
        loop.append(loop)
        self.refused(loop, 'nested deeper than 64')
        self.refused([[object] for _ in range(600_000)], 'cannot be passed on')


class Hostile(unittest.TestCase):
    def refused(self, frame: bytes, message: str) -> None:
        with self.assertRaisesRegex(FrameError, message):
            decode(frame)

    def test_forged_headers(self) -> None:
        """forged headers are refused by what is wrong with them"""
        array = {'t': 'array', 'dtype': '<f8', 'shape': [4], 'offset': 1024}
        decode(forge(array))
        for change, message in [
            ({'offset': 4096}, 'do not lie'),
            ({'offset': 4064}, 'do not lie'),
            ({'offset': 0}, 'do not lie'),
            ({'offset': 1032}, 'do not lie'),
            ({'offset': -64}, 'expected a number'),
            ({'offset': True}, 'expected a number'),
            ({'offset': 1e999}, 'expected a number'),
            ({'offset': 2**64}, 'expected a number'),
            ({'shape': [-1]}, 'impossible shape'),
            ({'shape': [2**62, 4]}, 'impossible shape'),
            ({'shape': [2**33, 2**33]}, 'do not lie'),
            ({'shape': [1] * 65}, 'shape'),
            ({'shape': 4}, 'shape'),
            ({'shape': [0, 2**47, 2**47]}, ''),
            ({'dtype': '|O'}, 'unknown type'),
            ({'dtype': '>f3'}, 'unknown type'),
            ({'dtype': '<U4'}, 'unknown type'),
            ({'dtype': 'f4,f4'}, 'unknown type'),
            ({'dtype': ['<f8']}, 'unknown type'),
            ({'order': 'K'}, 'unknown order'),
            ({'class': 'matrix', 'shape': [2, 2, 2]}, 'a matrix of 3 axes'),
            ({'class': 7}, 'the name of a class'),
            ({'class': 'long' * 100}, 'the name of a class'),
            ({'t': 'object'}, 'unknown type'),
            ({'t': {}}, 'unknown type'),
        ]:
            with self.subTest(str(change)):
                self.refused(forge({**array, **change}), message)

    def test_overlap(self) -> None:
        """two blocks may not share bytes"""
        one = {'t': 'array', 'dtype': '<f8', 'shape': [20], 'offset': 1024}
        self.refused(forge({'t': 'list', 'v': [one, {**one, 'offset': 1088}]}), 'overlap')
        self.refused(forge({'t': 'list', 'v': [one, {'t': 'bytes', 'offset': 1024, 'length': 1}]}), 'overlap')

    def test_forged_values(self) -> None:
        """forged nodes are refused, whatever their values are"""
        for node in [
            None, 7, [], 'none', {}, {'t': 'int', 'v': 7}, {'t': 'int', 'v': '9' * 900 + 'x'},
            {'t': 'bool', 'v': 1}, {'t': 'int', 'v': '9' * 9000},
            {'t': 'float', 'v': 'x'}, {'t': 'float', 'v': '0x1p99999'}, {'t': 'float'},
            {'t': 'str', 'v': None},
            {'t': 'list', 'v': {}}, {'t': 'list', 'v': [1]}, {'t': 'dict', 'v': [[1]]},
            {'t': 'complex', 'v': ['0x1p0']},
            {'t': 'dict', 'v': [[{'t': 'list', 'v': []}, {'t': 'none'}]]},
            {'t': 'dict', 'v': [[{'t': 'tuple', 'v': [{'t': 'list', 'v': []}]}, {'t': 'none'}]]},
            {'t': 'dict', 'v': [[{'t': 'none'}, {'t': 'none'}]] * 2},
            {'t': 'str', 'offset': 1024, 'length': 2**40}, {'t': 'bytes', 'offset': 1024},
            {'t': 'list', 'packed': 'python', 'dtype': '<f2', 'offset': 1024, 'length': 2},
            {'t': 'list', 'packed': 'pickle', 'dtype': '<f8', 'offset': 1024, 'length': 2},
            {'t': 'list', 'packed': 'numpy', 'dtype': '<f8', 'offset': 1024, 'length': 2**45},
        ]:  # fmt: skip
            with self.subTest(str(node)[:80]):
                self.refused(forge(node), '')

    def test_envelope(self) -> None:
        """a damaged envelope is refused"""
        frame = bytes(encode(np.ones(4)))
        for cut in range(len(frame)):
            self.refused(frame[:cut], '')
        self.refused(b'CRUFRM02' + frame[8:], 'beginning with')
        self.refused(frame[:8] + struct.pack('<Q', 2**64 - 1) + frame[16:], 'does not fit')
        self.refused(frame[:8] + struct.pack('<Q', 17 << 20) + b' ' * (18 << 20), 'does not fit')
        self.refused(forge({'t': 'none'}, size=4096)[:2048], 'a size of 4,096')
        for header in (
            b'[]',
            b'7',
            b'',
            b'\xff',
            b'{"size":NaN}',
            b'{"size":64}',
            b'[' * 100_000,
            b'{"a":' * 100_000,
        ):
            self.refused(b'CRUFRM01' + struct.pack('<Q', len(header)) + header + b' ' * 64, '')

    def test_deep(self) -> None:
        """a deeply nested value is refused"""
        node: object = {'t': 'none'}
        for _ in range(65):
            node = {'t': 'list', 'v': [node]}
        text = json.dumps({'size': 8192, 'value': node}).encode().ljust(8192 - 16)
        self.refused(b'CRUFRM01' + struct.pack('<Q', len(text)) + text, 'nested deeper')

    def test_nodes(self) -> None:
        """more values than the cap are refused"""
        header = b'{"size":%d,"value":{"t":"list","v":[' + b','.join([b'{"t":"none"}'] * 500_001) + b']}}'
        size = len(header) + 32
        header = (header % size).ljust(size - 16)
        self.refused(b'CRUFRM01' + struct.pack('<Q', len(header)) + header, 'more than 500,000')

    def test_equal_hashes(self) -> None:
        """a dict whose keys were chosen to have one hash is refused at once"""
        self.refused(bytes(encode({k * (2**61 - 1): k for k in range(1000)})), 'keys of one hash')
        self.refused(bytes(encode({complex(-1000003 * k, k): k for k in range(1000)})), 'keys of one hash')
        self.assertEqual(len(decode(encode({(i, j): 0 for i in range(99) for j in range(99)}))), 99 * 99)

    def test_fuzz(self) -> None:
        """random bytes and twenty thousand mutated frames raise FrameError or decode, and do nothing else"""
        chance = random.Random(20_240_611)
        originals = [bytes(encode(value)) for value in EVERYTHING.values() if len(encode(value)) < 20_000]
        tokens = [
            b'"t":"array"',
            b'"t":"list"',
            b'-',
            b'9' * 30,
            b'[',
            b'{',
            b'}',
            b'null',
            b'"|O"',
            b'1e9',
            b'"offset":0',
            b'"v"',
        ]
        decoded = 0
        for turn in range(20_000):
            frame = bytearray(chance.choice(originals))
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(frame))
                way = chance.randrange(4)
                if way == 0:
                    frame[at] ^= 1 << chance.randrange(8)
                elif way == 1:
                    token = chance.choice(tokens)
                    frame[at : at + len(token)] = token
                elif way == 2:
                    del frame[at : at + chance.randrange(1, 40)]
                else:
                    frame[at:at] = chance.randbytes(chance.randrange(1, 20))
                if not frame:
                    break
            if turn % 50 == 0:
                frame = bytearray(b'CRUFRM01' + chance.randbytes(chance.randrange(200)))
            try:
                decode(frame)
                decoded += 1
            except FrameError:
                pass
        self.assertGreater(decoded, 100)


class Changes(unittest.TestCase):
    def test_unchanged(self) -> None:
        """a case left alone keeps its bytes"""
        frame = encode_case((EVERYTHING, np.ones(5)), {'option': [1, 2, 3]})
        before = bytes(frame)
        self.assertIs(what_is_left(frame, *decode_case(frame, writable=True)), frame)
        self.assertEqual(bytes(frame), before)

    def test_lists(self) -> None:
        """what a call does to lists, dicts and the arrays in them is seen in a frame of what is left"""
        frame = encode_case(([3, 1, 2], {'a': 1}, [9.0] * 20, [np.ones(2)], np.zeros(3)), {})
        args, kwargs = decode_case(frame, writable=True)
        args[0].sort()
        args[1]['a'] = 'long text that moves everything behind it' * 4
        args[2][0] = -1.0
        args[3][0] = np.full(2, 5.0)
        args[4][:] = 4.0
        left = what_is_left(frame, args, kwargs)
        expected = ([1, 2, 3], {'a': args[1]['a']}, [-1.0] + [9.0] * 19, [np.full(2, 5.0)], np.full(3, 4.0))
        self.assertTrue(same(decode_case(left)[0], expected))

    def test_long_lists(self) -> None:
        """a number changed in a long list is seen, and so is a list that grew"""
        frame = encode_case(([1.0] * 50, np.zeros(4)), {})
        args, kwargs = decode_case(frame, writable=True)
        args[0][7] = 2.0
        self.assertEqual(decode_case(what_is_left(frame, args, kwargs))[0][0][7], 2.0)
        args[0].extend([1.0] * 1000)
        self.assertEqual(len(decode_case(what_is_left(frame, args, kwargs))[0][0]), 1050)

    def test_arrays_in_place(self) -> None:
        """an array changed in place is seen in the frame, and another array in its place in a list, too"""
        frame = encode_case(([np.zeros(3)],), {})
        args, kwargs = decode_case(frame, writable=True)
        args[0][0][1] = 1.0
        self.assertIs(what_is_left(frame, args, kwargs), frame)
        self.assertEqual(decode_case(frame)[0][0][0].tolist(), [0, 1, 0])
        args[0][0] = np.ones(3)
        self.assertEqual(decode_case(what_is_left(frame, args, kwargs))[0][0][0].tolist(), [1, 1, 1])
