"""Tables of pandas that are gone through by columns give what they gave by rows: values, types, labels, errors."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'strategies'))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from by_columns import by_columns  # noqa: E402
from scripts import faster_script  # noqa: E402
from source import Module, NotApplicable  # noqa: E402

MIXED = {'price': [1.5, 2.0, 4.25], 'qty': [3, 20, 11], 'kind': ['book', 'food', 'book'], 'count': [1, 2, 3]}
NUMBERS = {'price': [1.5, 2.0, np.nan], 'qty': [3, 20, 11], 'kind': [0.0, 1.0, 2.0], 'count': [1, 2, 3]}
WHOLE = {'price': [1, 2, 3], 'qty': [3, 20, 11], 'kind': [0, 1, 2], 'count': [1, 2, 3]}
DATES = pd.DataFrame({'price': pd.date_range('2026-01-01', periods=3), 'qty': pd.date_range('2025-01-01', periods=3)})
FRAMES = {
    'mixed': pd.DataFrame(MIXED), 'numbers': pd.DataFrame(NUMBERS, index=['a', 'b', 'a']), 'whole': pd.DataFrame(WHOLE), 'empty': pd.DataFrame(MIXED)[:0],
    'twice': pd.concat([pd.DataFrame(WHOLE), pd.DataFrame(WHOLE)], axis=1), 'dates': DATES, 'short': pd.DataFrame({'qty': [1, 2]}),
    'choice': pd.DataFrame(WHOLE).astype({'qty': 'category'}), 'missing': pd.DataFrame(WHOLE).astype({'qty': 'Int64'}),
}  # fmt: skip

# Title, the program, what it must hold; where that is empty, nothing may change.
LOOPS = {
    'a loop over rows': ('def f(df):\n    out = []\n    for i, row in df.iterrows():\n        out.append((i, row["qty"], row.price))\n    return out', '_rows_of(row__table,'),
    'rows of a part, whose labels nobody looks at': ('def f(df):\n    return g(df[df.qty > 3])\n\n\ndef g(part):\n    total = 0\n    for _, row in part.iterrows():\n        total += row["qty"] * 2\n    return total', '_rows_of(row__table,'),
    'tuples': ('def f(df):\n    out = []\n    for each in df.itertuples(index=False):\n        if each.qty > 3:\n            out.append(each.price)\n    return out', '_tuples_of(each__table,'),
    'a function of each row': ('def g(row):\n    if row.qty > 10:\n        return row["price"] * 2\n    return row["price"]\n\n\ndef f(df):\n    return df.apply(g, axis=1)', '_g_of_values'),
    'a lambda of each row': ('def f(df, k=3):\n    return df.apply(lambda r: str(r["qty"]) + "/" + str(k), axis=1)', 'lambda r__qty'),
    'a list of each row': ('def f(df):\n    return df.apply(lambda r: [r["qty"], 1], axis=1)', '_applied('),
    'nothing of most rows': ('def f(df):\n    return df.apply(lambda r: r["qty"] if r["qty"] > 3 else None, axis=1)', '_applied('),
    'a row that is handed on': ('def f(df):\n    out = []\n    for i, row in df.iterrows():\n        out.append(list(row) + [row["qty"]])\n    return out', ''),
    'a column by the name of a method': ('def f(df):\n    out = []\n    for i, row in df.iterrows():\n        out.append((row.count(), row["qty"]))\n    return out', ''),
    'a row that is changed': ('def f(df):\n    out = []\n    for i, row in df.iterrows():\n        row["qty"] = 5\n        out.append(row["qty"])\n    return out', ''),
    'the last row, after the loop': ('def f(df):\n    total = 0\n    for i, row in df.iterrows():\n        total += row["qty"]\n    return total, row["qty"]', ''),
    'columns, not rows': ('def f(df):\n    return df[["qty"]].apply(lambda c: c.max())', ''),
}  # fmt: skip


SCRIPT = """# A comment.
import sys
import pandas as pd

df = pd.DataFrame({'price': [1.5, 2.0, 4.25], 'qty': [3, 20, 11], 'name': ['a', 'b', 'c']})


def after_tax(row):
    return row['price'] * 1.19


df['gross'] = df.apply(after_tax, axis=1)
total = 0.0
if __name__ == '__main__':
    for i, row in df.iterrows():
        total += row['gross'] * row['qty']  # kept nowhere
    for i, row in df.iterrows():
        print(i, row['name'], end=' ')
print(round(total, 6), df['gross'].tolist())
"""


def told(value: object) -> object:
    """A value with its types and labels, to be compared."""
    if isinstance(value, pd.Series):
        return 'series', str(value.dtype), value.name, told(value.tolist()), told(value.index.tolist())
    if isinstance(value, pd.DataFrame):
        return 'frame', told(value.columns.tolist()), told(value.to_numpy().tolist())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [told(each) for each in value]
    if isinstance(value, dict):
        return [(told(key), told(each)) for key, each in value.items()]
    return type(value).__name__, repr(value)


def outcome(text: str, frame: pd.DataFrame) -> object:
    names: dict[str, object] = {}
    exec(compile(text, 'program.py', 'exec'), names)
    given = copy.deepcopy(frame)
    try:
        return told(names['f'](given)), told(given)
    except Exception as error:
        return type(error).__name__


class ByColumns(unittest.TestCase):
    def test_same(self) -> None:
        """what is gone through by columns is the same"""
        for title, (body, part) in LOOPS.items():
            text = f'import pandas as pd\n\n\n{body}\n'
            made, notes = by_columns(Module(text, 'f', 'program.py'))
            with self.subTest(title):
                self.assertIn(part, made.text)
                self.assertEqual(bool(notes), bool(part))
            for name, frame in FRAMES.items():
                with self.subTest(f'{title}: {name}'):
                    self.assertEqual(outcome(made.text, frame), outcome(text, frame))

    def test_script(self) -> None:
        """a script goes through columns outside of functions, too, and prints the same"""
        made = faster_script(SCRIPT, 'script.py', ['rewrite_numpy']).files['script.py']
        self.assertNotIn('in df.iterrows()', made)
        self.assertEqual(made.count('_rows_of(row__table'), 2)
        self.assertIn('_applied(df', made)
        said = []
        for text in (SCRIPT, made):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text, 'script.py', 'exec'), {'__name__': '__main__'})
            said.append(out.getvalue())
        self.assertIn('0 a 1 b 2 c', said[0])
        self.assertEqual(said[0], said[1])

    def test_no_table(self) -> None:
        """a script without tables is told what is missing"""
        with self.assertRaisesRegex(NotApplicable, 'needs the types of arguments'):
            faster_script('import numpy as np\nprint(np.zeros(3) + 1)\n', 'script.py', ['rewrite_numpy'])
