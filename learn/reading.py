"""Reads a table file, whatever it is, as named columns of text or of the types that the file itself has."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
from step import Problem

DELIMITERS = [',', ';', '\t', '|']
RARE = [':', '~', '^', '¦', ' ']
"""Delimiters of files that none of the usual ones divides."""
MOST_ABOVE = 30
"""So many lines may stand above the header."""
LONGEST_NAME = 120


@dataclass
class Raw:
    """A table as it was read. Text columns are strings as they stand; `originals` are the names in the file."""

    table: pa.Table
    originals: list[str]
    read: dict[str, str | None]
    warnings: list[dict[str, object]] = field(default_factory=list)
    left_out: list[dict[str, object]] = field(default_factory=list)


def read_table(path: Path, sheet: str | None = None) -> Raw:
    if not path.exists():
        raise Problem(f'{path.name}: expected a table, found no file')
    with path.open('rb') as file:
        head = file.read(4096)
    if not head.strip():
        raise Problem(f'{path.name}: expected a table with a header and rows, the file is empty')
    kind = format_of(path, head)
    try:
        raw = READERS[kind](path, sheet)
    except pa.ArrowInvalid as error:
        raise Problem(f'{path.name}: expected {kind}, cannot read it: {first_line(error)}') from None
    if raw.table.num_rows == 0:
        raise Problem(f'{path.name}: expected rows below the header, found none')
    raw = without_totals(raw)
    return renamed(raw)


def format_of(path: Path, head: bytes) -> str:
    """By content first: a file may be called what it likes."""
    if head.startswith(b'PAR1'):
        return 'parquet'
    if head.startswith((b'ARROW1', b'FEA1')):
        return 'arrow'
    if head.startswith(b'PK\x03\x04'):
        return 'excel'
    if head.startswith(b'\xd0\xcf\x11\xe0'):
        raise Problem(f'{path.name}: expected .xlsx, got the older .xls: save it as .xlsx or CSV')
    if head.startswith((b'\x1f\x8b', b'BZh', b'\x28\xb5\x2f\xfd')):
        raise Problem(f'{path.name}: expected a table, got a compressed file: unpack it first')
    if path.suffix.lower() in ('.jsonl', '.ndjson') or head.lstrip(b'\xef\xbb\xbf \t\r\n')[:1] in (b'{', b'['):
        return 'json lines'
    return 'csv'


TOTAL = re.compile(r'(grand |sub)?total\b|sums?\b|summe\b|gesamt|somme\b|totaal\b|totale\b|suma\b', re.IGNORECASE)


def without_totals(raw: Raw) -> Raw:
    """The last rows, where they sum up the others, are none of them."""
    count, named = 0, ''
    while count < min(3, raw.table.num_rows - 1):
        last = raw.table.slice(raw.table.num_rows - 1 - count, 1)
        filled = [text for column in last.columns if (text := str('' if column[0].as_py() is None else column[0].as_py()).strip())]
        if not filled or not TOTAL.match(filled[0]) or (last.num_columns > 2 and 2 * len(filled) > last.num_columns + 1):
            break
        count, named = count + 1, filled[0]
    if count:
        raw.left_out.append({'what': f'{"row" if count == 1 else "rows"} of totals at the end: {short(named)}', 'count': count})
        raw.table = raw.table.slice(0, raw.table.num_rows - count)
    return raw


# ---- delimited text

def decode(data: bytes, name: str) -> tuple[str, str, bool]:
    """Returns the text, its encoding, and whether that was guessed."""
    for mark, encoding in (
        (b'\xef\xbb\xbf', 'utf-8-sig'),
        (b'\xff\xfe\x00\x00', 'utf-32'),
        (b'\x00\x00\xfe\xff', 'utf-32'),
        (b'\xff\xfe', 'utf-16'),
        (b'\xfe\xff', 'utf-16'),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding.removesuffix('-sig'), False
            except UnicodeDecodeError as error:
                raise Problem(f'{name}: begins as {encoding}, but byte {error.start} is no such text') from None
    sample = data[:4000]
    zeros = sample.count(0)
    if zeros > len(sample) // 4:
        encoding = 'utf-16-le' if sample[1::2].count(0) > sample[::2].count(0) else 'utf-16-be'
        return data.decode(encoding, errors='replace'), encoding, True
    if zeros:
        raise Problem(f'{name}: expected text, found zero bytes at {sample.index(0)}: is it another kind of file?')
    try:
        return data.decode('utf-8'), 'utf-8', False
    except UnicodeDecodeError:
        pass
    try:
        return data.decode('cp1252'), 'cp1252 (Latin-1)', True
    except UnicodeDecodeError:
        return data.decode('latin-1'), 'latin-1', True


def delimiter_of(text: str) -> str:
    """The delimiter by which the first rows have the most equal numbers of cells, quotes minded."""
    lines = list(itertools.islice(io.StringIO(text[:200_000], newline=''), 200))
    return best_of(DELIMITERS, lines) or best_of(RARE, lines) or ','


def best_of(delimiters: list[str], lines: list[str]) -> str | None:
    best, best_score = None, 0.0
    for delimiter in delimiters:
        try:
            rows = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        width, times = Counter(rows[: -1 if len(rows) > 2 else None]).most_common(1)[0]
        # Above the header there may be a title, of one cell.
        header = rows[0] if rows[0] > 1 or delimiter in RARE else next((each for each in rows[:MOST_ABOVE] if each > 1), 1)
        if width < 2 or header < 2 or (delimiter in RARE and times < len(rows) - 1):
            continue
        score = times / max(len(rows) - 1, 1) * (2.0 if header == width else 1.0) + min(width, 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def above_header(rows: list[list[str]]) -> int:
    """How many rows at the top are a title, a comment or names of groups of columns: the first that is full of words is the header."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width < 2:
        return 0
    for place, row in enumerate(rows[:MOST_ABOVE]):
        filled = [cell.strip() for cell in row if cell.strip()]
        full = len(row) >= width and len(filled) == len(row) and not any(map(is_value, filled))
        if full:
            return place
        if width <= 3 and not row[0].strip():  # an index without a name
            return 0
        if not (len(filled) <= 1 or filled[0].startswith('#') or 2 * len(filled) <= width) or (place == 0 and len(filled) > 1 and len(rows) > 1 and any(is_value(cell) for cell in rows[1])):
            return 0
    return 0


