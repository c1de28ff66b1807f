"""Checks of tables: CSV, and Parquet."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from comparing import show
from comparing_files import Unreadable, read_csv
from texts import check_count
from verdict import PlanError

_INTEGER = re.compile(r'[-+]?\d+', re.ASCII)
_NUMBER = re.compile(r'[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?', re.ASCII)
# Cells of all columns together that are read at once.
_MOST_CELLS = 50_000_000


def check_csv(path: Path, check: dict[str, Any]) -> int:
    """How many cells a CSV file has, where it is as `check` says (README.md). Raises `Unreadable`."""
    separator = check.get('separator') or ('\t' if str(check['path']).lower().endswith('.tsv') else ',')
    rows = read_csv(path, separator=separator)
    if not rows:
        raise Unreadable('there is no row')
    header, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise Unreadable(f'row {number}: expected {len(header)} cells, got {len(row)}')
    _check_columns(header, check)
    check_count(len(body), {'minRows': _least(check), **_exactly(check)}, 'minRows', 'maxRows', 'rows below the header')
    for name in _columns_to_read(check):
        at = header.index(name)
        _check_column(name, enumerate((row[at] for row in body), start=2), check, _from_text)
    return len(body) * len(header)


def check_parquet(path: Path, check: dict[str, Any]) -> int:
    """The same of a Parquet file, every column of which is read. Raises `Unreadable`."""
    try:
        from arro3.io import read_parquet
    except ImportError:
        raise PlanError('Parquet cannot be checked: arro3 is not installed beside this Python') from None
    try:
        reader = read_parquet(str(path))
        header = list(reader.schema.names)
        _check_columns(header, check)
        table = reader.read_all()
        rows = table.num_rows
        if rows * len(header) > _MOST_CELLS:
            raise Unreadable(f'{rows:,} × {len(header):,} cells, at most {_MOST_CELLS:,} are read')
    except Unreadable:
        raise
    except BaseException as error:  # The reader raises, or panics, as the bytes lead it to.
        raise Unreadable(f'not a readable Parquet: {type(error).__name__}: {error!s:.120}') from None
    check_count(rows, {'minRows': _least(check), **_exactly(check)}, 'minRows', 'maxRows', 'rows')
    for name in _columns_to_read(check):
        values = (value.as_py() for value in table.column(name))
        _check_column(name, enumerate(values, start=1), check, _from_value)
    return rows * len(header)


def _least(check: dict[str, Any]) -> int:
    return 0 if check.get('mayBeEmpty') else 1


def _exactly(check: dict[str, Any]) -> dict[str, Any]:
    rows = check.get('rows')
    return check if rows is None else {'minRows': rows, 'maxRows': rows}


def _check_columns(header: list[str], check: dict[str, Any]) -> None:
    twice = [name for index, name in enumerate(header) if name in header[:index]]
    asked = [*check.get('columns', []), *_columns_to_read(check)]
    missing = [name for name in asked if name not in header]
    if missing:
        raise Unreadable(f'the column {show(missing[0])} is missing; there are {show(", ".join(header))}')
    if set(twice) & set(asked):
        raise Unreadable(f'the column {show(twice[0])} stands there twice')
    if check.get('onlyColumns') and header != check.get('columns', header):
        raise Unreadable(f'expected the columns {show(", ".join(check["columns"]))} and no others, got {show(", ".join(header))}')


def _columns_to_read(check: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys([*check.get('types', {}), *check.get('ranges', {}), *check.get('unique', [])]))


def _check_column(
    name: str,
    cells: Iterable[tuple[int, Any]],
    check: dict[str, Any],
    value_of: Callable[[Any, str], Any],
) -> None:
    """Each cell of a column by its type and its range, and whether any stands twice. An empty cell is wrong but for columns in `empty`."""
    kind, bounds = check.get('types', {}).get(name), check.get('ranges', {}).get(name)
    wanted = kind or ('number' if bounds else None)
    unique, may_be_empty = name in check.get('unique', []), name in check.get('empty', [])
    seen: dict[Any, int] = {}
    for row, cell in cells:
        if cell is None or cell == '':
            if may_be_empty:
                continue
            raise Unreadable(f'row {row}, column {show(name)}: the cell is empty')
        value = cell if wanted is None else value_of(cell, wanted)
        if value is None:
            raise Unreadable(f'row {row}, column {show(name)}: expected {_WORDS[wanted]}, got {show(cell)}')
        if bounds:
            _check_range(value, bounds, f'row {row}, column {show(name)}')
        if unique:
            key = str(value)
            if key in seen:
                raise Unreadable(f'row {row}, column {show(name)}: {show(cell)} stands in row {seen[key]} as well')
            seen[key] = row


def _check_range(value: Any, bounds: dict[str, Any], place: str) -> None:
    for name, says, wrong in (
        ('minimum', 'at least', lambda bound: value < bound),
        ('maximum', 'at most', lambda bound: value > bound),
    ):
        bound = bounds.get(name)
        if bound is not None and wrong(bound):
            raise Unreadable(f'{place}: expected {says} {bound}, got {value}')


_WORDS = {
    'integer': 'a whole number',
    'number': 'a number',
    'boolean': 'true or false',
    'date': 'a date as in 2026-11-28',
    'datetime': 'a date with a time as in 2026-11-28T12:30:00',
    'text': 'text',
}


def _from_text(cell: str, kind: str) -> Any:
    """The value of a cell of CSV; None where it is not of the kind."""
    text = cell.strip()
    if kind == 'integer':
        return int(text) if len(text) < 4000 and _INTEGER.fullmatch(text) else None
    if kind == 'number':
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        return number if math.isfinite(number) else None
    if kind == 'boolean':
        return {'true': True, 'false': False, '1': True, '0': False}.get(text.lower())
    if kind in ('date', 'datetime'):
        try:
            return datetime.date.fromisoformat(text) if kind == 'date' else datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
    return cell


def _from_value(cell: Any, kind: str) -> Any:
    """The same of a value that has a type already."""
    if kind == 'integer':
        return cell if isinstance(cell, int) and not isinstance(cell, bool) else None
    if kind == 'number':
        is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
        return cell if is_number and math.isfinite(cell) else None
    if kind == 'boolean':
        return cell if isinstance(cell, bool) else None
    if kind == 'datetime':
        return cell if isinstance(cell, datetime.datetime) else None
    if kind == 'date':
        return cell if isinstance(cell, datetime.date) and not isinstance(cell, datetime.datetime) else None
    return cell if isinstance(cell, str) else None
