"""Preparing cases: what is written for good user code, and what is said about bad."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

from cases import decode_case
from conductor import GUEST
from frames import decode

GENERATOR = """
    import numpy as np
    def make_case(seed):
        rng = np.random.default_rng(seed)
        return rng.random((4, 4)), 96
"""
ORACLE = """
    def project(image, grid_size, step=0.5):
        return image * grid_size
"""


class Preparing(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_prepare(self, generator: str, oracle: str | None = None, *more: str, name: str = '') -> int:
        (self.folder / 'cases.py').write_text(textwrap.dedent(generator))
        arguments = [
            '--generator',
            f'{self.folder}/cases.py{name}',
            '--seed',
            '71',
            '--count',
            '3',
            '--out',
            f'{self.folder}/out',
        ]
        if oracle is not None:
            (self.folder / 'slow.py').write_text(textwrap.dedent(oracle))
            arguments += ['--oracle', f'{self.folder}/slow.py:project']
        command = [sys.executable, '-I', '-B', str(GUEST / 'prepare.py'), *arguments, *more]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode

    def out(self, name: str) -> Any:
        return json.loads((self.folder / 'out' / name).read_text())

    def case(self, name: str) -> Any:
        return decode_case((self.folder / 'out' / name).read_bytes())

    def test_a_quick_original_answers_more_cases_and_those_for_timing_stay_unseen(self) -> None:
        few = 'def make_case(seed):\n    return seed % 40, 2'
        self.run_prepare(few, ORACLE, '--count', '20', '--oracle-count', '3', '--more-seconds', '0.2')
        rows = self.out('cases.json')['cases']
        asked = [row for row in rows if row['expected'] is not None]
        self.assertGreater(len(asked), 5)
        self.assertEqual([row['expected'] is None for row in rows], [False] * len(asked) + [True] * 17)
        timed = {(self.folder / 'out' / row['case']).read_bytes() for row in rows[len(asked) :]}
        self.assertEqual(len(timed), 17)
        self.assertTrue(timed.isdisjoint((self.folder / 'out' / row['case']).read_bytes() for row in asked))
        self.assertTrue((self.folder / 'out/twice.frame').exists())

    def test_cases_at_the_edges_are_answered_but_for_those_that_the_original_refuses_or_never_ends_on(self) -> None:
        edges = GENERATOR + """
    def edge_cases(seed):
        return [(np.zeros((1, 1)), 7), (np.zeros((0, 0)), 0), (np.ones((2, 2)), -1)]
"""
        picky = """
    def project(image, grid_size):
        if grid_size < 0:
            raise ValueError('below 0')
        while grid_size == 0:
            pass
        return image * grid_size