def is_value(cell: str) -> bool:
    """Whether a cell is a number as a program writes it, which names no column; a year may."""
    return re.fullmatch(r'[+-]?(\d+[.,]\d+|\d{1,3}|\d{5,})([eE][+-]?\d+)?', cell.strip()) is not None


def read_as_values(names: list[str], table: pa.Table) -> list[dict[str, object]]:
    """A warning where the header looks like one more row."""
    if len(names) < 2 or table.num_rows < 2:
        return []
    like = [name for name, values in zip(names, table.columns, strict=True) if name.strip() and (is_value(name) or name in values.slice(0, 100).to_pylist())]
    counted = [int(name) for name in names if name.strip().isdigit()]
    if 2 * len(like) < len(names) or (len(counted) > 1 and counted == list(range(counted[0], counted[0] + len(counted)))):
        return []
    shown = ', '.join(short(name) for name in names[:4])
    return [{'kind': 'header', 'column': None, 'number': len(like), 'message': f'the first row, {shown}, is taken as names of columns, but looks like values: is there no header?'}]


def header_of(text: str, delimiter: str) -> tuple[list[str], int]:
    """Returns the names of the columns, and how many characters of the text stand above them."""
    lines = io.StringIO(text[:2_000_000], newline='')
    rows: list[list[str]] = []
    begins: list[int] = []
    at = 0
    reader = csv.reader(lines, delimiter=delimiter)
    while len(rows) < 200:
        row = next(reader, None)
        if row is None:
            break
        if any(cell.strip() for cell in row):
            rows.append(row)
            begins.append(at)
        at = lines.tell()
    if not rows:
        raise Problem('expected a header line, found only empty lines')
    place = above_header(rows)
    return rows[place], begins[place]


