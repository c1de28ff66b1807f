"""Tests that call a module which is in another sandbox: asked and answered in turns, never in one process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

GUEST = Path(__file__).resolve().parents[3] / 'sandbox/guest'

SHAPES = """
import math
import numpy as np

LIMIT = 3

class Unfit(ValueError):
    pass

class Stack:
    def __init__(self, items=()):
        self.items = list(items)
    def push(self, item):
        self.items.append(item)
        return self
    def __len__(self):
        return len(self.items)
    def __getitem__(self, index):
        return self.items[index]

def area(width, height):
    if width < 0:
        raise Unfit(f'a width of {width}')
    return width * height

def double(values):
    values *= 2

def grow(number):
    return number + 1

def say(name):
    print('hello', name)
    return {name, 'x'}
"""

TESTS = """
import numpy as np
import pytest
from numpy.testing import assert_allclose
import shapes
from shapes import LIMIT, Stack, Unfit, area, double

@pytest.mark.parametrize('width', [1, 2, 3])
def test_area(width):
    assert area(width, height=2) == 2 * width

def test_many():
    random = np.random.default_rng()
    for _ in range(50):
        one, other = random.integers(0, 9, 2)
        assert area(int(one), int(other)) == one * other
    assert_allclose(area(3.0, np.arange(3.0)), [0, 3, 6])

def test_refused():
    with pytest.raises(Unfit, match='width of -1'):
        area(-1, 2)

def test_changes_its_argument():
    values = np.arange(3.0)
    assert double(values) is None
    assert values.tolist() == [0, 2, 4]

def test_one_after_the_other():
    number = LIMIT
    for _ in range(4):
        number = shapes.grow(number)
    assert number == 7

def test_objects():
    stack = Stack([1]).push(2)
    stack.push(3)
    assert isinstance(stack, Stack) and len(stack) == 3 and stack[1] == 2
    assert stack.items == [1, 2, 3] and list(stack) == [1, 2, 3]

def test_printed(capsys):
    assert shapes.say('Ada') == {'Ada', 'x'}
    assert capsys.readouterr().out == 'hello Ada\\n'
