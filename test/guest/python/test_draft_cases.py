"""Generators of cases that are made from calls, from docstrings, and from how a function uses its parameters."""

from __future__ import annotations

import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np
from conductor import GUEST

sys.path.insert(0, str(GUEST.parents[1] / 'cases'))
from draft import Problem, draft

from cases import encode_case

SLOW = '''
import math

def weighed(indptr, indices, data, x):
    return [sum(data[k] * x[indices[k]] for k in range(indptr[i], indptr[i + 1])) for i in range(len(indptr) - 1)]

def longest(words, mode='max'):
    return {'max': max, 'min': min}[mode](words, key=len)

def pair_up(rows):
    """Sums.

    >>> pair_up([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]])
    """
    return [a + b for a, b in rows]

def labels(points, centers):
    """Labels.

    Parameters
    ----------
    points : ndarray of shape (count, d)
    centers : ndarray of shape (k, d)
    """
    return [int(((centers - point) ** 2).sum(1).argmin()) for point in points]

def smooth(image, radius):
    h, w = image.shape
    out = image.copy()
    for y in range(radius, h - radius):
        for x in range(radius, w - radius):
            out[y, x] = image[y - radius : y + radius + 1, x - radius : x + radius + 1].mean()
    return out

def divisors(n):
    return [d for d in range(1, n) if n % d == 0]

def strict(table):
    if table['kind'] != 'a' or table['total'] != math.fsum(table['parts']):
        raise ValueError('not as they were')
    return [part / 3 for part in table['parts']]

def keeps(thing):
    return thing.value

class Thing:
    value = 1
'''


class Drafts(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        (self.folder / 'slow.py').write_text(SLOW)

    def made(self, name: str, main: str | None = None) -> tuple[dict, list]:
        """What is told of a generator for a function, and eight of its cases, which differ."""
        if main is not None:
            (self.folder / 'main.py').write_text(textwrap.dedent(main))
        text, found, told = draft(self.folder / 'slow.py', name, None if main is None else ['main.py', '7'])
        scope: dict = {}
        exec(text, scope)
        cases = [scope['make_case'](seed) for seed in range(8)]
        calls = [(each['args'], each['kwargs']) if isinstance(each, dict) else (each, {}) for each in cases]
        self.assertEqual(len({bytes(encode_case(*each)) for each in calls}), len(cases))
        return {**told, **found, 'text': text}, calls

    def test_what_a_run_of_the_users_own_calls_a_function_with_is_varied_and_keeps_its_form(self) -> None:
        told, calls = self.made(
            'weighed',
            """
            import sys
            import numpy as np
            import slow
            rng = np.random.default_rng(int(sys.argv[1]))
            indptr = np.concatenate([[0], np.sort(rng.integers(0, 900, 49)), [900]])
            print(slow.weighed(indptr, rng.integers(0, 60, 900), rng.random(900), rng.random(60)))
            """,
        )
        self.assertEqual((told['from'], told['words']), ('record', '1 call that `python main.py 7` made'))
        self.assertGreater(len({len(x) for ((_, _, _, x), _) in calls}), 1)
        for (indptr, indices, data, x), _ in calls:
            self.assertEqual((indptr[0], indptr[-1]), (0, len(indices)))
            self.assertTrue((np.diff(indptr) >= 0).all())
            self.assertEqual(len(indices), len(data))
            self.assertLess(indices.max(), len(x))

    def test_a_function_that_was_imported_by_name_is_seen_and_what_chooses_is_kept(self) -> None:
        told, calls = self.made(
            'longest',
            """
            from slow import longest
            for mode in ('max', 'min'):
                longest(['w' * (3 + i % 7) for i in range(40)], mode=mode)
            raise SystemExit(2)
            """,
        )
        self.assertEqual({kwargs['mode'] for _, kwargs in calls}, {'max', 'min'})
        self.assertGreater(len({len(words) for (words,), _ in calls}), 1)

    def test_the_examples_of_a_docstring_are_made_large_and_the_file_is_run_where_it_calls_its_function(self) -> None:
        told, calls = self.made('pair_up')
        self.assertEqual((told['from'], told['words']), ('docstring', '1 call in docstrings of slow.py'))
        self.assertTrue(all(len(rows) > 100 and {len(row) for row in rows} == {2} for (rows,), _ in calls))
        path = self.folder / 'slow.py'
        path.write_text(path.read_text() + "\nif __name__ == '__main__':\n    print(divisors(5000))\n")
        told, calls = self.made('divisors')
        self.assertEqual((told['from'], told['words']), ('main', '1 call that `python slow.py` made'))
        self.assertTrue(all(2500 <= n <= 5000 for (n,), _ in calls))

    def test_shapes_that_a_docstring_names_are_kept_and_so_is_how_the_parameters_are_used(self) -> None:
        told, calls = self.made('labels')
        self.assertEqual(told['from'], 'guess')
        for (points, centers), _ in calls:
            self.assertEqual(points.shape[1], centers.shape[1])
            self.assertNotEqual(len(points), len(centers))
        told, calls = self.made('smooth')
        self.assertTrue(all(image.ndim == 2 and radius == 3 for (image, radius), _ in calls))
        self.assertGreater(told['seconds'], 0.01)

    def test_calls_like_which_nothing_can_be_drawn_are_kept_but_for_their_fractions(self) -> None:
        told, calls = self.made(
            'strict',
            """
            from slow import strict
            strict({'kind': 'a', 'total': 0.0, 'parts': [0.25, -0.25, 0.5, -0.5]})
            """,
        )
        self.assertEqual(told['level'], 'same calls')
        self.assertTrue(all(len(table['parts']) == 4 for (table,), _ in calls))

    def test_what_was_never_called_or_cannot_be_passed_on_is_told_with_the_reason(self) -> None:
        with self.assertRaisesRegex(Problem, r"divisors was never called: it raised ZeroDivisionError"):
            self.made('divisors', 'import slow\n1 / 0')
        with self.assertRaisesRegex(Problem, r'keeps is called with what cannot be passed on: args\[0\]'):
            self.made('keeps', 'import slow\nslow.keeps(slow.Thing())')