def read_csv(path: Path, _: str | None) -> Raw:
    text, encoding, guessed = decode(path.read_bytes(), path.name)
    text = text.lstrip('\ufeff\r\n')
    if not text.strip():
        raise Problem(f'{path.name}: expected a table with a header and rows, the file has only blank lines')
    declared = None
    if text[:4].lower() == 'sep=' and '\n' in text[:10]:
        line, text = text.split('\n', 1)
        declared = line.strip()[4:] or ','
    delimiter = declared or delimiter_of(text)
    csv.field_size_limit(1 << 30)
    names, begins = header_of(text, delimiter)
    left_out = [lines_left_out('above the header', text[:begins])] if begins else []
    text = text[begins:]
    if blank := blank_lines(text, delimiter):
        left_out.append({'what': 'blank line' if blank == 1 else 'blank lines', 'count': blank})
    if len(names) > 1 and names[-1].strip() == '' and trailing(text, delimiter, len(names)):
        names = names[:-1]
    table = parse(path.name, text, delimiter, names)
    warnings: list[dict[str, object]] = []
    if guessed:
        warnings.append({'kind': 'encoding', 'column': None, 'number': None, 'message': f'the file names no encoding and is no UTF-8: read as {encoding}'})
    return Raw(table, names, {'format': 'csv', 'encoding': encoding, 'delimiter': delimiter, 'sheet': None}, warnings + read_as_values(names, table), left_out)


def lines_left_out(what: str, text: str) -> dict[str, object]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    what = f'{"line" if len(lines) == 1 else "lines"} {what}'
    return {'what': f'{what}: {short(lines[0])}' if lines else what, 'count': len(lines)}


def blank_lines(text: str, delimiter: str) -> int:
    """Lines between rows that hold nothing; in a table of one column they would be missing values, and are counted all the same."""
    body = text.rstrip('\r\n')
    if re.search(r'\n\r?\n|\r\r', body) is None:
        return 0
    if '"' in body:
        return sum(1 for row in csv.reader(io.StringIO(body, newline=''), delimiter=delimiter) if not row)
    return sum(1 for line in body.splitlines() if not line)


def trailing(text: str, delimiter: str, width: int) -> bool:
    rows = itertools.islice(csv.reader(io.StringIO(text[:100_000], newline=''), delimiter=delimiter), 20)
    return all(len(row) < width or row[-1].strip() == '' for row in rows if row)


def parse(name: str, text: str, delimiter: str, names: list[str]) -> pa.Table:
    wrong: list[object] = []

    def on_invalid(row: object) -> str:
        wrong.append(row)
        return 'skip'

    places = [f'c{place}' for place in range(len(names))]
    options = {
        'read_options': pa.csv.ReadOptions(column_names=places, skip_rows_after_names=1, use_threads=False, block_size=1 << 24),
        'parse_options': pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values='"' in text, invalid_row_handler=on_invalid),
        'convert_options': pa.csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False),
    }
    table = pa.csv.read_csv(io.BytesIO(text.encode('utf-8', 'replace')), **options)
    if wrong:
        first = wrong[0]
        at = (first.number or 1) - 1
        more = f' ({len(wrong):,} such rows)' if len(wrong) > 1 else ''
        more += ', is a quote not closed?' if str(first.text).startswith('"') and '\n' in str(first.text) else ''
        raise Problem(
            f'{name}: row {at}: expected {first.expected_columns} cells as in the header, found {first.actual_columns}{more}: {str(first.text)[:80]!r}',
            row=at,
        )
    return table


# ---- the other formats

def read_parquet(path: Path, _: str | None) -> Raw:
    table = flat(pa.parquet.read_table(path, use_threads=False))
    return Raw(table, list(table.column_names), {'format': 'parquet', 'encoding': None, 'delimiter': None, 'sheet': None})