"""


def only(test: str) -> str:
    """The tests that begin with `test`, with what all import."""
    head, *blocks = TESTS.split('\n\n')
    return '\n\n'.join([head, *(each for each in blocks if f'def {test}' in each)]) + '\n'


class CalledModules(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.beside: list[str] = []
        for name in ('job', 'inputs', 'files', 'theirs'):
            (self.folder / name).mkdir()

    def verdict(self, module: str, tests: str = TESTS) -> tuple[dict[str, str], int]:
        """What is found of a module, and in how many passes. The tests stand in no folder that the module is run in."""
        (self.folder / 'theirs/shapes.py').write_text(module)
        (self.folder / 'job/test_shapes.py').write_text(tests)
        shutil.rmtree(self.folder / 'passes', ignore_errors=True)
        (self.folder / 'passes').mkdir()
        asked = self.folder / 'passes/none'
        for number in range(1, 31):
            answered = self.folder / f'passes/{number}-answers'
            command = [sys.executable, '-I', '-B', str(GUEST / 'answer_calls.py'), '--modules', ','.join(['shapes', *self.beside])]
            command += ['--calls', str(asked), '--out', str(answered)]
            subprocess.run(command, cwd=self.folder / 'theirs', timeout=60, check=False, capture_output=True)
            plan = {
                **{'module': 'test_shapes.py', 'name': 'tests', 'folder': str(self.folder / 'job'), 'tests': True, 'seed': 7},
                **{'inputs': str(self.folder / 'inputs'), 'outputs': str(self.folder / 'files'), 'modules': ['shapes', *self.beside]},
                'named': ['shapes'],
                **{'asked': str(asked), 'answered': str(answered)},
            }
            (self.folder / 'plan.json').write_text(json.dumps({'outputs': [], 'check': plan}))
            out = self.folder / 'passes/verdict.json'
            command = [sys.executable, '-I', '-B', str(GUEST / 'validate.py'), '--plan', str(self.folder / 'plan.json')]
            ran = subprocess.run([*command, '--out', str(out)], timeout=60, check=False, capture_output=True, text=True)
            if ran.returncode == 2:
                return {'kind': 'mistaken', 'firstMismatch': ran.stderr}, number
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            if out.exists():
                return json.loads(out.read_text()), number
            asked = self.folder / f'passes/{number}-asked'
            os.rename(self.folder / 'passes/calls', asked)
        self.fail('expected an end of the calls')

    def refused(self, change: tuple[str, str], message: str, test: str) -> None:
        module = SHAPES.replace(*change)
        self.assertNotEqual(module, SHAPES)
        found, _ = self.verdict(module, only(test))
        self.assertIn(found['kind'], ('wrong', 'invalid'), found['firstMismatch'])
        self.assertRegex(found['firstMismatch'], message)

    def test_right(self) -> None:
        """a module that is right passes, in few passes however many calls are made"""
        found, passes = self.verdict(SHAPES)
        self.assertEqual((found['kind'], found['firstMismatch']), ('right', None))
        self.assertLess(passes, 14)

    def test_wrong(self) -> None:
        """one that is wrong somewhere is refused by the test that finds it"""
        self.refused(('return width * height', 'return width * height if width != 3 else 0'), r'test_area\[3\]: assert 0 == ', 'test_area')
        self.refused(('raise Unfit', 'raise KeyError'), 'test_refused', 'test_refused')
        self.refused(('values *= 2', 'values * 2'), 'test_changes_its_argument', 'test_changes_its_argument')
        self.refused(('number + 1', 'number + 1 if number < 5 else 0'), 'test_one_after_the_other', 'test_one_after_the_other')
        self.refused(('self.items.append(item)', 'pass'), 'test_objects', 'test_objects')
        self.refused(("print('hello', name)", 'pass'), 'test_printed', 'test_printed')

    def test_missing(self) -> None:
        """a name that is not there, and a module that does not import or does not survive, are the module's fault"""
        self.refused(('def area(', 'def volume('), 'the module shapes has no area', 'test_area')
        self.refused(('import math', 'import maths'), "shapes does not import: .*No module named 'maths'", 'test_area')
        self.refused(('return number + 1', 'import os; os._exit(0)'), r'shapes ended in the call grow\(3\)', 'test_one')

    def test_cheats(self) -> None:
        """a module that meddles with its process, or says what no value is, is not believed"""
        for cheat in (
            "import builtins, sys\nbuiltins.AssertionError = KeyError\nsys.modules['pytest'] = None",
            "import frames\nframes.encode = lambda *a, **k: b''",
            "import os, sys\nfor name in list(sys.modules): vars(sys.modules[name]).get('write_record') and setattr(sys.modules[name], 'write_record', lambda *a: None)",
            "class Always(int):\n    def __eq__(self, other): return True\nglobals()['LIMIT'] = Always(3)",
        ):
            found, _ = self.verdict(f"{SHAPES.replace('return width * height', 'return Yes()')}\nclass Yes:\n    def __eq__(self, other): return True\n{cheat}\n", only('test_area'))
            self.assertIn(found['kind'], ('wrong', 'invalid'), found['firstMismatch'])

    def test_objects_in_place_of_numbers(self) -> None:
        """an object that says of itself that it is right is no number"""
        tests = 'from shapes import area\ndef test_it(): assert abs(area(2, 3) - 6) < 1e-9\n'
        self.assertEqual(self.verdict(SHAPES, tests)[0]['kind'], 'right')
        says_yes = '\n'.join(f'    def {name}(self, *_): return {value}' for name, value in (
            *(('__sub__', 'self'), ('__rsub__', 'self'), ('__abs__', 'self'), ('__lt__', 'True'), ('__eq__', 'True')),
            *(('__float__', '0.0'), ('__bool__', 'True')),
        ))
        for base in ('', '(float)', '(int)'):
            module = SHAPES.replace('return width * height', 'return test_it()') + f'\nclass test_it{base}:\n{says_yes}\n'
            found, _ = self.verdict(module, tests)
            self.assertEqual(found['kind'], 'wrong', found)
        meant = SHAPES + '\nclass Vector:\n    def __init__(self, x): self.x = x\n    def __add__(self, other): return Vector(self.x + other.x)\n    def __eq__(self, other): return self.x == other.x\n'
        tests = 'from shapes import Vector\ndef test_it():\n    assert Vector(1) + Vector(2) == Vector(3) and (Vector(1) + Vector(2)).x == 3 and bool(Vector(1))\n'
        found, _ = self.verdict(meant, tests)
        self.assertEqual(found['kind'], 'right', found)

    def test_beside(self) -> None:
        """a file that a program wrote beside the module it was asked for stands in for none that the tests have"""
        (self.folder / 'theirs/math.py').write_text('def sqrt(number): return 12345\n')
        self.beside = ['math', 'words']
        (self.folder / 'theirs/words.py').write_text('def two(): return 2\n')
        tests = 'import math, words\nfrom shapes import area\ndef test_it(): assert area(1, 2) == words.two() and math.sqrt(4) == 2\n'
        self.assertEqual(self.verdict(SHAPES, tests)[0]['kind'], 'right')
        wrong = SHAPES.replace('return width * height', 'return 12345')
        self.assertEqual(self.verdict(wrong, tests.replace('words.two()', 'math.sqrt(4)'))[0]['kind'], 'wrong')

    def test_mistakes(self) -> None:
        """tests that hand over what cannot be, or that cannot be read, are mistaken, whatever the module is"""
        for tests, message in (
            ('import shapes\ndef test_it(): assert shapes.area(lambda: 3, 2) == 3\n', 'area is called with a function, which cannot be handed'),
            ('import shapes\ndef test_it(): assert shapes.area(tree, 2) == 3\n', "name 'tree' is not defined"),
            ('import shapes, nothing\ndef test_it(): pass\n', "No module named 'nothing'"),
        ):
            found, _ = self.verdict(SHAPES, tests)
            self.assertEqual(found['kind'], 'mistaken', found)
            self.assertRegex(found['firstMismatch'], message)


if __name__ == '__main__':
    unittest.main()
