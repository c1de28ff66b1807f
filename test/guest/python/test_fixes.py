"""Fixes without a model, and the rule about those that only hide a failure."""

from __future__ import annotations

import ast
import sys
import unittest

from conductor import GUEST

sys.path.insert(0, str(GUEST.parents[1] / 'fixes'))
from mend import mend
from silences import counts, parsed, reasons
from source import NotApplicable


def mended(source: str, rewriting: str, line: int | None = None, **told: str) -> str:
    fix = {'rewriting': rewriting, 'path': 'main.py', 'line': line, 'told': told}
    return mend(source.encode(), fix)[0].decode()


class Fixes(unittest.TestCase):
    def test_a_fix_stands_behind_what_comes_first(self) -> None:
        source = '#!/usr/bin/env python3\n"""What it does."""\nfrom __future__ import annotations\n\nprint(math.pi)\n'
        changed = mended(source, 'addImport', 5, math='import math')
        self.assertEqual(changed.split('\n')[3:6], ['', 'import math', ''])
        self.assertTrue(changed.startswith(source.split('print')[0].rstrip()))

    def test_text_over_several_lines_stays_as_it_is(self) -> None:
        source = "def f():\n\treturn '''\n\ta\n'''\n\nif f():\n        print(f())\n"
        self.assertIn("'''\n\ta\n'''", mended(source, 'expandTabs'))

    def test_a_folder_is_made_where_the_path_is_known(self) -> None:
        source = "from pathlib import Path\nout = Path('a/b')\nif True:\n    (out / 'c.txt').write_text('x')\n"
        self.assertIn(
            "    os.makedirs(os.path.dirname(out / 'c.txt') or '.', exist_ok=True)\n    (out",
            mended(source, 'makeFolder', 4, folder='a/b'),
        )
        in_comprehension = "files = [open(f'o/{i}', 'w') for i in range(2)]\n"
        self.assertIn("os.makedirs('o', exist_ok=True)\n", mended(in_comprehension, 'makeFolder', 1, folder='o'))
        twice = "open(next(names), 'w')\n"
        self.assertIn("os.makedirs('p/q', exist_ok=True)\n", mended(twice, 'makeFolder', 1, folder='p/q'))

    def test_names_of_the_program_are_left_alone(self) -> None:
        source = "import numpy\n\n\nclass np:\n    float = 3\n\n\nprint(np.float, numpy.float(2))\n"
        changed = mended(source, 'replaceRemoved', 8, **{'numpy.float': 'builtin:float'})
        self.assertIn('print(np.float, float(2))', changed)

    def test_rows_are_added_to_a_table_and_not_to_a_list(self) -> None:
        source = (
            "import pandas as pd\nrows = []\nrows.append({'a': 1})\n"
            "table = pd.DataFrame(rows)\ntable = table.append({'a': 2}, ignore_index=True)\n"
        )
        changed = mended(source, 'replaceRemoved', 5, **{'.append': 'pandas.concat'})
        self.assertIn("rows.append({'a': 1})", changed)
        self.assertIn("table = pd.concat([table, pd.DataFrame([{'a': 2}])], ignore_index=True)", changed)

    def test_matplotlib_draws_off_screen(self) -> None:
        source = "import matplotlib.pyplot as plt\n\nplt.plot([1])\n"
        self.assertTrue(
            mended(source, 'drawOffScreen', 1, library='matplotlib').startswith(
                "import matplotlib\n\nmatplotlib.use('Agg')\n\nimport matplotlib.pyplot"
            )
        )
        chosen = "import matplotlib\nmatplotlib.use('TkAgg')\n"
        self.assertEqual(mended(chosen, 'drawOffScreen', 2, library='matplotlib'), chosen.replace('TkAgg', 'Agg'))

    def test_the_folder_is_that_of_the_file_and_not_of_its_text(self) -> None:
        source = "open('out/total.txt', 'w').write('a/6')\n"
        self.assertIn("os.makedirs(os.path.dirname('out/total.txt') or '.', exist_ok=True)\nopen(", mended(source, 'makeFolder', 1, folder='out'))

    def test_the_folder_of_a_log_and_of_a_database(self) -> None:
        for line in ("logging.basicConfig(filename='logs/a.log')", "db = sqlite3.connect('logs/a.log')"):
            changed = mended(f'{line}\n', 'makeFolder', 1, folder='logs')
            self.assertIn(f"os.makedirs(os.path.dirname('logs/a.log') or '.', exist_ok=True)\n{line}", changed)

    def test_an_encoding_is_named_whatever_a_call_takes_already(self) -> None:
        for given in ('', "'r'", "'r',", "'r', encoding='ascii'"):
            source = f"text = Path('a.txt').open({given}).read()\n"
            self.assertIn("encoding='utf-16')", mended(source, 'nameEncoding', 1, encoding='utf-16', mode='read'))
        changed = mended("text = p.read_text()\n", 'nameEncoding', 1, encoding='utf-16', mode='read')
        self.assertEqual(changed, "text = p.read_text(encoding='utf-16')\n")

    def test_pyvista_draws_off_screen(self) -> None:
        source = 'import pyvista as pv\n\npv.Plotter().show()\n'
        changed = mended(source, 'drawOffScreen', 3, library='vtk')
        self.assertTrue(changed.startswith('import os\n\nos.environ.setdefault('), changed)
        self.assertIn('import pyvista\npyvista.OFF_SCREEN = True\n', changed)

    def test_a_batch_is_halved_before_a_size_and_neither_where_no_name_tells(self) -> None:
        source = 'SIZE = 1 << 12\ndef run(n, chunk_size=4096):\n    pass\n'
        self.assertIn('chunk_size=2048', mended(source, 'halveSize'))
        self.assertIn('SIZE = 2048', mended('SIZE = 1 << 12\n', 'halveSize'))
        with self.assertRaises(NotApplicable):
            mended('port = 8080\n', 'halveSize')

    def test_what_does_not_fit_is_told(self) -> None:
        for rewriting in ('addColon', 'expandTabs', 'fromPython2'):
            with self.assertRaises(NotApplicable):
                mended('def f(:\n    pass\n', rewriting)