def read_arrow(path: Path, _: str | None) -> Raw:
    table = flat(pa.feather.read_table(path, use_threads=False))
    return Raw(table, list(table.column_names), {'format': 'arrow', 'encoding': None, 'delimiter': None, 'sheet': None})


def flat(table: pa.Table) -> pa.Table:
    """Structs become columns, lists and bytes text; pandas' own index column goes."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    index = [name for name in table.column_names if name.startswith('__index_level_')]
    table = table.drop_columns(index) if index else table
    for place, values in enumerate(table.columns):
        if pa.types.is_nested(values.type) or pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
            table = table.set_column(place, table.column_names[place], pa.array([None if value is None else text_of(value) for value in values.to_pylist()], pa.string()))
    return table


def read_json_lines(path: Path, _: str | None) -> Raw:
    text, encoding, _guessed = decode(path.read_bytes(), path.name)
    text = text.lstrip('\ufeff').strip()
    rows, warnings = json_rows(text, path.name)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Problem(f'{path.name}: row {number}: expected a JSON object, got {type(row).__name__}', row=number)
    rows = [unfolded(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.Table.from_arrays([column_of([row.get(name) for row in rows]) for name in names], names=[f'c{place}' for place in range(len(names))])
    return Raw(table, names, {'format': 'json lines', 'encoding': encoding, 'delimiter': None, 'sheet': None}, warnings)


def json_rows(text: str, name: str) -> tuple[list[Any], list[dict[str, object]]]:
    """The rows of JSON lines, of a list, or of one object that holds either columns or a list of rows."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        if text.startswith('['):
            raise Problem(f'{name}: expected a JSON list of objects: {error}') from None
        return json_lines(text, name), []
    if isinstance(whole, list):
        return whole, []
    if not isinstance(whole, dict):
        raise Problem(f'{name}: expected JSON objects, one a row, got {type(whole).__name__}')
    lists = {key: value for key, value in whole.items() if isinstance(value, list)}
    if len(lists) == len(whole) > 1 and len({len(value) for value in lists.values()}) == 1:
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)], []
    if len(whole) > 1 and all(isinstance(value, dict) for value in whole.values()):
        places = list(dict.fromkeys(place for value in whole.values() for place in value))
        return [{key: value.get(place) for key, value in whole.items()} for place in places], []
    of_rows = [key for key, value in lists.items() if value and all(isinstance(row, dict) for row in value)]
    if len(of_rows) == 1:
        rest = [key for key in whole if key != of_rows[0]]
        said = [{'kind': 'json', 'column': None, 'number': None, 'message': f'the rows are those of {short(of_rows[0])}; beside it, {", ".join(map(short, rest))} of the file are not read'}] if rest else []
        return lists[of_rows[0]], said
    return [whole], []


