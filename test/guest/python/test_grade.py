"""The grader: what is right, wrong and invalid, in values, arguments, files and output."""

from __future__ import annotations

import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import unittest
import warnings
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
from cases import encode_case
from comparing import Comparison, Tolerance
from conductor import GUEST
from frames import encode
from grade import judge
from PIL import Image
from verdict import PlanError, verdict

TOLERANCE = {'relative': 1e-6, 'absolute': 1e-9}


def compared(
    expected: Any, got: Any, relative: float = 1e-6, absolute: float | None = 1e-9, exact: bool = True
) -> Comparison:
    comparison = Comparison(Tolerance(relative, absolute), exact)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        comparison.values(expected, got, 'answer')
    return comparison


class Grading(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.count = 0

    def file(self, data: bytes | str) -> str:
        self.count += 1
        path = self.folder / f'file-{self.count}'
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return str(path)

    def by_oracle(self, truth: Any, original: Any, got: Any, relative: float = 1e-6) -> dict[str, Any]:
        """The verdict on an answer beside those of the original and of an oracle that is more exact."""
        case = self.case(original, bytes(encode(got, root='answer', exact=True)))
        case['exact'] = self.file(bytes(encode(truth, root='answer', exact=True)))
        return verdict(judge({'tolerance': {'relative': relative}, 'answers': 'exact', 'cases': [case]}))

    def test_answers_are_compared_with_those_of_an_oracle_and_who_is_nearer_is_told(self) -> None:
        truth, original = np.array([0.1, 0.2, 0.7]), np.array([0.1, 0.2, 0.7 + 5e-7])
        # Farther from the original than the tolerance, and within it of the oracle.
        self.assertEqual(self.by_oracle(truth, original, np.array([0.1, 0.2, 0.7 - 5e-7]))['kind'], 'right')
        said = self.by_oracle(truth, original, np.array([0.1, 0.2, 0.7 - 9e-7]))
        self.assertEqual(said['kind'], 'wrong')
        self.assertRegex(said['firstMismatch'], r'expected is the answer of the oracle, from which this is off by 9e-07 and the original by 5e-07 at most: the original is nearer')

    def test_an_original_that_does_not_agree_with_the_oracle_judges_nothing(self) -> None:
        with self.assertRaisesRegex(PlanError, r'the original does not agree with the oracle within the tolerance: case 0, answer: expected 0\.1, got 0\.2'):
            self.by_oracle(0.1, 0.2, 0.1)

    def case(
        self,
        expected: Any,
        actual: bytes | None,
        args: Any = (1,),
        expected_args: Any = None,
        actual_args: Any = None,
    ) -> dict[str, Any]:
        return {
            'case': self.file(encode_case(args, {})),
            'expected': self.file(encode(expected, exact=True)),
            'actual': None if actual is None else self.file(actual),
            'expectedInput': None if expected_args is None else self.file(encode_case(expected_args, {})),
            'actualInput': None if actual_args is None else self.file(encode_case(actual_args, {})),
        }

    def verdict(self, **plan: Any) -> dict[str, Any]:
        return verdict(judge({'tolerance': TOLERANCE, 'answers': 'exact', **plan}))

    def files(
        self, name: str, expected: bytes | str, actual: bytes | str, tolerance: Any = TOLERANCE, **more: Any
    ) -> dict[str, Any]:
        pair = {'path': name, 'expected': self.file(expected), 'actual': self.file(actual), **more}
        return self.verdict(files=[pair], tolerance=tolerance)


class Values(unittest.TestCase):
    def is_kind(
        self, kind: str, expected: Any, got: Any, message: str = '^', **how: Any
    ) -> Comparison:
        comparison = compared(expected, got, **how)
        self.assertEqual(comparison.kind, kind, (expected, got, comparison.mismatch()))
        self.assertRegex(comparison.mismatch() or '', message)
        return comparison

    def test_right(self) -> None:
        """equal values of every kind are right"""
        values = [
            None, True, 7, 2**100, 0.5, math.nan, math.inf, 1j, 'text', b'bytes', [], (), {},
            [1, (2.0, {'a': None})], np.float32(1), np.arange(5), np.array(2.5), np.empty((0, 3)),
            np.ones((2, 2), bool), np.array([1 + 1j, np.nan, np.inf * 1j]),
            np.array([1.0, np.nan, np.inf, -np.inf]), np.arange(3.0).astype('g'), {1: 2, 'a': [3]},
        ]  # fmt: skip
        for value in values:
            self.is_kind('right', value, value)

    def test_tolerance(self) -> None:
        """floats agree up to absolute + relative × |expected|, and not beyond"""
        self.is_kind('right', 1.0, 1.0 + 0.9e-6)
        self.is_kind(
            'wrong', 1.0, 1.0 + 1.1e-6, r'answer: expected 1, got 1.0000011, allowed difference 1e-06'
        )
        self.is_kind('right', 0.0, 0.9e-9)
        self.is_kind('wrong', 0.0, 1.1e-9)
        self.is_kind('right', 1e300, 1e300 * (1 + 1e-7))
        self.is_kind('wrong', 1e308, -1e308)
        self.is_kind('right', 3 + 4j, 3 + 4.000001j)
        self.is_kind('wrong', 3 + 4j, 3 - 4j)
        self.is_kind('wrong', np.zeros(2), np.array([0, 1e-12]), relative=0, absolute=0)

    def test_not_finite(self) -> None:
        """NaN stands for NaN alone, and an infinity for that infinity alone"""
        self.is_kind('wrong', 1.0, math.nan, 'expected 1, got nan')
        self.is_kind('wrong', math.nan, 1.0)
        self.is_kind('wrong', math.inf, -math.inf)
        self.is_kind('wrong', math.inf, 1e308)
        self.is_kind('wrong', 1e308, math.inf, relative=10.0)
        self.is_kind('wrong', np.array([1 + np.nan * 1j]), np.array([np.nan + 1j]))
        self.is_kind('wrong', np.ones(5), np.full(5, np.nan), '5 of 5 values differ')

    def test_exact(self) -> None:
        """integers, booleans and text are exact"""
        self.is_kind('wrong', 10**9, 10**9 + 1)
        self.is_kind('wrong', 2**100, 2**100 + 1)
        self.is_kind('wrong', True, False)
        self.is_kind('wrong', 'cat', 'cat ', 'expected "cat", got "cat "')
        self.is_kind(
            'wrong',
            np.arange(5),
            np.array([0, 1, 2, 3, 5]),
            r'answer\[4\]: expected 4, got 5; 1 of 5 values differ',
        )
        self.is_kind('wrong', np.array([True, False]), np.array([True, True]))
        self.is_kind('wrong', np.array([2**63 - 1]), np.array([2**63 - 2]))

    def test_kinds(self) -> None:
        """another kind is wrong"""
        self.is_kind('wrong', 1.0, 1)
        self.is_kind('wrong', 1, 1.0)
        self.is_kind('wrong', True, 1)
        self.is_kind('wrong', '1', 1)
        self.is_kind(
            'wrong', np.arange(3.0), np.arange(3), r'expected floats \(float64\), got integers \(int64\)'
        )
        self.is_kind('wrong', np.arange(3), np.arange(3).astype('u8'))
        self.is_kind('wrong', np.arange(3.0), [0.0, 1.0, 2.0], r'expected float64\[3\], got list of 3')
        self.is_kind('wrong', 1.0, np.array(1.0))
        self.is_kind('wrong', np.array([0.1]), np.array([0.1], 'f4'), relative=1e-9, exact=False)

    def test_same_type(self) -> None:
        """what differs only in its type, class or layout is wrong in exact answers, and noted in equal ones"""
        Point = namedtuple('Point', 'x y')
        table = np.arange(6.0).reshape(2, 3)
        fixed = table.copy()
        fixed.flags.writeable = False
        for expected, got, message in [
            (np.arange(3, dtype='i4'), np.arange(3), r'answer: expected int32\[3\], got int64\[3\]'),
            (np.arange(3), np.arange(3, dtype='i2'), r'expected int64\[3\], got int16\[3\]'),
            (table, table.astype('f4'), r'expected float64\[2,3\], got float32\[2,3\]'),
            (table, table.astype('>f8'), r'expected float64\[2,3\], got >f8\[2,3\]'),
            (table, np.asmatrix(table), 'expected an ndarray, got a matrix'),
            (np.asmatrix(table), table, 'expected a matrix, got an ndarray'),
            (table, np.asfortranarray(table), 'expected an array in C order, got one in Fortran order'),
            (np.asfortranarray(table), table, 'expected an array in Fortran order, got one in C order'),
            (np.arange(3.0), np.repeat(np.arange(3.0), 2)[::2], 'got one that is not contiguous'),
            (table, fixed, 'expected an array that can be written to, got a read-only one'),
            (np.float64(2.5), np.float32(2.5), 'expected a float64, got a float32'),
            (2.5, np.float32(2.5), 'expected a float, got a float32'),
            (7, np.int32(7), 'expected an int, got an int32'),
            (Point(1, 2), (1, 2), 'expected a Point, got a tuple'),
            ((1, 2), Point(1, 2), 'expected a tuple, got a Point'),
            ({'a': 1}, OrderedDict(a=1), 'expected a dict, got an OrderedDict'),
            ([table], [table.astype('f4')], r'answer\[0\]: expected float64'),
        ]:
            with self.subTest(message):
                self.is_kind('wrong', expected, got, message)
                noted = self.is_kind('right', expected, got, exact=False)
                self.assertRegex(noted.notes[0], message)

    def test_stand_ins(self) -> None:
        """Python's numbers stand for NumPy's of their kind, and NumPy's widest for Python's"""
        for expected, got in [
            (np.float64(2.5), 2.5),
            (np.float32(2.5), 2.5),
            (np.uint8(7), 7),
            (2.5, np.float64(2.5)),
            (7, np.int64(7)),
            (1j, np.complex128(1j)),
        ]:
            noted = self.is_kind('right', expected, got)
            self.assertEqual(len(noted.notes), 1)
        self.is_kind('right', np.array(2.5), np.array(2.5))

    def test_better_layout(self) -> None:
        """an array may be contiguous, and be written to, where the original's is not"""
        table = np.arange(6.0).reshape(2, 3)
        strided = np.repeat(table, 2, axis=1)[:, ::2]
        strided.flags.writeable = False
        self.is_kind('right', strided, table)
        self.is_kind('right', table[:, :1], np.ascontiguousarray(table[:, :1]))

    def test_scale(self) -> None:
        """without an absolute tolerance numbers near zero are compared by the scale of those beside them"""
        small = np.linspace(1e-12, 9e-12, 50)
        self.is_kind('wrong', small, small * 0.5, absolute=None)
        self.is_kind('wrong', small, small + 1e-14, absolute=None)
        self.is_kind('right', small, small * (1 + 1e-8), absolute=None)
        # What cancels out near zero is off by rounding at the size of the others.
        waves = np.sin(np.linspace(0, 2 * np.pi, 101))
        self.is_kind('right', waves, np.where(abs(waves) < 1e-12, 0, waves), absolute=None)
        self.is_kind('right', list(waves), list(np.where(abs(waves) < 1e-12, 0, waves)), absolute=None)
        self.is_kind('wrong', waves, waves + 2e-9, absolute=None)
        self.is_kind('right', 1e6 * waves, np.where(abs(waves) < 1e-12, 0, 1e6 * waves), absolute=None)
        huge = np.array([1e300, -1e300, 3e-300])
        self.is_kind('right', huge, huge * (1 + 1e-9), absolute=None)
        self.is_kind('wrong', np.array([1e-320, 2e-320]), np.zeros(2), absolute=None)
        self.is_kind('wrong', 1e-12, 0.0, absolute=None)

    def test_constant(self) -> None:
        """one number for all is wrong where the expected ones differ, whatever the tolerance"""
        small = np.linspace(1e-12, 9e-12, 50)
        self.is_kind('wrong', small, np.zeros(50), 'expected numbers from 1e-12 to 9e-12, got 0 everywhere')
        self.is_kind('wrong', list(small), [5e-12] * 50, 'got 5e-12 everywhere')
        self.is_kind('wrong', np.array([3.0, 4.0]), np.array([3.5, 3.5]), absolute=1e9)
        self.is_kind('wrong', small + 1j, np.zeros(50) + 0j, absolute=2.0)
        # Rounding of a constant is no variety.
        noisy = 0.1 + np.arange(50) * 1e-17 + np.where(np.arange(50) % 2, 1e-16, 0)
        self.is_kind('right', noisy, np.full(50, 0.1))
        self.is_kind('right', np.full(50, 0.1), np.full(50, 0.1 + 1e-12))
        self.is_kind('right', np.array([0.1]), np.array([0.1 + 1e-12]))

    def test_structure(self) -> None:
        """shapes, lengths, keys and sequences must be those expected"""
        self.is_kind('wrong', np.ones((2, 3)), np.ones((3, 2)), r'expected shape \[2, 3\], got \[3, 2\]')
        self.is_kind('wrong', [1, 2], (1, 2))
        self.is_kind('wrong', [1, 2], [1, 2, 3])
        self.is_kind('wrong', {'a': 1, 'b': 2}, {'a': 1}, 'the key "b" is missing')
        self.is_kind('wrong', {'a': 1}, {'a': 1, 'z': 2}, 'has the key "z"')
        self.is_kind('wrong', {1: 'x'}, {True: 'x'})
        self.is_kind(
            'wrong',
            {'grid': [np.zeros((2, 2))]},
            {'grid': [np.eye(2)]},
            r'answer\["grid"\]\[0\]\[0, 0\]: expected 0, got 1',
        )

    def test_empty(self) -> None:
        """empty answers are invalid where something was expected"""
        self.is_kind('invalid', 1.0, None)
        self.is_kind('invalid', np.ones(3), None)
        self.is_kind('invalid', np.ones(3), np.empty(0))
        self.is_kind('invalid', [1], [])
        self.is_kind('invalid', {'a': 1}, {})
        self.is_kind('invalid', {'a': 1.0}, {'a': None})
        self.is_kind('wrong', None, 1)

    def test_hostile_text(self) -> None:
        """messages stay short and free of control characters, whatever the answer is"""
        for got in ('\x1b[31m' * 1000, b'\x00' * 10**6, 10**4000, [0] * 10**5, {('x' * 1000): 1}):
            message = compared('cat' if not isinstance(got, dict) else {'a': 1}, got).mismatch()
            self.assertLess(len(message), 300)
            self.assertTrue(message.isprintable(), message)

    def test_large(self) -> None:
        """a large array is compared in pieces, with the place of the first difference and the number of
        all
        """
        expected = np.random.default_rng(1).random((128, 128, 128))
        got = expected.copy()
        got[12, 40, 7:9] += 1.0
        got[100, 1, 1] = math.nan
        got[90, 1, 1] += 1e-8
        comparison = compared(expected, got)
        self.assertRegex(
            comparison.mismatch(),
            r'^answer\[12, 40, 7\]: expected 0\.\d+, got 1\.\d+, allowed .*; 3 of 2,097,152 values differ$',
        )
        self.assertAlmostEqual(comparison.largest.absolute, 1.0)
        self.assertRegex(comparison.largest.where, r'^answer\[12, 40, [78]\]$')

    def test_largest_error(self) -> None:
        """the largest error of a right answer says how much of the tolerance it takes"""
        comparison = compared(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.000001, 4.000001]))
        self.assertEqual(comparison.kind, 'right')
        self.assertEqual(comparison.largest.where, 'answer[1]')
        self.assertAlmostEqual(comparison.largest.absolute, 1e-6)
        self.assertAlmostEqual(comparison.largest.relative, 5e-7)
        self.assertAlmostEqual(comparison.largest.allowed_ratio, 0.5, places=2)

    def test_against_numpy(self) -> None:
        """for a thousand random arrays the verdict is that of the rule, computed value by value"""
        chance = np.random.default_rng(7)
        special = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, 5e-324, 1.0]
        rights = 0
        for _ in range(1000):
            expected = chance.choice(special, 4) if chance.random() < 0.5 else chance.random(4)
            got = (
                expected * (1 + chance.choice([0, 5e-7, 2e-6]))
                if chance.random() < 0.7
                else chance.choice(special, 4)
            )
            agrees = all(
                one == other
                or (math.isnan(one) and math.isnan(other))
                or (
                    math.isfinite(one) and math.isfinite(other) and abs(other - one) <= 1e-9 + 1e-6 * abs(one)
                )
                for one, other in zip(expected.tolist(), got.tolist())
            )
            rights += agrees
            self.assertEqual(compared(expected, got).kind, 'right' if agrees else 'wrong', (expected, got))
        self.assertTrue(100 < rights < 900)


