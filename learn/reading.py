"""Reads a table file, whatever it is, as named columns of text or of the types that the file itself has."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
from step import Problem

DELIMITERS = [',', ';', '\t', '|']
LONGEST_NAME = 120


@dataclass
class Raw:
    """A table as it was read. Text columns are strings as they stand; `originals` are the names in the file."""

    table: pa.Table
    originals: list[str]
    read: dict[str, str | None]
    warnings: list[dict[str, object]] = field(default_factory=list)


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
    best, best_score = ',', 0.0
    for delimiter in DELIMITERS:
        try:
            rows = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        width, times = Counter(rows[: -1 if len(rows) > 2 else None]).most_common(1)[0]
        header = rows[0]
        if width < 2 or header < 2:
            continue
        score = times / max(len(rows) - 1, 1) * (2.0 if header == width else 1.0) + min(width, 50) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def header_of(text: str, delimiter: str) -> list[str]:
    for row in csv.reader(io.StringIO(text[:2_000_000], newline=''), delimiter=delimiter):
        if any(cell.strip() for cell in row):
            return row
    raise Problem('expected a header line, found only empty lines')


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
    names = header_of(text, delimiter)
    if len(names) > 1 and names[-1].strip() == '' and trailing(text, delimiter, len(names)):
        names = names[:-1]
    table = parse(path.name, text, delimiter, names)
    warnings: list[dict[str, object]] = []
    if guessed:
        warnings.append({'kind': 'encoding', 'column': None, 'number': None, 'message': f'the file names no encoding and is no UTF-8: read as {encoding}'})
    return Raw(table, names, {'format': 'csv', 'encoding': encoding, 'delimiter': delimiter, 'sheet': None}, warnings)


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
    """Structs become columns; pandas' own index column goes."""
    while any(pa.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    index = [name for name in table.column_names if name.startswith('__index_level_')]
    return table.drop_columns(index) if index else table


def read_json_lines(path: Path, _: str | None) -> Raw:
    text, encoding, _guessed = decode(path.read_bytes(), path.name)
    text = text.lstrip('\ufeff').strip()
    try:
        rows = json.loads(text) if text.startswith('[') else None
    except ValueError as error:
        raise Problem(f'{path.name}: expected a JSON list of objects: {error}') from None
    if rows is None:
        rows = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise Problem(f'{path.name}: line {number}: expected a JSON object: {error}', row=number) from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Problem(f'{path.name}: row {number}: expected a JSON object, got {type(row).__name__}', row=number)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.Table.from_arrays([column_of([row.get(name) for row in rows]) for name in names], names=[f'c{place}' for place in range(len(names))])
    return Raw(table, names, {'format': 'json lines', 'encoding': encoding, 'delimiter': None, 'sheet': None})


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
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def read_excel(path: Path, sheet: str | None) -> Raw:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise Problem(f'{path.name}: expected an Excel workbook (.xlsx), cannot read it: {first_line(error)}') from None
    if sheet is not None and sheet not in book.sheetnames:
        raise Problem(f'{path.name}: expected a sheet {sheet!r}, found {", ".join(book.sheetnames)}')
    page = book[sheet] if sheet is not None else book[book.sheetnames[0]]
    rows = [row for row in page.iter_rows(values_only=True) if any(cell is not None for cell in row)]
    if not rows:
        raise Problem(f'{path.name}: sheet {page.title}: expected a header and rows, found none')
    width = max(place + 1 for row in rows for place, cell in enumerate(row) if cell is not None)
    names = ['' if cell is None else str(cell) for cell in rows[0][:width]]
    columns = [column_of([cell if isinstance(cell, (int, float, bool, type(None))) else str(cell) for cell in column]) for column in zip(*[row[:width] for row in rows[1:]], strict=True)]
    columns = columns or [pa.array([], pa.string()) for _ in names]
    table = pa.Table.from_arrays(columns, names=[f'c{place}' for place in range(len(names))])
    warnings: list[dict[str, object]] = []
    if sheet is None and len(book.sheetnames) > 1:
        warnings.append({'kind': 'sheet', 'column': None, 'number': len(book.sheetnames), 'message': f'the workbook has sheets {", ".join(book.sheetnames)}: read {page.title}'})
    return Raw(table, names, {'format': 'excel', 'encoding': None, 'delimiter': None, 'sheet': page.title}, warnings)


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