def json_lines(text: str, name: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split('\n'), 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise Problem(f'{name}: line {number}: expected a JSON object: {error}', row=number) from None
    return rows


def unfolded(row: dict[str, Any], before: str = '') -> dict[str, Any]:
    """`{"user": {"age": 3}}` as `{"user.age": 3}`."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and value:
            found |= unfolded(value, f'{before}{key}.')
        else:
            found[f'{before}{key}'] = value
    return found


def column_of(values: list[object]) -> pa.Array:
    """Of one type where all are; else text, as a delimited file would have it."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and bool not in kinds:
        return pa.array([None if value is None else as_float(value) for value in values], pa.float64()) if float in kinds or too_large(values) else pa.array(values, pa.int64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array(['' if value is None else text_of(value) for value in values], pa.string())


def as_float(value: object) -> float:
    try:
        return float(value)
    except OverflowError:
        return float('inf')


def too_large(values: list[object]) -> bool:
    return any(isinstance(value, int) and abs(value) > 2**63 - 1 for value in values)


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)


def read_excel(path: Path, sheet: str | None) -> Raw:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise Problem(f'{path.name}: expected an Excel workbook (.xlsx), cannot read it: {first_line(error)}') from None
    if sheet is not None and sheet not in book.sheetnames:
        raise Problem(f'{path.name}: expected a sheet {sheet!r}, found {", ".join(book.sheetnames)}')
    page = book[sheet] if sheet is not None else book[book.sheetnames[0]]
    every = list(page.iter_rows(values_only=True))
    while every and all(cell is None for cell in every[-1]):
        every.pop()
    rows = [row for row in every if any(cell is not None for cell in row)]
    if not rows:
        raise Problem(f'{path.name}: sheet {page.title}: expected a header and rows, found none')
    width = max(place + 1 for row in rows for place, cell in enumerate(row) if cell is not None)
    left_out: list[dict[str, object]] = [{'what': 'blank row' if len(every) - len(rows) == 1 else 'blank rows', 'count': len(every) - len(rows)}] if len(rows) < len(every) else []
    above = above_header([['' if cell is None else str(cell) for cell in row[:width]] for row in rows[:200]])
    if above:
        title = next(str(cell) for cell in rows[0] if cell is not None)
        left_out.append({'what': f'{"row" if above == 1 else "rows"} above the header: {short(title)}', 'count': above})
        rows = rows[above:]
    names = ['' if cell is None else str(cell) for cell in rows[0][:width]]
    columns = [column_of([cell if isinstance(cell, (int, float, bool, type(None))) else str(cell) for cell in column]) for column in zip(*[row[:width] for row in rows[1:]], strict=True)]
    columns = columns or [pa.array([], pa.string()) for _ in names]
    expect_kept_values(path, page.title, names, columns)
    table = pa.Table.from_arrays(columns, names=[f'c{place}' for place in range(len(names))])
    warnings: list[dict[str, object]] = []
    if sheet is None and len(book.sheetnames) > 1:
        warnings.append({'kind': 'sheet', 'column': None, 'number': len(book.sheetnames), 'message': f'the workbook has sheets {", ".join(book.sheetnames)}: read {page.title}'})
    return Raw(table, names, {'format': 'excel', 'encoding': None, 'delimiter': None, 'sheet': page.title}, warnings + read_as_values(names, table), left_out)


def expect_kept_values(path: Path, sheet: str, names: list[str], columns: list[pa.Array]) -> None:
    """A workbook that no Excel has saved holds formulas without their values: these would all be missing."""
    empty = {place for place, values in enumerate(columns) if len(values) and values.null_count + (pc.sum(pc.equal(values, '')).as_py() or 0 if pa.types.is_string(values.type) else 0) == len(values)}
    if not empty:
        return
    import openpyxl

    for number, row in enumerate(openpyxl.load_workbook(path, read_only=True)[sheet].iter_rows(values_only=True), 1):
        for place in empty:
            if place < len(row) and isinstance(row[place], str) and row[place].startswith('='):
                name = names[place]
                raise Problem(f'{path.name}: column {short(name)}: line {number} of the sheet has the formula {row[place][:40]} and no value of it: open and save the workbook in a spreadsheet program', column=name, row=number)


READERS = {'csv': read_csv, 'parquet': read_parquet, 'arrow': read_arrow, 'json lines': read_json_lines, 'excel': read_excel}


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [''])[0][:300]


# ---- names

def renamed(raw: Raw) -> Raw:
    """Gives every column a name of its own that a terminal can show; the warnings say which were changed."""
    taken: set[str] = set()
    names: list[str] = []
    for place, original in enumerate(raw.originals):
        clean = ''.join(sign if sign.isprintable() else ' ' for sign in original)
        clean = ' '.join(clean.split())[:LONGEST_NAME] or f'column_{place + 1}'
        name, count = clean, 1
        while name in taken:
            count += 1
            name = f'{clean}_{count}'
        taken.add(name)
        names.append(name)
        if name != original:
            raw.warnings.append({'kind': 'renamed', 'column': name, 'number': place + 1, 'message': f'column {place + 1}, {short(original)}, is called {short(name)} here'})
    raw.table = raw.table.rename_columns(names)
    return raw


def short(name: str) -> str:
    return repr(name if len(name) <= 60 else f'{name[:57]}…')