BEFORE = '''
import json

def load(path):
    with open(path) as source:
        return json.load(source)

data = load('in.json')
print('rows', len(data))
assert data
with open('out.json', 'w') as out:
    json.dump(data, out)
'''


class Hiding(unittest.TestCase):
    def found(self, after: str) -> list[str]:
        before, tree = parsed(BEFORE), parsed(after)
        assert before is not None and tree is not None
        return reasons(counts(before), counts(tree))

    def test_a_repair_is_none(self) -> None:
        self.assertEqual(self.found(BEFORE.replace("'in.json'", "'data/in.json'")), [])
        handled = BEFORE.replace(
            "data = load('in.json')",
            "try:\n    data = load('in.json')\nexcept FileNotFoundError:\n    data = load('other.json')",
        )
        self.assertEqual(self.found(handled), [])

    def test_every_way_to_let_an_error_pass_is_one(self) -> None:
        load = "data = load('in.json')"
        for after, said in (
            (f'try:\n    {load}\nexcept:\n    data = [1]', 'swallows'),
            (f'try:\n    {load}\nexcept Exception as error:\n    data = [str(error)]', 'swallows'),
            (f"try:\n    {load}\nexcept (ValueError, OSError):\n    print('no file')", 'swallows'),
            (f'import contextlib\ndata = [1]\nwith contextlib.suppress(OSError):\n    {load}', 'swallows'),
            (f'import sys\nsys.exit(0)\n{load}', 'ends early'),
            (f'import sys\nsys.excepthook = lambda *_: None\n{load}', 'what happens to errors'),
            (f'if False:\n    {load}\ndata = [1]', 'never reached'),
            ("data = open('in.json', errors='ignore').read()", 'skips'),
        ):
            with self.subTest(after=after):
                found = self.found(BEFORE.replace(load, after))
                self.assertTrue(any(said in each for each in found), found)

    def test_work_that_is_gone_is_one(self) -> None:
        for gone, said in (
            ("print('rows', len(data))", 'prints less'),
            ('assert data', 'checks less'),
            ('    json.dump(data, out)', 'writes less'),
        ):
            with self.subTest(gone=gone):
                found = self.found(BEFORE.replace(gone, gone[: len(gone) - len(gone.lstrip())] + 'pass'))
                self.assertTrue(any(said in each for each in found), found)

    def test_a_source_of_python_2_is_compared_as_what_it_says(self) -> None:
        tree = parsed("try:\n    print 'a'\nexcept ValueError, error:\n    print error\n")
        assert isinstance(tree, ast.Module)
        self.assertEqual(counts(tree)['prints'], 2)


if __name__ == '__main__':
    unittest.main()
