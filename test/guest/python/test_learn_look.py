"""Tables as people have them: a right result, or one message with the column and the row."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[3] / 'learn')]

import numpy as np
import pandas as pd
import pyarrow as pa
import step
from infer import coded, numbers_of, plain_numbers
from look import look
from split import split
from step import Folder, Problem

ROWS = 60


def table_of(**columns: Any) -> dict[str, list[str]]:
    """Text columns of a table with a feature and a target of two classes."""
    random = np.random.default_rng(0)
    known = {'size': [f'{value:.3f}' for value in random.normal(size=ROWS)], 'y': ['no' if value < 0.6 else 'yes' for value in random.random(ROWS)]}
    return {**{name: list(values) for name, values in columns.items()}, **known}


def csv_of(columns: dict[str, list[str]], delimiter: str = ',') -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in (delimiter, '"', '\n')) else text

    rows = [[cell(name) for name in columns], *([cell(text) for text in row] for row in zip(*columns.values(), strict=True))]
    return '\n'.join(delimiter.join(row) for row in rows) + '\n'


class Looking(unittest.TestCase):
    def setUp(self) -> None:
        self.place = tempfile.TemporaryDirectory()
        self.before = os.getcwd()
        os.chdir(self.place.name)
        Path('in').mkdir()
        Path('out').mkdir()

    def tearDown(self) -> None:
        os.chdir(self.before)
        self.place.cleanup()

    def look(self, content: str | bytes | dict[str, list[str]], name: str = 'data.csv', **task: Any) -> dict[str, Any]:
        if isinstance(content, dict):
            content = csv_of(content)
        Path('in', name).write_bytes(content.encode() if isinstance(content, str) else content)
        return self.look_at(name, **task)

    def look_at(self, name: str, **task: Any) -> dict[str, Any]:
        Path('in/task.json').write_text(json.dumps({'table': [name], 'target': 'y', **task}))
        look(Folder(Path('in'), None))
        return json.loads(Path('out/look.json').read_text())

    def frame(self) -> pd.DataFrame:
        return step.read_frame(Path('out/table.arrow'))

    def column(self, found: dict[str, Any], name: str) -> dict[str, Any]:
        return next(column for column in found['columns'] if column['name'] == name)

    def refused(self, content: str | bytes | dict[str, list[str]], *words: str, name: str = 'data.csv', **task: Any) -> dict[str, Any]:
        with self.assertRaises(Problem) as caught:
            self.look(content, name, **task)
        for word in words:
            self.assertIn(word, str(caught.exception))
        return caught.exception.said

    def kinds_warned(self, found: dict[str, Any]) -> set[str]:
        return {warning['kind'] for warning in found['warnings']}


class Refused(Looking):
    def test_empty(self) -> None:
        """an empty file is refused"""
        self.refused('', 'the file is empty')

    def test_blank(self) -> None:
        """a file of blank lines is refused"""
        self.refused('\n \n\n', 'empty')

    def test_name(self) -> None:
        """a file is called what its user calls it"""
        self.refused('a,b,y\n', 'sales.csv: expected rows below the header', called={'data.csv': 'sales.csv'})

    def test_header_only(self) -> None:
        """a header without rows is refused"""
        self.refused('a,b,y\n', 'expected rows below the header')

    def test_one_row(self) -> None:
        """one row, or two, are too few"""
        self.refused('a,y\n1,0\n', 'at least 10 rows', 'found 1')
        self.refused('a,y\n1,0\n2,1\n', 'at least 10 rows', 'found 2')

    def test_one_class(self) -> None:
        """a target that never differs is refused by name"""
        for task in ({}, {'metric': 'auc'}):
            said = self.refused({**table_of(), 'y': ['yes'] * ROWS}, 'two classes or more', **task)
            self.assertEqual(said['column'], 'y')

    def test_target_missing(self) -> None:
        """a target without any value is refused by name"""
        said = self.refused({**table_of(), 'y': [''] * ROWS}, 'every row is missing')
        self.assertEqual(said['column'], 'y')

    def test_ragged(self) -> None:
        """a row with other cells than the header is refused with its number"""
        said = self.refused('a,b,y\n' + '1,2,0\n' * 16 + '1,2,3,4\n' + '1,2,1\n' * 10, 'row 17', '3 cells', 'found 4')
        self.assertEqual(said['row'], 17)

    def test_wrong_name(self) -> None:
        """a target of another name is refused with the nearest"""
        self.refused({**table_of(), 'outcome': ['1', '2'] * 30}, "did you mean 'outcome'", target='outcom')

    def test_same_name_twice(self) -> None:
        """a target that two columns are called is refused with the names to use"""
        text = csv_of(table_of()).replace('size,y', 'y,y', 1)
        self.refused(text, '2 columns have that name', 'y_2')

    def test_number_overflow(self) -> None:
        """a target too large for its squares is refused with its row"""
        values = [str(place * 1.5) for place in range(ROWS)]
        values[6] = '1e300'
        said = self.refused({**table_of(), 'y': values}, 'row 7', '1e+300')
        self.assertEqual((said['column'], said['row']), ('y', 7))

    def test_binary_file(self) -> None:
        """a file of bytes that are no table is refused"""
        self.refused(bytes(range(1, 200)) + b'\x00' * 5 + bytes(range(1, 250)) * 4, 'zero bytes')

    def test_not_a_workbook(self) -> None:
        """a damaged workbook, Parquet file and JSON line are refused as such"""
        self.refused(b'PK\x03\x04 not a zip', 'Excel workbook', name='d.xlsx')
        self.refused(b'PAR1 nothing', 'parquet', name='d.parquet')
        self.refused('{"a": 1, "y": 2}\n{"a": \n', 'line 2', name='d.jsonl')

    def test_nothing_to_learn_from(self) -> None:
        """a table of constants beside the target is refused"""
        self.refused({'same': ['x'] * ROWS, 'y': table_of()['y']}, 'every one is constant')

    def test_metric(self) -> None:
        """a metric of another task is refused with those that serve"""
        self.refused(table_of(), 'auc, log_loss', metric='rmse')


class Read(Looking):
    def test_delimiters(self) -> None:
        """semicolons, tabs and bars are found, whatever the file is called"""
        for delimiter in ';\t|':
            with self.subTest(delimiter):
                found = self.look(csv_of(table_of(), delimiter))
                self.assertEqual((found['rows'], found['read']['delimiter'], len(found['columns'])), (ROWS, delimiter, 2))

    def test_encodings(self) -> None:
        """UTF-8 with a mark, UTF-16 and Latin-1 give the same text"""
        text = csv_of(table_of(place=['Zürich', 'Genève', 'Bern'] * 20))
        for encoding in ('utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'latin-1'):
            with self.subTest(encoding):
                found = self.look(text.encode(encoding))
                self.assertEqual(set(dict(self.column(found, 'place')['summary']['top'])), {'Zürich', 'Genève', 'Bern'})
        self.assertIn('encoding', self.kinds_warned(found))

    def test_quotes(self) -> None:
        """delimiters, quotes and line breaks inside quoted cells are of the cell"""
        odd = ['a,b', 'say "x"', 'two\nlines'] * 20
        found = self.look(table_of(odd=odd))
        self.assertEqual(found['rows'], ROWS)
        self.assertEqual(set(self.frame()['odd']), {'a,b', 'say "x"', 'two\nlines'})

    def test_names(self) -> None:
        """duplicate, empty, long, broken and odd names are told apart, and what was changed is said"""
        names = ['a', 'a', '', 'ü' * 200, 'two\nlines', '__index__', '名前']
        random = np.random.default_rng(1)
        columns = [[f'{value:.2f}' for value in random.normal(size=ROWS)] for _ in names]
        table = list(zip(names, columns, strict=True)) + list(table_of().items())
        quoted = ['"' + name + '"' for name, _ in table]
        text = '\n'.join([','.join(quoted), *(','.join(row) for row in zip(*(values for _, values in table), strict=True))])
        found = self.look(text)
        ours = [column['name'] for column in found['columns']]
        self.assertEqual(ours, ['a', 'a_2', 'column_3', 'ü' * 120, 'two lines', '__index__', '名前', 'size', 'y'])
        self.assertEqual([column['original'] for column in found['columns']][:5], names[:5])
        self.assertEqual(len([warning for warning in found['warnings'] if warning['kind'] == 'renamed']), 4)

    def test_rare_delimiters(self) -> None:
        """a delimiter that is hardly ever used is found, where none of the usual ones divides the rows"""
        for delimiter in (':', '~', ' '):
            found = self.look(csv_of(table_of(a=[str(place % 7) for place in range(ROWS)]), delimiter))
            self.assertEqual((found['read']['delimiter'], len(found['columns'])), (delimiter, 3))

    def test_above_the_header(self) -> None:
        """a title, comments and blank lines are left out, and counted"""
        body = csv_of(table_of(a=[str(place % 7) for place in range(ROWS)]), ';')
        for above, lines in (('Sales of 2024;;\n', 1), ('# made by hand\n# in m\n', 2), ('Report\n\nof sales\n', 2)):
            found = self.look(above + body)
            self.assertEqual([column['name'] for column in found['columns']], ['a', 'size', 'y'])
            left = next(entry for entry in found['leftOut'] if 'above the header' in entry['what'])
            self.assertEqual((left['count'], found['rows']), (lines, ROWS))
        found = self.look(body + 'Total;;12\n')
        self.assertEqual((found['rows'], found['leftOut']), (ROWS, [{'what': "row of totals at the end: 'Total'", 'count': 1}]))
        lines = body.splitlines()
        found = self.look('\n'.join([*lines[:9], '', *lines[9:20], '', '', *lines[20:]]))
        self.assertIn({'what': 'blank lines', 'count': 3}, found['leftOut'])

    def test_no_header(self) -> None:
        """a first row that looks like values is said; numbered columns, years and an index without a name are not"""
        rows = [f'{place % 7},{place / 9:.3f},{place % 2}' for place in range(ROWS)]
        self.assertIn('header', self.kinds_warned(self.look('\n'.join(rows), target=None)))
        for header in ('0,1,y', '2019,2020,y', ',0,y', ',a,y'):
            self.assertNotIn('header', self.kinds_warned(self.look('\n'.join([header, *rows]))), header)
        words = [f'{"abcd"[place % 4]},{"yes" if place % 3 else "no"}' for place in range(ROWS)]
        self.assertEqual(len(self.look('\n'.join([',y', *words]))['columns']), 2)

    def test_one_column(self) -> None:
        """a table of one column says by what its cells were divided"""
        self.refused('only\n' + '\n'.join(str(place % 7) for place in range(ROWS)), 'expected columns beside the target only', "','", target='only')

    def test_workbook(self) -> None:
        """what stands above the header of a sheet is left out and counted; formulas that no program has computed are refused"""
        import openpyxl

        rows = [[place % 7, 'a' if place % 2 else 'b', f'{place},5', 'yes' if place % 3 else 'no'] for place in range(ROWS)]
        for above in (['Sales report', None, None, None], ['Product', None, 'Sold', None]):
            book = openpyxl.Workbook()
            for row in (above, ['n', 'c', 'x', 'y'], *rows):
                book.active.append(row)
            book.active.merge_cells('A1:B1')
            book.save('in/book.xlsx')
            found = self.look_at('book.xlsx')
            self.assertEqual([column['name'] for column in found['columns']], ['n', 'c', 'x', 'y'])
            self.assertEqual((found['leftOut'][0]['count'], found['rows']), (1, ROWS))
        book = openpyxl.Workbook()
        for place, row in enumerate([['n', 'twice', 'y'], *([row[0], f'=A{number + 2}*2', row[3]] for number, row in enumerate(rows))]):
            book.active.append(row)
        book.save('in/book.xlsx')
        with self.assertRaises(Problem) as caught:
            self.look_at('book.xlsx')
        self.assertEqual((caught.exception.said['column'], caught.exception.said['row']), ('twice', 2))

    def test_json(self) -> None:
        """objects within objects are columns; columns, and rows under one name, are read too"""
        rows = [{'user': {'age': place % 50, 'place': {'city': 'A' if place % 2 else 'B'}}, 'tags': ['a'] * (place % 3), 'y': place % 5 == 0} for place in range(ROWS)]
        found = self.look('\n'.join(map(json.dumps, rows)), 'data.jsonl')
        self.assertEqual([(column['name'], column['kind']) for column in found['columns'][:2]], [('user.age', 'number'), ('user.place.city', 'category')])
        plain = [{'a': place % 7, 'y': 'x' if place % 2 else 'z'} for place in range(ROWS)]
        frame = pd.DataFrame(plain)
        for content in (json.dumps({'data': plain, 'made': 'today'}, indent=1), frame.to_json(), json.dumps(frame.to_dict('list')), frame.to_json(orient='records')):
            found = self.look(content, 'data.json')
            self.assertEqual(([column['name'] for column in found['columns']], found['rows']), (['a', 'y'], ROWS))

    def test_types_of_files(self) -> None:
        """lists, bytes, spans and times of day of a file are read"""
        frame = pd.DataFrame({'list': [[1, place % 3] for place in range(ROWS)], 'bytes': [b'a\xff' if place % 3 else b'b' for place in range(ROWS)], 'span': pd.to_timedelta(np.arange(ROWS) % 9 + 0.5, 'h'), 'y': np.arange(ROWS) % 2})
        frame.to_parquet('in/data.parquet')
        found = self.look_at('data.parquet')
        self.assertEqual([column['kind'] for column in found['columns']], ['category', 'category', 'number', 'target'])
        self.assertEqual(self.frame()['span'][:2].tolist(), [0.5, 1.5])

    def test_formats(self) -> None:
        """Parquet, Feather, JSON lines, a JSON list and Excel hold the same table"""
        frame = pd.DataFrame({'n': np.arange(ROWS) % 7 + 0.5, 'c': ['a', 'b', None] * 20, 'flag': [True, False] * 30, 'when': pd.date_range('2020-01-01', periods=ROWS, freq='7h'), 'y': [0, 1, 1] * 20})
        frame.to_parquet('in/d.parquet')
        frame.to_feather('in/d.feather')
        frame.to_excel('in/d.xlsx', index=False)
        frame.to_json('in/d.jsonl', orient='records', lines=True, date_format='iso')
        frame.to_json('in/d.json', orient='records', date_format='iso')
        for name in ('d.parquet', 'd.feather', 'd.xlsx', 'd.jsonl', 'd.json'):
            with self.subTest(name):
                found = self.look_at(name)
                kinds = {column['name']: column['kind'] for column in found['columns']}
                self.assertEqual(kinds, {'n': 'number', 'c': 'category', 'flag': 'flag', 'when': 'date', 'y': 'target'})
                self.assertEqual(self.column(found, 'c')['missing'], 20)

    def test_rows_without_target(self) -> None:
        """rows without a target are left out, counted and named"""
        columns = table_of()
        columns['y'][4] = columns['y'][9] = ''
        found = self.look(columns)
        self.assertEqual(found['rows'], ROWS - 2)
        self.assertEqual(found['leftOut'][0], {'what': 'rows without a target', 'count': 2, 'rows': [5, 10]})

    def test_sampled(self) -> None:
        """more rows than are wanted are drawn from, which is said"""
        found = self.look(table_of(), maxRows=40)
        self.assertEqual(found['rows'], 40)
        self.assertIn({'what': 'rows beyond the sample', 'count': 20}, found['leftOut'])

    def test_test_file(self) -> None:
        """a test file has the columns in any order; a missing one is refused by name"""
        columns = table_of()
        Path('in/test.csv').write_text(csv_of(dict(reversed(columns.items()))))
        self.assertEqual(self.look(columns, test='test.csv')['testRows'], ROWS)
        Path('in/test.csv').write_text(csv_of({'y': columns['y']}))
        self.refused(columns, "'size'", 'missing', test='test.csv')


    def test_roles(self) -> None:
        """a column that is dropped, or has a role already, has no other"""
        columns = table_of(owner=[str(place // 4) for place in range(ROWS)])
        self.refused(columns, '--drop', "owner", '--groups', drop=['owner'], groups='owner')
        self.refused(columns, '--weights', '--groups', groups='owner', weights='owner')
        self.refused(columns, '--groups', '--target', groups='y')
        self.refused(columns, '--drop', '--target', drop=['y'])

    def test_dropped_in_test(self) -> None:
        """a test file may lack a column that is dropped"""
        columns = table_of(note=['x'] * ROWS)
        Path('in/test.csv').write_text(csv_of(table_of()))
        self.assertEqual(self.look(columns, test='test.csv', drop=['note'])['testRows'], ROWS)

    def test_lost_test_rows(self) -> None:
        """rows of a test file that have no target, group or time are left out and counted"""
        columns = table_of(day=[f'2020-01-{1 + place % 28:02}' for place in range(ROWS)])
        Path('in/test.csv').write_text(csv_of({**columns, 'day': ['', '', *columns['day'][2:]], 'y': [*columns['y'][:-1], '']}))
        found = self.look(columns, test='test.csv', time='day')
        self.assertEqual(found['testRows'], ROWS - 3)
        self.assertIn({'what': 'test row without a target', 'count': 1, 'rows': [ROWS]}, found['leftOut'])
        self.assertIn({'what': 'test rows without a value of day (--time)', 'count': 2, 'rows': [1, 2]}, found['leftOut'])


class Kinds(Looking):
    def kind(self, values: list[str], **task: Any) -> tuple[str, pd.Series, dict[str, Any]]:
        found = self.look(csv_of(table_of(x=values), task.pop('delimiter', ',')), **task)
        return self.column(found, 'x')['kind'], self.frame()['x'], found

    def numbers(self, written: list[str], expected: list[float], **task: Any) -> dict[str, Any]:
        times = ROWS // len(written)
        kind, values, found = self.kind(written * times, **task)
        self.assertEqual(kind, 'number')
        np.testing.assert_allclose(values.to_numpy(float), np.array(expected * times))
        return found

    def test_decimal_commas(self) -> None:
        """decimal commas are read, with points between thousands"""
        self.numbers(['1,5', '2,25', '1.234,5'], [1.5, 2.25, 1234.5], delimiter=';')
        self.numbers(['1,5', '2,25', '3,75'], [1.5, 2.25, 3.75])

    def test_thousands(self) -> None:
        """commas and blanks between thousands are read"""
        self.numbers(['1,234', '12,345,678', '12'], [1234, 12345678, 12])
        self.numbers(['1 234', '12 345', '7'], [1234, 12345, 7])

    def test_percent(self) -> None:
        """per cent are hundredths"""
        self.numbers(['12%', '3.5 %', '100%'], [0.12, 0.035, 1.0])

    def test_money(self) -> None:
        """currencies and brackets around what is owed are read"""
        self.numbers(['$1,200.50', '($30)', '$7'], [1200.5, -30, 7])

    def test_units(self) -> None:
        """a unit that all share is taken off; thousands and millions are written out; several units stay words"""
        self.numbers(['12 kg', '3.5 kg', '0.25kg'], [12, 3.5, 0.25])
        self.numbers(['1 year', '3 years', '10 years'], [1, 3, 10])
        self.numbers(['1,200.50 EUR', '30.00 EUR', '7.25 EUR'], [1200.5, 30, 7.25])
        self.numbers(['€1.5M', '€900K', '€2M'], [1.5e6, 9e5, 2e6])
        self.assertEqual(self.kind(['12 kg', '300 g', '2 lb'] * 20)[0], 'category')

    def test_signs(self) -> None:
        """a minus behind a number is one before it"""
        self.numbers(['1.50-', '(2.50)', '3.50'], [-1.5, -2.5, 3.5])

    def test_decimal_sign_of_the_file(self) -> None:
        """what can be read two ways is read as the rest of the file is written, and not by its delimiter alone"""
        self.numbers(['0.125', '1.250', '-3.500'], [0.125, 1.25, -3.5], delimiter=';')
        columns = {'price': ['12,5', '3,75', '1,0'] * 20, 'x': ['1.234', '12.345', '7.000'] * 20, **table_of()}
        del columns['size']
        found = self.look(csv_of(columns))
        self.assertIn('separators', self.kinds_warned(found))
        self.assertEqual(self.frame()['x'][0], 1234)

    def test_clock(self) -> None:
        """times of day are hours"""
        self.numbers(['14:30', '08:15', '00:00:36'], [14.5, 8.25, 0.01])
        self.numbers(['2:30 pm', '12:15 am', '9:00 AM'], [14.5, 0.25, 9.0])

    def test_spelling(self) -> None:
        """a yes in capitals is a yes; other classes that differ in capitals alone are said"""
        columns = table_of()
        columns['y'][:4] = ['YES', 'No', 'yes ', 'no']
        self.assertEqual(sorted(self.look(columns)['classes']), ['no', 'yes'])
        columns['y'] = ['Good', 'good', 'bad'] * 20
        found = self.look(columns)
        self.assertIn("'Good' and 'good'", next(warning['message'] for warning in found['warnings'] if warning['column'] == 'y'))

    def test_another_class_in_every_row(self) -> None:
        """a target of words that differ in every row is refused with its name"""
        columns = table_of()
        columns['y'] = [f'name {place}' for place in range(ROWS)]
        self.assertEqual(self.refused(columns, '60 different values in 60 rows')['column'], 'y')

    def test_infinite(self) -> None:
        """infinity is missing, counted and said; 1e300 is a number"""
        found = self.numbers(['inf', '1e300', '-2', '3', '-Infinity', '5'], [np.nan, 1e300, -2, 3, np.nan, 5])
        warning = next(warning for warning in found['warnings'] if warning['kind'] == 'infinite')
        self.assertEqual((warning['column'], warning['number']), ('x', 20))

    def test_beyond_double(self) -> None:
        """whole numbers beyond 2^53 that differ in every row name rows, and the loss of digits is said"""
        kind, _, found = self.kind([str(2**60 + 3 * place) for place in range(ROWS)])
        self.assertEqual(kind, 'identifier')
        self.assertIn('precision', self.kinds_warned(found))

    def test_mixed(self) -> None:
        """few words among numbers are missing, with their count and first row; many make a category"""
        values = [str(place * 1.5) for place in range(ROWS)]
        values[3] = 'broken'
        kind, read, found = self.kind(values)
        warning = next(warning for warning in found['warnings'] if warning['kind'] == 'mixed_types')
        self.assertEqual((kind, int(read.isna().sum())), ('number', 1))
        self.assertIn("row 4: 'broken'", warning['message'])
        self.assertEqual(self.kind(['1', '2', 'red', 'blue'] * 15)[0], 'category')

    def test_dates(self) -> None:
        """dates in five formats are the same days"""
        days = pd.to_datetime(pd.Series(['2021-03-14', '2020-12-25', '2019-07-04'] * 20))
        for form in ('%Y-%m-%d', '%d/%m/%Y', '%m/%d/%Y', '%d.%m.%Y', '%b %d, %Y', '%Y-%m-%dT%H:%M:%SZ', '%d %B %Y'):
            with self.subTest(form):
                kind, read, _ = self.kind(list(days.dt.strftime(form)))
                self.assertEqual(kind, 'date')
                self.assertTrue((read == days).all(), form)

    def test_order_of_days(self) -> None:
        """dates that begin with the year say nothing of how others are written: later ones with points begin with the day"""
        self.assertEqual(self.column(self.look(table_of(d=[f'2021-03-{1 + place % 28:02}' for place in range(ROWS)])), 'd')['written'], {'dayFirst': None})
        self.assertEqual(self.column(self.look(table_of(d=[f'{1 + place % 28:02}.03.2021' for place in range(ROWS)])), 'd')['written'], {'dayFirst': True})

    def test_unclear_dates(self) -> None:
        """days and months that nothing tells apart are said"""
        kind, _, found = self.kind(['01/02/2020', '03/04/2021', '05/06/2022'] * 20)
        self.assertEqual(kind, 'date')
        self.assertIn('dates', self.kinds_warned(found))

    def test_flags(self) -> None:
        """yes and no, true and false are flags"""
        for yes, no in (('yes', 'no'), ('TRUE', 'false'), ('Y', 'N')):
            kind, read, _ = self.kind([yes, no, no] * 20)
            self.assertEqual((kind, read.tolist()[:3]), ('flag', [1.0, 0.0, 0.0]))

    def test_scales(self) -> None:
        """a scale is in order"""
        kind, read, _ = self.kind(['high', 'low', 'medium'] * 20)
        self.assertEqual((kind, list(read.cat.categories)), ('ordered', ['low', 'medium', 'high']))

    def test_identifiers(self) -> None:
        """what numbers or names the rows is not learnt from, which is said"""
        for values in ([str(place) for place in range(100, 100 + ROWS)], [f'K{place * 7919 % 1000:03}' for place in range(ROWS)]):
            kind, _, found = self.kind(values)
            self.assertEqual(kind, 'identifier')
            self.assertIn('identifier', self.kinds_warned(found))
            self.assertTrue(any(entry.get('columns') == ['x'] for entry in found['leftOut']))

    def test_text(self) -> None:
        """sentences are text"""
        words = 'the quick brown fox jumps over a lazy dog again'.split()
        random = np.random.default_rng(0)
        self.assertEqual(self.kind([' '.join(random.choice(words, 6)) for _ in range(ROWS)])[0], 'text')

    def test_leading_zeros(self) -> None:
        """codes with leading zeros stay names"""
        self.assertEqual(self.kind(['00123', '00456', '01200'] * 20)[0], 'category')

    def test_asked(self) -> None:
        """a kind that is asked for is kept to, or refused where the values are another"""
        self.assertEqual(self.kind(['1', '2', '3'] * 20, kinds={'x': 'category'})[0], 'category')
        with self.assertRaises(Problem):
            self.kind(['red', 'blue', 'green'] * 20, kinds={'x': 'number'})

    def test_bare_numbers(self) -> None:
        """a column of bare numbers is read at once, as it would be cell by cell; what needs a look is left to that"""
        def column(texts: list[str | None]) -> pa.ChunkedArray:
            return pa.chunked_array([pa.array(texts, pa.string())])

        random = np.random.default_rng(3)
        bare = [[f'{value:.4g}' for value in random.normal(size=50) * 10.0 ** random.integers(-8, 9, 50)], ['1', '', None, ' 2.5 ', '-3e-2', '.5', '7.', '+4']]
        for texts in bare:
            one, other = plain_numbers('x', column(texts)), numbers_of('x', coded(column(texts)), False, None, {})
            assert one is not None and other is not None
            self.assertEqual((one.kind, one.why, one.missing, one.distinct, one.written), (other.kind, other.why, other.missing, other.distinct, other.written))
            self.assertTrue(one.values.equals(other.values))
        for texts in (['1', 'two'], ['01', '02'], ['1', 'nan'], ['9007199254740993', '1'], ['1', '5%'], ['1,5', '2'], ['', '']):
            self.assertIsNone(plain_numbers('x', column(texts)), texts)
        self.assertIsNone(plain_numbers('day', column(['20240101'])))

    def test_wide(self) -> None:
        """thousands of columns, and a test beside them, take seconds"""
        values = np.random.default_rng(0).normal(size=(60, 4000)).round(3)
        wide = pd.DataFrame(values, columns=[f'g{place}' for place in range(4000)]).assign(y=['a', 'b'] * 30)
        wide.to_csv('in/test.csv', index=False)
        began = time.process_time()
        found = self.look(wide.to_csv(index=False), test='test.csv')
        self.assertLess(time.process_time() - began, 12)
        self.assertEqual(len(found['columns']), 4001)

    def test_copy(self) -> None:
        """a copy of the target under another name is found, and not learnt from"""
        columns = table_of()
        columns = {'twin': ['A' if label == 'yes' else 'B' for label in columns['y']], **columns}
        found = self.look(columns)
        self.assertIn(('leak', 'twin'), [(warning['kind'], warning['column']) for warning in found['warnings']])
        self.assertEqual(self.column(found, 'twin')['kind'], 'constant')
        numbers = [f'{value:.4f}' for value in np.random.default_rng(3).normal(size=ROWS)]
        found = self.look({'double': [f'{2 * float(value) + 1:.4f}' for value in numbers], 'size': table_of()['size'], 'y': numbers})
        self.assertIn(('leak', 'double'), [(warning['kind'], warning['column']) for warning in found['warnings']])

    def test_near_copy(self) -> None:
        """a column that almost alone predicts the target is warned of with a number"""
        random = np.random.default_rng(0)
        labels = (random.random(2000) < 0.5).astype(int)
        near = labels + random.normal(0, 0.05, 2000)
        found = self.look({'near': [f'{value:.4f}' for value in near], 'size': [f'{value:.3f}' for value in random.normal(size=2000)], 'y': [str(label) for label in labels]})
        warning = next(warning for warning in found['warnings'] if warning['kind'] == 'leak')
        self.assertEqual(warning['column'], 'near')
        self.assertGreater(warning['number'], 0.98)


class Splitting(Looking):
    def split(self, content: dict[str, list[str]], **task: Any) -> dict[str, Any]:
        self.look(content, **task)
        for file in Path('out').iterdir():
            file.rename(Path('in') / file.name)
        split(Folder(Path('in'), None))
        return json.loads(Path('out/meta.json').read_text())

    def test_labels_apart(self) -> None:
        """the labels of a fold's own rows are in no file that its program gets"""
        self.split(table_of())
        folds, labels = np.load('out/folds.npy'), np.load('out/labels.npy')
        for fold in range(folds.max() + 1):
            theirs = np.load(f'out/fold-{fold}-labels.npy')
            self.assertTrue(np.isnan(theirs[folds == fold]).all())
            np.testing.assert_array_equal(theirs[folds != fold], labels[folds != fold])
        self.assertNotIn('y', step.read_frame(Path('out/features.arrow')).columns)
        self.assertNotIn('y', step.read_frame(Path('out/test.arrow')).columns)

    def test_stratified(self) -> None:
        """each class is shared evenly"""
        columns = {**table_of(), 'y': ['a'] * 50 + ['b'] * 10}
        self.split(columns, folds=4)
        labels, folds = np.load('out/labels.npy'), np.load('out/folds.npy')
        self.assertEqual(int((np.load('out/test-labels.npy') == 1).sum()), 2)
        self.assertEqual(sorted(np.bincount(folds[labels == 1])), [2, 2, 2, 2])

    def test_groups(self) -> None:
        """a group is on one side of every split"""
        columns = table_of(owner=[f'o{place // 4}' for place in range(ROWS)], row=[f'{place / 7:.3f}' for place in range(ROWS)])
        self.split(columns, groups='owner')
        rows = {name: step.read_frame(Path(f'out/{name}.arrow'))['row'].to_numpy() for name in ('features', 'test')}
        owner = {name: np.round(values * 7).astype(int) // 4 for name, values in rows.items()}
        self.assertFalse(set(owner['features']) & set(owner['test']))
        folds = np.load('out/folds.npy')
        for one in set(owner['features']):
            self.assertEqual(len(set(folds[owner['features'] == one])), 1)

    def test_time(self) -> None:
        """the test is of the latest rows"""
        days = pd.date_range('2020-01-01', periods=ROWS).strftime('%Y-%m-%d')
        order = np.random.default_rng(0).permutation(ROWS)
        self.split(table_of(day=[days[place] for place in order]), time='day')
        self.assertGreater(step.read_frame(Path('out/test.arrow'))['day'].min(), step.read_frame(Path('out/features.arrow'))['day'].max())

    def test_duplicates(self) -> None:
        """equal rows are on one side of every split"""
        columns = {name: values[:30] * 2 for name, values in table_of().items()}
        meta = self.split(columns)
        self.assertIn('equal rows together', meta['split'])
        train, test = (set(step.read_frame(Path(f'out/{name}.arrow'))['size']) for name in ('features', 'test'))
        self.assertFalse(train & test)

    def test_drift(self) -> None:
        """a column whose test values lie elsewhere is warned of"""
        columns = table_of()
        Path('in/test.csv').write_text(csv_of({**columns, 'size': [str(float(value) + 3) for value in columns['size']]}))
        meta = self.split(columns, test='test.csv')
        self.assertEqual([(warning['kind'], warning['column']) for warning in meta['warnings']], [('drift', 'size')])


if __name__ == '__main__':
    unittest.main()