"""
        self.run_prepare(edges, picky, '--oracle-count', '1', '--more-seconds', '1e-9')
        rows = self.out('cases.json')['cases']
        self.assertEqual([row['expected'] is None for row in rows], [False, False, True, True])
        self.assertEqual(self.case('case-001.frame')[0][1], 7)
        self.assertEqual(decode((self.folder / 'out/expected-001.frame').read_bytes()).shape, (1, 1))

    def problem(self, generator: str, oracle: str | None = None, **more: str) -> tuple[str, str, str | None]:
        self.assertEqual(self.run_prepare(generator, oracle, **more), 3)
        problem = self.out('problem.json')
        return problem['kind'], problem['message'], problem['where']

    def test_described(self) -> None:
        """a case is described by types, shapes and the range of its numbers"""
        made = 'return {"a": np.array([[3, -2]], np.int16), "b": [1.5, 2], "c": ["x"], "d": np.array([np.nan, 4.0])}'
        generator = f'import numpy as np\ndef make_case(seed):\n    {made}\n'
        self.assertEqual(self.run_prepare(generator, None), 0)
        self.assertEqual(
            self.out('cases.json')['cases'][0]['description'],
            'a: int16[1,2] from -2 to 3, b: list of 2 float and int, from 1.5 to 2, c: list of 1, d: float64[2] from 4 to 4',
        )

    def test_good(self) -> None:
        """cases, expected answers and their description are written"""
        self.assertEqual(self.run_prepare(GENERATOR, ORACLE), 0)
        listed = self.out('cases.json')
        self.assertEqual(listed['arguments'], ['image', 'grid_size', 'step'])
        self.assertEqual(
            [row['case'] for row in listed['cases']], [f'case-00{index}.frame' for index in range(3)]
        )
        self.assertRegex(
            listed['cases'][0]['description'], r'^image: float64\[4,4\] from 0\.\d+ to 0\.\d+, grid_size=96$'
        )
        self.assertGreater(listed['cases'][0]['oracleSeconds'], 0)
        self.assertIsNone(listed['cases'][0]['expectedInput'])
        images = [self.case(row['case'])[0][0] for row in listed['cases']]
        self.assertFalse((images[0] == images[1]).any())
        answer = decode((self.folder / 'out' / 'expected-002.frame').read_bytes())
        self.assertTrue((answer == images[2] * 96).all())

    def test_rounds(self) -> None:
        """a case depends on the secret and its index alone, not on the round it was made in"""
        self.run_prepare(GENERATOR)
        third = self.case('case-002.frame')[0][0]
        self.run_prepare(GENERATOR, None, '--first', '2')
        self.assertTrue((self.case('case-002.frame')[0][0] == third).all())
        self.assertTrue((self.folder / 'out' / 'case-004.frame').exists())
        self.run_prepare(GENERATOR, None, '--seed', '72')
        self.assertFalse((self.case('case-002.frame')[0][0] == third).any())

    def test_forms(self) -> None:
        """a case may be a tuple, a dict, or both, made from the seed or the seed and its index"""
        self.run_prepare('def make_case(seed): return {"a": 1, "b": 2}')
        self.assertEqual(self.case('case-000.frame'), ((), {'a': 1, 'b': 2}))
        self.run_prepare('def make_case(seed): return {"args": [1], "kwargs": {"b": 2}}')
        self.assertEqual(self.case('case-000.frame'), ((1,), {'b': 2}))
        self.run_prepare('def other(seed, number): return (number,)', name=':other')
        self.assertEqual(self.case('case-002.frame'), ((2,), {}))
        self.run_prepare('def make_case(seed, size=7): return (size,)')
        self.assertEqual(self.case('case-002.frame'), ((7,), {}))
        self.run_prepare('def make_case(seed): return ()')
        self.assertEqual(self.out('cases.json')['cases'][0]['description'], 'no arguments')

    def test_in_place(self) -> None:
        """what the original changes in place is an expected input, and the case itself stays as it was"""
        generator = 'import numpy as np\ndef make_case(seed): return np.ones(3), [1]'
        self.assertEqual(
            self.run_prepare(generator, 'def project(a, b):\n    a += 1\n    b.extend(["x" * 900] * 4)'), 0
        )
        case, left = self.case('case-000.frame'), self.case('expected-000.input.frame')
        self.assertEqual((case[0][0].tolist(), case[0][1]), ([1, 1, 1], [1]))
        self.assertEqual((left[0][0].tolist(), len(left[0][1])), ([2, 2, 2], 5))

    def test_generator_problems(self) -> None:
        """each fault of a generator has its kind, its message and its line"""
        kind, message, where = self.problem('import numpy\nimport not_there')
        self.assertEqual((kind, where), ('generatorImport', 'cases.py:2 in <module>'))
        self.assertIn("No module named 'not_there'", message)
        kind, _, where = self.problem('def make_case(seed:\n')
        self.assertEqual((kind, where), ('generatorImport', 'cases.py:1'))
        kind, message, _ = self.problem('def makecase(seed): pass')
        self.assertEqual(kind, 'generatorFunction')
        self.assertIn('has no function make_case; it has: makecase', message)
        kind, message, where = self.problem('def make_case(seed):\n    return [][seed]')
        self.assertEqual((kind, where), ('generatorRaises', 'cases.py:2 in make_case'))
        self.assertTrue(message.endswith('IndexError: list index out of range'), message)
        kind, message, where = self.problem('def make_case(seed): return seed')
        self.assertEqual((kind, where), ('generatorReturns', 'cases.py:1 in make_case'))
        self.assertIn('returns a int: expected a tuple', message)
        kind, message, _ = self.problem('def make_case(seed): return ({"grid": object()},)')
        self.assertEqual(kind, 'generatorReturns')
        self.assertIn('args[0]["grid"]: objects of type object cannot be passed on', message)
        kind, message, _ = self.problem('import random\ndef make_case(seed): return (random.random(),)')
        self.assertEqual(kind, 'generatorNotDeterministic')
        self.assertIn('gave two different cases', message)
        kind, message, _ = self.problem('def make_case(seed): raise SystemExit(0)')
        self.assertEqual(kind, 'generatorRaises')

    def test_nothing_to_compare(self) -> None:
        """an original that returns nothing in any case and changes no argument is refused, and one that does in some case is not"""
        nothing = 'project in slow.py returns None and changes no argument: there is nothing to compare'
        for body, message in [
            ('pass', nothing),
            ('total = image.sum()', nothing),
            ('return []', 'returns nothing but what is empty and changes no argument'),
            ('return None, []', 'returns nothing but what is empty'),
        ]:
            kind, told, _ = self.problem(GENERATOR, f'def project(image, grid_size): {body}')
            self.assertEqual(kind, 'oracleReturns')
            self.assertIn(message, told)
        for body in ('image += 1', 'return 0', 'return [None, 0]', 'return image.sum() if image[0, 0] > 0.6 else None'):
            self.assertEqual(
                self.run_prepare(GENERATOR, f'def project(image, grid_size): {body}', '--oracle-count', '1'), 0, body
            )

    def test_oracle_problems(self) -> None:
        """each fault of the original function has its kind, its message and its line"""
        kind, _, where = self.problem(GENERATOR, '\n\nraise ValueError("no")')
        self.assertEqual((kind, where), ('oracleImport', 'slow.py:3 in <module>'))
        kind, _, _ = self.problem(GENERATOR, 'def other(): pass')
        self.assertEqual(kind, 'oracleFunction')
        kind, message, where = self.problem(
            GENERATOR, 'def project(image, grid_size):\n    return image[100]'
        )
        self.assertEqual((kind, where), ('oracleRaises', 'slow.py:2 in project'))
        self.assertIn('IndexError', message)
        self.assertNotIn('prepare.py', message)
        kind, message, where = self.problem(GENERATOR, 'def project(image): pass')
        self.assertEqual((kind, where), ('oracleRaises', None))
        self.assertIn('takes 1 positional argument but 2 were given', message)
        kind, message, _ = self.problem(GENERATOR, 'def project(image, grid_size): return {"a": {1, 2}}')
        self.assertEqual(kind, 'oracleReturns')
        self.assertIn('answer["a"]: objects of type set', message)
