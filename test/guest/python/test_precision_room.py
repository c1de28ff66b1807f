"""Whether a tolerance leaves room for float32, estimated on the sample case."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from conductor import GUEST

sys.path.insert(0, str(GUEST.parents[1] / 'strategies'))
from precision_room import why_no_room

from cases import encode_case

PROGRAM = '''


def mean(values):
    return [sum(values) / len(values)]

def spread_of(values):
    centre = sum(values) / len(values)
    return sum((value - centre) ** 2 for value in values)

def above(values):
    return [value > 0.7 for value in values]

'''


class Room(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 'program.py').write_text(PROGRAM)

    def why(self, name: str, values: list[float], tolerance: str) -> str | None:
        (self.folder / 'case.frame').write_bytes(encode_case((values,), {}))
        return why_no_room(self.folder / 'program.py', name, self.folder / 'case.frame', tolerance)

    def test_a_mean_has_room_within_the_usual_tolerance_and_none_within_a_narrow_one(self) -> None:
        values = np.random.default_rng(1).random(200).tolist()
        self.assertIsNone(self.why('mean', values, '1e-6'))
        self.assertRegex(
            str(self.why('mean', values, '1e-9')),
            r'^in float32 mean would be off by at least \d+ times what .*; a tolerance \d+ times as wide would let it be tried$',
        )
        self.assertIsNone(self.why('mean', values, '1e-9,1e-3'))

    def test_differences_of_large_numbers_have_no_room(self) -> None:
        values = (1e6 + np.random.default_rng(1).random(200)).tolist()
        self.assertRegex(str(self.why('spread_of', values, '1e-6')), 'off by at least')

    def test_answers_that_choose_are_told_and_what_fails_is_left_to_the_grader(self) -> None:
        self.assertRegex(str(self.why('above', [0.7 + 1e-12, 0.9], '1e-6')), 'other whole numbers, texts or shapes')
        self.assertIsNone(self.why('above', [0.2, 0.9], '1e-6'))
        self.assertIsNone(self.why('none', [0.2, 0.5], '1e-6'))