class Calls(Grading):
    def test_verdict(self) -> None:
        """the verdict counts, names the first mismatch and lists every case"""
        grid = np.zeros((2, 2))
        right = self.case({'grid': grid}, encode({'grid': grid + 1e-10}))
        wrong = self.case({'grid': grid}, encode({'grid': np.eye(2)}))
        result = self.verdict(cases=[right, wrong, right])
        self.assertEqual((result['kind'], result['checked']), ('wrong', 12))
        self.assertEqual(
            result['firstMismatch'],
            'case 1, answer["grid"][0, 0]: expected 0, got 1, allowed difference 1e-09; 2 of 4 values differ',
        )
        self.assertEqual(result['largestError']['where'], 'case 1, answer["grid"][0, 0]')
        self.assertEqual([case['kind'] for case in result['cases']], ['right', 'wrong', 'right'])
        self.assertAlmostEqual(result['cases'][0]['largestError']['allowedRatio'], 0.1)
        result = self.verdict(cases=[right])
        self.assertEqual((result['kind'], result['firstMismatch']), ('right', None))

    def test_otherwise_right(self) -> None:
        """an answer that may be right in another way is refused, and told how it may be accepted"""
        rows = np.arange(6.0).reshape(3, 2) + 1
        for expected, got, how in [
            ([3, 1, 2], [1, 2, 3], 'same values in another order'),
            (['b', 'a'], ['a', 'b'], 'same values in another order'),
            (rows, rows[::-1].copy(), 'same values in another order'),
            (rows, -rows, 'opposite sign'),
            (rows, rows * [1, -1], 'signs of columns'),
            ((np.array([1.0, 2.0]), rows), (np.array([1.0, 2.0]), rows * [1, -1]), 'signs of columns'),
            ([3, 1, 2], [3, 1, 4], None),
            (rows, rows * 2, None),
            ((np.array([1.0, 2.0]), rows), (np.array([1.0, 2.5]), -rows), None),
            (3.0, -3.0, None),
        ]:
            with self.subTest(expected=expected, got=got):
                found = self.verdict(cases=[self.case(expected, encode(got, exact=True))])
                self.assertEqual(found['kind'], 'wrong')
                said = found['firstMismatch']
                if how is None:
                    self.assertNotIn('accepts', said)
                else:
                    self.assertRegex(said, rf'{how}.*: where that is right, too, let a function .*--accepts')

    def test_no_answer(self) -> None:
        """a missing, empty, cut or forged answer is invalid"""
        frame = bytes(encode(np.ones(4)))
        for actual in (None, b'', frame[:-1], b'\x80\x04pickle', frame[:64] + b'\xff' * 64, b'\x00' * 4096):
            self.assertEqual(self.verdict(cases=[self.case(np.ones(4), actual)])['kind'], 'invalid')
        gone = {**self.case(1.0, b''), 'actual': str(self.folder / 'not there')}
        self.assertEqual(self.verdict(cases=[gone])['kind'], 'invalid')

    def test_fuzz(self) -> None:
        """three thousand mutated answers each get a verdict that is JSON, and none of them a right one by
        accident
        """
        chance = random.Random(5)
        expected = {
            'grid': np.arange(1.0, 9.0).reshape(2, 4),
            'n': 3,
            'names': ['a', 'b'],
            'more': [1.5] * 20,
        }
        frame = bytes(encode(expected))
        kinds = {'right': 0, 'wrong': 0, 'invalid': 0}
        case = self.case(expected, frame)
        for _ in range(3000):
            mutated = bytearray(frame)
            for _ in range(chance.randrange(1, 4)):
                mutated[chance.randrange(len(mutated))] = chance.randrange(256)
            Path(case['actual']).write_bytes(mutated)
            result = self.verdict(cases=[case])
            json.dumps(result, allow_nan=False)
            kinds[result['kind']] += 1
        # Right are those whose change fell into padding or far digits.
        self.assertGreater(kinds['wrong'], 300)
        self.assertGreater(kinds['invalid'], 300)

    def test_arguments(self) -> None:
        """arguments must be changed where the original changes them, and nowhere else"""
        image, other = [1.0, 1.0], [2.0, 2.0]

        def result(expected: Any, actual: Any) -> dict[str, Any]:
            args = (image, [1])
            case = self.case(None, encode(None), args, expected and (expected, [1]), actual and (actual, [1]))
            return self.verdict(cases=[case], arguments=['image'])

        self.assertEqual(result(None, None)['kind'], 'right')
        self.assertEqual(result(other, other)['kind'], 'right')
        self.assertEqual(result(other, [2.0, 2.0000001])['kind'], 'right')
        # The conductor saw other bytes, but the same value.
        self.assertEqual(result(None, image)['kind'], 'right')
        self.assertRegex(result(None, other)['firstMismatch'], 'case 0, changes its argument `image`, which')
        self.assertRegex(result(other, None)['firstMismatch'], 'leaves its argument `image` as it is, which')
        self.assertRegex(result(other, [2.0, 3.0])['firstMismatch'], r'case 0, image\[1\]: expected 2, got 3')
        # Leaving alone means exactly.
        self.assertEqual(result(None, [1.0, 1.0 + 1e-12])['kind'], 'wrong')

    def test_scale_of_cases(self) -> None:
        """what is near zero in one case is compared by the scale of the same place in the others"""
        one = self.case(np.array([0.3, 0.7]), encode(np.array([0.3, 0.7])))
        rest = self.case(np.array([1e-17, -2e-17]), encode(np.array([0.0, 0.0])))
        self.assertEqual(self.verdict(cases=[one, rest], tolerance={'relative': 1e-6})['kind'], 'right')
        self.assertEqual(self.verdict(cases=[rest], tolerance={'relative': 1e-6})['kind'], 'wrong')

    def test_constant_in_all_cases(self) -> None:
        """one number as the answer to every case is wrong where the expected ones differ, whatever the tolerance"""
        cases = [self.case(value, encode(5e-12)) for value in (4e-12, 6e-12, 5e-12)]
        found = self.verdict(cases=cases)
        self.assertEqual(found['kind'], 'wrong')
        self.assertIn('expected numbers from 4e-12 to 6e-12, got 5e-12 everywhere', found['firstMismatch'])
        cases = [self.case(value, encode(value * (1 + 1e-9))) for value in (4e-12, 6e-12)]
        self.assertEqual(self.verdict(cases=cases)['kind'], 'right')
        cases = [self.case(0.1 + noise, encode(0.1)) for noise in (0, 1e-16, -1e-16)]
        self.assertEqual(self.verdict(cases=cases)['kind'], 'right')

    def test_count(self) -> None:
        """an argument that should not have been changed is none of the values that differ"""
        case = self.case(np.zeros(2), encode(np.ones(2)), args=(1, 2), actual_args=(3, 4))
        self.assertRegex(self.verdict(cases=[case])['firstMismatch'], '2 of 2 values differ')

    def test_unnamed_arguments(self) -> None:
        """an argument without a name is counted"""
        case = self.case(None, encode(None), (1, np.ones(2)), None, (1, np.zeros(2)))
        self.assertIn('`argument 2`', self.verdict(cases=[case])['firstMismatch'])

    def test_platform(self) -> None:
        """a bad plan or a damaged expected answer is no verdict"""
        case = self.case(1.0, encode(1.0))
        Path(case['expected']).write_bytes(b'')
        bad: list[dict[str, Any]] = [
            {'cases': [case]},
            {'cases': []},
            {'cases': [self.case(1.0, encode(1.0))], 'tolerance': {'relative': -1, 'absolute': 0}},
            {'cases': [self.case(1.0, encode(1.0))], 'tolerance': {'relative': math.nan, 'absolute': 0}},
        ]
        for plan in bad:
            with self.assertRaises(PlanError):
                self.verdict(**plan)

    def test_program(self) -> None:
        """the program writes its verdict as JSON, ends with 0, and with 2 for a plan it cannot use"""

        def run(plan: str) -> subprocess.CompletedProcess[str]:
            (self.folder / 'plan.json').write_text(plan)
            command = [
                sys.executable,
                '-I',
                '-B',
                str(GUEST / 'grade.py'),
                '--plan',
                str(self.folder / 'plan.json'),
            ]
            command += ['--out', str(self.folder / 'verdict.json')]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        done = run(
            json.dumps(
                {
                    'tolerance': TOLERANCE,
                    'answers': 'exact',
                    'cases': [self.case(np.ones(2), encode(np.array([1, math.inf])))],
                }
            )
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        self.assertEqual(json.loads((self.folder / 'verdict.json').read_text())['kind'], 'wrong')
        for plan in (
            '{',
            '{}',
            '[]',
            '{"tolerance": {"relative": 0, "absolute": 0}, "answers": "exact"}',
            '{"tolerance": {"relative": 0}, "answers": "any", "cases": []}',
        ):
            done = run(plan)
            self.assertEqual(done.returncode, 2, plan)
            self.assertIn('cannot be judged', done.stderr)


class Accepting(Grading):
    """A function that has several right answers: two numbers whose sum is the argument."""

    PARTS = """
    def accepts(total, answer):
        one, other = answer
        if one + other != total:
            return f'{one} and {other} are {one + other}, not {total}'
        return True
    """

    def accepted(
        self, answers: list[Any], check: str = PARTS, expected: list[Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        (self.folder / 'check.py').write_text(textwrap.dedent(check), 'utf-8')
        self.addCleanup(os.chdir, os.getcwd())
        expected = [(index, 5) for index in range(len(answers))] if expected is None else expected
        cases = [
            self.case(right, None if answer is None else encode(answer, exact=True), args=(index + 5,))
            for index, (right, answer) in enumerate(zip(expected, answers))
        ]
        accepts = {'path': str(self.folder / 'check.py'), 'name': 'accepts', 'folder': str(self.folder)}
        return self.verdict(cases=cases, accepts=accepts, **more)

    def test_several_right_answers(self) -> None:
        """any answer that the check accepts is right, and one that it does not is wrong, with its reason"""
        found = self.accepted([(5, 0), [3, 3], (0.0, 7.0)])
        self.assertEqual((found['kind'], found['checked']), ('right', 3))
        found = self.accepted([(5, 0), (1, 6), (0, 7)])
        self.assertEqual(found['kind'], 'wrong')
        self.assertEqual(found['firstMismatch'], 'case 1, accepts in check.py: 1 and 6 are 7, not 6')
        found = self.accepted([(1, 4), (9, 9)], 'def accepts(total, answer):\n    return answer[0] + answer[1] == total\n')
        self.assertEqual(found['firstMismatch'], 'case 1, accepts in check.py does not accept it')

    def test_what_a_check_fails_on(self) -> None:
        """an answer that the check raises on, or gives no answer about, is wrong, and none or no frame is invalid"""
        found = self.accepted([(5, 0), 'text', (0, 7)])
        self.assertEqual(found['kind'], 'wrong')
        self.assertRegex(found['firstMismatch'], r'^case 1, accepts in check\.py raises:\n[\s\S]*too many values')
        found = self.accepted(
            [(5, 0), np.array([3, 3])],
            'def accepts(total, answer):\n    return (answer == answer) if hasattr(answer, "dtype") else answer is not None\n',
        )
        self.assertRegex(found['firstMismatch'], r'^case 1, accepts in check\.py returned bool\[2\]: expected True, False, or')
        leaving = 'import sys\n\n\ndef accepts(total, answer):\n    return sum(answer) == total or sys.exit(0)\n'
        self.assertEqual(self.accepted([(5, 0), (1, 1)], leaving)['kind'], 'wrong')
        self.assertEqual(self.accepted([(5, 0), None])['kind'], 'invalid')

    def test_one_answer(self) -> None:
        """one answer for every case is wrong where the original has several, whatever the check accepts"""
        lax = 'def accepts(total, answer):\n    return isinstance(answer, tuple)\n'
        found = self.accepted([(0, 0), (0, 0), (0, 0)], lax)
        self.assertEqual(found['kind'], 'wrong')
        self.assertRegex(found['firstMismatch'], '^case 0, and in every other case, gives one and the same answer')
        self.assertEqual(self.accepted([(0, 0), (0, 1), (0, 0)], lax)['kind'], 'right')
        self.assertEqual(self.accepted([(0, 5), (0, 5)], lax, expected=[(0, 5), (0, 5)])['kind'], 'right')

    def test_useless_checks(self) -> None:
        """a check that refuses the original, accepts None for all, is missing or does not import is no check"""
        for check, message in (
            ('def accepts(total, answer):\n    return False\n', 'of the original to case 0 is not accepted: accepts in check'),
            ('def accepts(total, answer):\n    return 1 / 0\n', 'not accepted: accepts in check.py raises:\n[\\s\\S]*ZeroDivision'),
            ('def accepts(total, answer):\n    return None\n', 'returned None'),
            ('def accepts(total, answer):\n    return True\n', 'accepts None in place of every answer'),
            ('def other(total, answer):\n    return True\n', 'has no function accepts; it has: other'),
            ('import nowhere\n', "No module named 'nowhere'"),
        ):
            with self.assertRaisesRegex(PlanError, message):
                self.accepted([(5, 0), (3, 3)], check)

    def test_none_may_be_right(self) -> None:
        """None is an answer where the original answers with it, and where the check accepts it for some input"""
        sometimes = 'def accepts(total, answer):\n    return total == 5 if answer is None else True\n'
        found = self.accepted([(5, 0), (3, 3)], sometimes, expected=[None, (0, 6)])
        self.assertEqual(found['kind'], 'right')

    def test_what_else_holds(self) -> None:
        """what a call does to its arguments is compared all the same, and the check has values of its own to change"""
        changing = 'def accepts(values, answer):\n    values[:] = -1\n    return answer is not None and answer >= 0\n'
        (self.folder / 'check.py').write_text(changing, 'utf-8')
        self.addCleanup(os.chdir, os.getcwd())
        accepts = {'path': str(self.folder / 'check.py'), 'name': 'accepts', 'folder': str(self.folder)}
        values = np.arange(3.0)
        kept = self.case(1, encode(2, exact=True), args=(values,))
        self.assertEqual(self.verdict(cases=[kept], accepts=accepts, arguments=['values'])['kind'], 'right')
        changed = self.case(1, encode(2, exact=True), args=(values,), actual_args=(values + 1,))
        found = self.verdict(cases=[changed], accepts=accepts, arguments=['values'])
        self.assertEqual(found['kind'], 'wrong')
        self.assertRegex(found['firstMismatch'], 'changes its argument `values`, which the original leaves')

    def test_named_arguments(self) -> None:
        """with arguments by name the answer has a name, too"""
        check = 'def accepts(answer, total, scale=1):\n    return answer is not None and answer == total * scale\n'
        (self.folder / 'check.py').write_text(check, 'utf-8')
        self.addCleanup(os.chdir, os.getcwd())
        accepts = {'path': str(self.folder / 'check.py'), 'name': 'accepts', 'folder': str(self.folder)}
        case = self.case(6, encode(6.0, exact=True))
        case['case'] = self.file(encode_case((), {'total': 3, 'scale': 2}))
        self.assertEqual(self.verdict(cases=[case], accepts=accepts)['kind'], 'right')

    def test_modules_of_its_own(self) -> None:
        """the program leaves a check the names of its own modules, its folder and what stands in it"""
        (self.folder / 'cases.py').write_text('LIMIT = 7\n', 'utf-8')
        (self.folder / 'limit.txt').write_text('9', 'utf-8')
        check = (
            'import cases\n\n\ndef accepts(total, answer):\n'
            "    return answer is not None and cases.LIMIT <= answer <= int(open('limit.txt').read())\n"
        )
        (self.folder / 'check.py').write_text(check, 'utf-8')
        accepts = {'path': str(self.folder / 'check.py'), 'name': 'accepts', 'folder': str(self.folder)}
        plan = {
            **{'tolerance': TOLERANCE, 'answers': 'exact', 'accepts': accepts},
            'cases': [self.case(8, encode(9, exact=True)), self.case(9, encode(10, exact=True))],
        }
        (self.folder / 'plan.json').write_text(json.dumps(plan), 'utf-8')
        command = [sys.executable, '-I', '-B', str(GUEST / 'grade.py'), '--plan', 'plan.json', '--out', 'verdict.json']
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (0, ''))
        found = json.loads((self.folder / 'verdict.json').read_text('utf-8'))
        self.assertEqual([each['kind'] for each in found['cases']], ['right', 'wrong'])


class Files(Grading):
    def npy(self, array: np.ndarray, **options: Any) -> bytes:
        path = self.folder / 'array.npy'
        np.save(path, array, **options)
        return path.read_bytes()

    def picture(self, pixels: np.ndarray, suffix: str = '.png') -> bytes:
        path = self.folder / f'picture{suffix}'
        Image.fromarray(pixels).save(path)
        return path.read_bytes()

    def expect(self, kind: str, result: dict[str, Any], message: str = '^') -> None:
        self.assertEqual(result['kind'], kind, result['firstMismatch'])
        self.assertRegex(result['firstMismatch'] or '', message)

    def test_npy(self) -> None:
        """.npy files are compared by value, and never unpickled"""
        grid = np.random.default_rng(1).random((4, 5))
        self.expect(
            'right', self.files('grid.npy', self.npy(grid), self.npy(np.asfortranarray(grid + 1e-12)))
        )
        self.expect(
            'wrong',
            self.files('grid.npy', self.npy(grid), self.npy(grid.T)),
            r'grid.npy, array: expected shape',
        )
        self.expect(
            'wrong',
            self.files('grid.npy', self.npy(grid), self.npy(grid.astype('f4')), tolerance={'relative': 1e-3}),
            r'^grid.npy, expected float64\[4,5\], got float32\[4,5\]',
        )
        self.expect(
            'wrong', self.files('grid.npy', self.npy(grid), self.npy(grid + 1)), r'array\[0, 0\]: expected'
        )
        self.expect(
            'right', self.files('names.npy', self.npy(np.array(['a', 'b'])), self.npy(np.array(['a', 'b'])))
        )
        self.expect(
            'wrong', self.files('names.npy', self.npy(np.array(['a', 'b'])), self.npy(np.array(['a', 'c'])))
        )
        evil = self.npy(np.array([print], dtype=object), allow_pickle=True)
        self.expect('invalid', self.files('grid.npy', self.npy(grid), evil), 'holds Python objects')
        chance = random.Random(3)
        good = self.npy(grid)
        for _ in range(500):
            bad = bytearray(good)
            for _ in range(3):
                bad[chance.randrange(len(bad) if chance.random() < 0.3 else 128)] = chance.randrange(256)
            self.files(
                'grid.npy', good, bytes(bad[: chance.randrange(len(bad))] if chance.random() < 0.2 else bad)
            )

    def test_json(self) -> None:
        """.json files are compared by structure, with numbers within the tolerance"""
        self.expect('right', self.files('r.json', '{"a": [1, 2.0, null]}', '{"a": [1.0, 2, null]}'))
        self.expect('right', self.files('r.json', '{"a": 1.0}', '{"a": 1.0000001}'))
        self.expect('wrong', self.files('r.json', '{"a": 1}', '{"a": true}'))
        self.expect(
            'wrong',
            self.files('r.json', '{"a": {"b": 1}}', '{"a": {"b": 2}}'),
            r'r.json, document\["a"\]\["b"\]: expected 1, got 2',
        )
        self.expect('invalid', self.files('r.json', '[1]', '[' + '[],' * 10**6 + '1]'), 'at most .* are read')
        for bad in ('{', '[' * 100_000, '\x00', '9' * 10_000):
            self.expect('invalid', self.files('r.json', '[1]', bad), 'not readable JSON')

    def test_csv(self) -> None:
        """.csv files are compared cell by cell"""
        self.expect('right', self.files('t.csv', 'x,y\n1.0,cat\n', 'x,y\r\n1.0000001,cat\r\n'))
        self.expect(
            'wrong',
            self.files('t.csv', 'x,y\n1.0,cat\n', 'x,y\n1.0,dog\n'),
            'row 2, column 2: expected "cat", got "dog"',
        )
        self.expect('wrong', self.files('t.csv', 'x\n1\n', 'x\n1\n2\n'), 'expected 2 rows, got 3')
        self.expect('wrong', self.files('t.csv', 'x\n1.5\n', 'x\nnan\n'))
        self.expect('invalid', self.files('t.csv', 'x\n1\n', 'x' * 200_000), 'not a readable CSV')

    def test_columns(self) -> None:
        """without an absolute tolerance a number near zero is compared by the scale of its column"""
        how = {'tolerance': {'relative': 1e-6}}
        table = 'time,error\n1000000.0,1e-12\n2000000.0,3e-12\n'
        self.expect('right', self.files('a.csv', table, table.replace('3e-12', '3.0000001e-12'), **how))
        wrong = self.files('a.csv', table, table.replace('3e-12', '3.1e-12'), **how)
        self.expect('wrong', wrong, 'row 3, column 2: expected 3e-12, got 3.1e-12')
        lines = 'step 1.0: residual 0.5\nstep 2.0: residual 1e-17\n'
        self.expect('right', self.files('a.txt', lines, lines.replace('1e-17', '-4e-17'), **how))
        self.expect('wrong', self.files('a.txt', lines, lines.replace('1e-17', '1e-8'), **how))
        flat = 'time,error\n1000000.0,2e-12\n2000000.0,2e-12\n'
        wrong = self.files('a.csv', table, flat, tolerance={'relative': 1, 'absolute': 1})
        self.expect('wrong', wrong, 'column 2: expected numbers from 1e-12 to 3e-12, got 2e-12 everywhere')

    def test_text(self) -> None:
        """text is compared by words, with the numbers in it within the tolerance"""
        self.expect('right', self.files('log.txt', 'mean = 1.50000 over 3\n', 'mean  =  1.5000001 over 3'))
        self.expect(
            'wrong',
            self.files('log.txt', 'over 30000000', 'over 30000001'),
            'line 1: expected 30000000, got 30000001',
        )
        self.expect('wrong', self.files('log.txt', 'mean 1.5', 'mode 1.5'))
        self.expect('wrong', self.files('log.txt', 'mean 1.5', 'mean nan'))
        self.expect('wrong', self.files('log.txt', 'nan', '1.5'))
        self.expect('wrong', self.files('log.txt', 'inf', '-inf'))
        self.expect('wrong', self.files('log.txt', 'a\nb', 'a'), 'expected 2 lines, got 1')
        self.expect('invalid', self.files('log.txt', 'a', ''), 'the file is empty')
        self.expect('wrong', self.files('log.txt', 'a 1', b'\xff\xfe'))
        self.expect('right', self.files('log.txt', 'n ' + '9' * 9999, 'n ' + '9' * 9999 + ' '))
        self.expect('wrong', self.files('log.txt', 'n ' + '9' * 9999, 'n ' + '9' * 9998 + '8'))

    def test_binary(self) -> None:
        """binary files are compared byte by byte, or as floats where the plan says so"""
        self.expect('right', self.files('a.bin', b'\x00\x01', b'\x00\x01'))
        self.expect('wrong', self.files('a.bin', b'\x00\x01', b'\x00\x02'), 'byte 1: expected 0x01, got 0x02')
        floats = np.linspace(0.5, 1, 9)
        close = (floats + 1e-8).astype('f4').tobytes()
        self.expect('right', self.files('a.bin', floats.astype('f4').tobytes(), close, format='float32'))
        self.expect(
            'wrong',
            self.files('a.bin', floats.tobytes(), (floats + 1).tobytes(), format='float64'),
            r'value\[0\]',
        )
        self.expect(
            'wrong',
            self.files('a.bin', floats.tobytes(), floats.tobytes()[:-1], format='float64'),
            'expected 72 bytes, got 71',
        )
        with self.assertRaises(PlanError):
            self.files('a.bin', b'123', b'123', format='float32')

    def test_voxels(self) -> None:
        """voxels are compared as numbers, behind their header, and a difference is named by its place"""
        grid = np.random.default_rng(3).random((6, 6, 6)).astype(np.float32)
        near, far = grid * np.float32(1 + 5e-7), grid.copy()
        far[3, 0, 5] += 0.5
        check = {'kind': 'voxels', 'path': '*.bin'}
        self.expect('wrong', self.files('a.bin', grid.tobytes(), near.tobytes()), 'byte by byte, without the tolerance: an output')
        self.expect('right', self.files('a.bin', grid.tobytes(), near.tobytes(), check=check))
        self.expect(
            'wrong',
            self.files('a.bin', grid.tobytes(), far.tobytes(), check=check),
            r'^a\.bin, \[3, 0, 5\]: expected 0\.\d+, got',
        )
        header = np.int32(6).tobytes() + np.float32(2).tobytes()
        other = np.int32(6).tobytes() + np.float32(3).tobytes()
        self.expect('right', self.files('a.bin', header + grid.tobytes(), header + near.tobytes(), check=check))
        self.expect(
            'wrong', self.files('a.bin', header + grid.tobytes(), other + grid.tobytes(), check=check), 'header differs from byte'
        )
        self.expect('wrong', self.files('a.bin', header + grid.tobytes(), grid.tobytes(), check=check), 'header differs')
        self.expect('invalid', self.files('a.bin', grid.tobytes(), b'12345', check=check), 'expected float32 values')
        counts = (grid * 200).astype(np.uint16)
        self.expect(
            'wrong', self.files('a.bin', counts.tobytes(), (counts + 1).tobytes(), check={**check, 'dtype': 'uint16'}), r'\[0, 0, 0\]'
        )
        with self.assertRaisesRegex(PlanError, 'the expected file: expected'):
            self.files('a.bin', b'12345', grid.tobytes(), check=check)

    def test_checks_of_scripts(self) -> None:
        """a file of a script must pass the check of its output as well, which the original's must, too"""
        check = {'kind': 'json', 'path': 'a.json', 'schema': {'required': ['total']}}
        self.expect('right', self.files('a.json', '{"total": 1}', '{"total": 1.0}', check=check))
        with self.assertRaisesRegex(PlanError, 'a.json as the original writes it: document: "total" is missing'):
            self.files('a.json', '{"sum": 1}', '{"sum": 1}', check=check)
        self.expect('wrong', self.files('a.json', '{"a": 1, "a": 2}', '{"a": 2}'), 'expected list of 2, got dict of 1')
        self.expect('wrong', self.files('a.json', '{"total": 1}', '{"total": 2, "total": 1}', check=check))

    def test_several_arrays(self) -> None:
        """every array of a .npy file is compared, and nothing may follow the last"""

        def arrays(*values: np.ndarray, more: bytes = b'') -> bytes:
            stream = io.BytesIO()
            for value in values:
                np.save(stream, value)
            return stream.getvalue() + more

        one, two = np.arange(3.0), np.arange(4)
        self.expect('right', self.files('a.npy', arrays(one, two), arrays(one, two)))
        self.expect('wrong', self.files('a.npy', arrays(one, two), arrays(one, two + 1)), r'array 2\[0\]')
        self.expect('invalid', self.files('a.npy', arrays(one, two), arrays(one)), 'expected 2 arrays in the file, got 1')
        self.expect('invalid', self.files('a.npy', arrays(one), arrays(one, more=b'x' * 99)), '99 bytes follow the array')

    def test_several_pictures(self) -> None:
        """every picture of an animation is compared"""

        def animation(*levels: int) -> bytes:
            stream = io.BytesIO()
            frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in levels]
            frames[0].save(stream, 'GIF', save_all=True, append_images=frames[1:])
            return stream.getvalue()

        self.expect('right', self.files('a.gif', animation(1, 90, 200), animation(1, 90, 200)))
        self.expect('wrong', self.files('a.gif', animation(1, 90, 200), animation(1, 90, 150)), 'picture 3, pixel')
        self.expect('wrong', self.files('a.gif', animation(1, 90, 200), animation(1, 90)), 'expected 3 pictures')
        self.expect('wrong', self.files('a.dat', b'\xff\x00', b'\xff\x01'))

    def test_pictures(self) -> None:
        """pictures are compared by their pixels"""
        pixels = np.random.default_rng(1).integers(0, 255, (8, 9, 3)).astype(np.uint8)
        self.expect('right', self.files('p.png', self.picture(pixels), self.picture(pixels + np.uint8(1))))
        self.expect(
            'wrong',
            self.files('p.png', self.picture(pixels), self.picture(255 - pixels)),
            r'p.png, pixel\[0, 0, 0\]',
        )
        self.expect(
            'wrong',
            self.files('p.png', self.picture(pixels), self.picture(pixels[:4])),
            'expected 9 × 8 pixels, got 9 × 4',
        )
        self.expect(
            'invalid',
            self.files('p.png', self.picture(pixels), b'\x89PNG\r\n\x1a\n' + b'x' * 99),
            'not a readable PNG',
        )
        # Another format under this name is not let near its decoder.
        self.expect(
            'invalid',
            self.files('p.png', self.picture(pixels), self.picture(pixels, '.bmp')),
            'not a readable PNG',
        )

    def test_missing_and_extra(self) -> None:
        """missing and extra files are named"""
        there = self.file('1')
        result = self.verdict(files=[{'path': 'out/a.txt', 'expected': there, 'actual': None}])
        self.expect('invalid', result, '^out/a.txt, the file is missing')
        result = self.verdict(files=[{'path': 'out/b.txt', 'expected': None, 'actual': there}])
        self.expect('wrong', result, '^out/b.txt, the original writes no such file')

    def test_stdout(self) -> None:
        """standard output is compared like text, without the lines that tell the time"""

        def result(expected: str, actual: str, ignore: list[str]) -> dict[str, Any]:
            return self.verdict(
                stdout=[{'expected': self.file(expected), 'actual': self.file(actual), 'ignore': ignore}]
            )

        self.expect(
            'wrong', result('sum 2.5\ntook 1.2 s\n', 'sum 2.5\ntook 0.1 s\n', []), 'standard output, line 2'
        )
        self.expect('right', result('sum 2.5\ntook 1.2 s\n', 'sum 2.5\ntook 0.1 s\n', [r'took .* s']))
        self.expect('right', result('sum 2.5\ntook 1.2 s\n', 'sum 2.5\n', [r'took .* s']))
        self.expect('wrong', result('sum 2.5\n', 'sum 2.6\n', [r'took']), 'expected "?sum 2.5|expected 2.5')
        self.expect('invalid', result('sum 2.5\n', '', []), 'got none')
        self.expect('right', result('', '', []))
        self.expect('invalid', result('sum 2.5\n', 'x\n' * 10**6, []), 'at most .* are read')
        with self.assertRaises(PlanError):
            result('a', 'a', ['('])

    def test_several_runs(self) -> None:
        """what several runs of a script gave is judged at once, and the finding names the run"""

        def run(number: int, file: str, text: str) -> dict[str, Any]:
            pair = {'path': 'mean.txt', 'expected': self.file('mean 2.5'), 'actual': self.file(file)}
            stream = {'expected': self.file('done'), 'actual': self.file(text)}
            return {
                'files': [{**pair, 'name': f'run {number}, mean.txt'}],
                'stdout': [{**stream, 'name': f'run {number}, standard output'}],
            }

        def result(*runs: dict[str, Any]) -> dict[str, Any]:
            return self.verdict(**{part: [pair for each in runs for pair in each[part]] for part in ('files', 'stdout')})

        self.expect('right', result(run(1, 'mean 2.5', 'done'), run(2, 'mean 2.5', 'done')))
        self.expect(
            'wrong', result(run(1, 'mean 2.5', 'done'), run(2, 'mean 2.6', 'done')), '^run 2, mean.txt, line 1'
        )
        self.expect(
            'wrong', result(run(1, 'mean 2.5', 'done'), run(2, 'mean 2.5', 'gone')), '^run 2, standard output, line 1'
        )
