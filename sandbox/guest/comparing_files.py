"""Compares the files and the text that a script wrote with those of the original, each by its kind.

The actual side is hostile bytes: whatever cannot be read is a finding, never an exception.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from comparing import Comparison, Scales, Tolerance, constant_place, describe, show
from pictures import FORMATS, PictureError, can_read_pictures, read_pictures
from verdict import Finding, PlanError
from voxels import VoxelError, read_voxels

# Colour levels that a pixel may be off, of 255: what rounding and JPEG encoders differ by.
DEFAULT_PIXEL_LEVELS = 1
MAX_TEXT_BYTES = 64 << 20
MAX_ARRAY_BYTES = 1 << 30
# Parsed kinds grow in memory by far more than in bytes, so what is this many times the expected is not
# parsed.
MAX_TEXT_RATIO = 16
_TEXT_ROOM = 1 << 20

_NUMBER = re.compile(r'[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?', re.ASCII)
_INTEGER = re.compile(r'[-+]?\d+', re.ASCII)
_SPECIAL = {'nan': math.nan, 'inf': math.inf, 'infinity': math.inf}


class Unreadable(ValueError):
    """A file is not of the kind its name says."""


def compare_file(pair: dict[str, Any], tolerance: Tolerance, exact: bool = False) -> Finding:
    """The finding on one file: `{ path, name?, expected: file | null, actual: file | null, check?, missing?, format?,
    pixelLevels?, elseBytes? }`.

    The script wrote to `path`, whose ending picks the comparison; one with a check of the kind `voxels` is compared as voxels. With `elseBytes`
    what has no numbers of its own, and no pixels, is compared byte by byte.
    A finding goes by `name`, or else by the path. Raises `PlanError` where the expected file itself cannot be read.
    """
    name = pair.get('name', pair['path'])
    if pair.get('actual') is None:
        return Finding.invalid(name, pair.get('missing', 'the file is missing'))
    if pair.get('expected') is None:
        return Finding.wrong(name, 'the original writes no such file')
    expected, actual = Path(pair['expected']), Path(pair['actual'])
    if not actual.is_file():
        return Finding.invalid(name, pair.get('missing', 'the file is missing'))
    if actual.stat().st_size == 0 and expected.stat().st_size > 0:
        return Finding.invalid(name, 'the file is empty')

    comparison = Comparison(tolerance)
    compare = _comparer(pair['path'], pair, exact)
    try:
        compare(expected, actual, comparison)
    except Unreadable as error:
        comparison.reject(str(error))
    return Finding.of(name, comparison)


def compare_stdout(pair: dict[str, Any], tolerance: Tolerance) -> Finding:
    """The finding on standard output: `{ name?, expected: file, actual: file, ignore?: [pattern] }`.

    Lines in which one of `ignore` is found count on neither side.
    """
    try:
        ignored = [re.compile(pattern) for pattern in pair.get('ignore', [])]
    except re.error as error:
        raise PlanError(
            f'stdout.ignore: expected regular expressions, got {error.pattern!r}: {error}'
        ) from None
    name = pair.get('name', 'standard output')
    comparison = Comparison(tolerance)
    if pair.get('actual') is None:
        return Finding.invalid(name, 'it is missing')
    expected = _trusted(lambda: read_bytes(Path(pair['expected'])))
    try:
        actual = read_bytes(Path(pair['actual']), len(expected))
    except Unreadable as error:
        return Finding.invalid(name, str(error))
    _lines(expected.decode('utf-8', 'replace'), actual.decode('utf-8', 'replace'), comparison, ignored)
    return Finding.of(name, comparison)


def _comparer(name: str, pair: dict[str, Any], exact: bool) -> Callable[[Path, Path, Comparison], None]:
    suffix = Path(name).suffix.lower()
    check = pair.get('check') or {}
    if check.get('kind') == 'voxels':
        return lambda expected, actual, found: _compare_voxels(expected, actual, found, check)
    if suffix == '.npy':
        return lambda expected, actual, found: _compare_npy(expected, actual, found, exact)
    if suffix == '.json':
        return _compare_json
    if suffix == '.csv':
        return _compare_csv
    if suffix in FORMATS and can_read_pictures():
        levels = pair.get('pixelLevels', DEFAULT_PIXEL_LEVELS)
        return lambda expected, actual, found: _compare_pictures(expected, actual, found, suffix, levels)
    if suffix == '.bin' and pair.get('format') is not None:
        if pair['format'] not in ('float32', 'float64'):
            raise PlanError(f'{name}: expected format float32 or float64, got {pair["format"]!r}')
        return lambda expected, actual, found: _compare_raw(expected, actual, found, np.dtype(pair['format']))
    if pair.get('elseBytes'):
        return _ALSO_BY_NUMBERS.get(suffix, lambda expected, actual, found: _compare_bytes(expected, actual, found, mentions_voxels=False))
    if suffix == '.bin' or suffix in FORMATS:
        return _compare_bytes
    return _compare_text


def _trusted(read: Callable[[], Any]) -> Any:
    """The expected side; if even that cannot be read, nobody can be judged by it."""
    try:
        return read()
    except Unreadable as error:
        raise PlanError(f'the expected file: {error}') from None


def _compare_npy(expected: Path, actual: Path, found: Comparison, exact: bool) -> None:
    arrays, others = _trusted(lambda: read_npys(expected)), read_npys(actual)
    if len(arrays) != len(others):
        found.reject(f'expected {len(arrays):,} arrays in the file, got {len(others):,}')
    for number, (one, other) in enumerate(zip(arrays, others), start=1):
        name = 'array' if len(arrays) == 1 else f'array {number}'
        which = '' if len(arrays) == 1 else f'{name}: '
        if one.dtype.kind in 'biufcUS':
            found.values(one, other, name)
            if exact and one.dtype != other.dtype:
                found.differ(f'{which}expected {describe(one)}, got {describe(other)}')
        elif one.dtype != other.dtype or one.shape != other.shape:
            found.differ(f'{which}expected {describe(one)}, got {describe(other)}')
        else:
            found.checked += one.size
            if one.tobytes() != other.tobytes():
                found.differ(f'the bytes of the {name} differ')


def _compare_voxels(expected: Path, actual: Path, found: Comparison, check: dict[str, Any]) -> None:
    try:
        one = read_voxels(expected, check)
    except VoxelError as error:
        raise PlanError(f'the expected file: {error}') from None
    try:
        other = read_voxels(actual, check)
    except VoxelError as error:
        found.reject(str(error))
        return
    if one.header != other.header:
        at = next(
            (at for at, (byte, got) in enumerate(zip(one.header, other.header)) if byte != got),
            min(len(one.header), len(other.header)),
        )
        found.differ(f'its header differs from byte {at} on')
    found.values(one.grid, other.grid, '')


def _compare_json(expected: Path, actual: Path, found: Comparison) -> None:
    found.one_number_type = True
    found.values(
        _trusted(lambda: read_json(expected)), read_json(actual, expected.stat().st_size), 'document'
    )


def _compare_npz(expected: Path, actual: Path, found: Comparison) -> None:
    found.values(_trusted(lambda: read_npz(expected)), read_npz(actual), 'arrays')


def _compare_json_lines(expected: Path, actual: Path, found: Comparison) -> None:
    def documents(path: Path, like: int | None = None) -> list[Any]:
        text = read_bytes(path, like).decode('utf-8', 'replace')
        return [json_of(line) for line in text.split('\n') if line.strip()]

    found.one_number_type = True
    found.values(_trusted(lambda: documents(expected)), documents(actual, expected.stat().st_size), 'documents')


def _compare_csv(expected: Path, actual: Path, found: Comparison, separator: str = ',') -> None:
    rows = _trusted(lambda: read_csv(expected, separator=separator))
    other_rows = read_csv(actual, expected.stat().st_size, separator)
    if len(rows) != len(other_rows):
        found.differ(f'expected {len(rows):,} rows, got {len(other_rows):,}')
    _measure(found, *([(_column(number), cell) for row in side for number, cell in enumerate(row, start=1)] for side in (rows, other_rows)))
    for number, (row, other_row) in enumerate(zip(rows, other_rows), start=1):
        if len(row) != len(other_row):
            found.differ(f'row {number}: expected {len(row):,} cells, got {len(other_row):,}')
            continue
        for column, (cell, other) in enumerate(zip(row, other_row), start=1):
            _words(cell.strip(), other.strip(), f'row {number}, {_column(column)}', found, _column(column))
    _constant(found)


def _compare_text(expected: Path, actual: Path, found: Comparison) -> None:
    one = _trusted(lambda: read_bytes(expected))
    try:
        text = one.decode('utf-8')
    except UnicodeDecodeError:
        _compare_bytes(expected, actual, found)
        return
    _lines(text, read_bytes(actual, len(one)).decode('utf-8', 'replace'), found, [])


def _compare_pictures(expected: Path, actual: Path, found: Comparison, suffix: str, levels: float) -> None:
    try:
        pictures = read_pictures(expected, suffix)
    except PictureError as error:
        raise PlanError(f'the expected file: {error}') from None
    try:
        others = read_pictures(actual, suffix)
    except PictureError as error:
        raise Unreadable(str(error)) from None
    if len(pictures) != len(others):
        found.differ(f'expected {len(pictures):,} pictures in the file, got {len(others):,}')
        return
    found.tolerance = Tolerance(0.0, float(levels))
    found.one_number_type = True
    for number, (one, other) in enumerate(zip(pictures, others), start=1):
        which = '' if len(pictures) == 1 else f'picture {number}, '
        if one.shape != other.shape or one.dtype != other.dtype:
            found.differ(f'{which}expected {_size(one)} pixels, got {_size(other)}')
            return
        found.values(one, other, f'{which}pixel')


def _compare_raw(expected: Path, actual: Path, found: Comparison, dtype: np.dtype) -> None:
    size, other_size = expected.stat().st_size, actual.stat().st_size
    if size % dtype.itemsize:
        raise PlanError(f'the expected file: {size:,} bytes are no multiple of {dtype.itemsize}')
    if size != other_size:
        found.differ(f'expected {size:,} bytes, got {other_size:,}')
        return
    if size:
        found.values(np.memmap(expected, dtype, 'r'), np.memmap(actual, dtype, 'r'), 'value')


def _compare_bytes(expected: Path, actual: Path, found: Comparison, mentions_voxels: bool = True) -> None:
    size, other_size = expected.stat().st_size, actual.stat().st_size
    found.checked += 1
    # Numbers that differ in their last bit are a common way to differ here.
    numbers = mentions_voxels and size > 0 and size % 4 == 0 and size == other_size and expected.suffix not in FORMATS
    how = '; it was compared byte by byte, without the tolerance' + (
        ': an output of `kind: voxels` is compared as numbers' if numbers else ''
    )
    if size != other_size:
        found.differ(f'expected {size:,} bytes, got {other_size:,}')
    elif size:
        one, other = (np.memmap(path, np.uint8, 'r') for path in (expected, actual))
        differing = one != other
        if differing.any():
            at = int(np.argmax(differing))
            found.differ(f'byte {at:,}: expected {one[at]:#04x}, got {other[at]:#04x}{how}')


def _lines(expected: str, actual: str, found: Comparison, ignored: list[re.Pattern[str]]) -> None:
    def kept(text: str) -> list[str]:
        lines = [line.rstrip() for line in text.split('\n')]
        return [line for line in lines if line and not any(pattern.search(line) for pattern in ignored)]

    lines, other_lines = kept(expected), kept(actual)
    if lines and not other_lines:
        found.reject(f'expected {len(lines):,} lines, got none')
        return
    _measure(found, *([(_pattern(line), line) for line in side] for side in (lines, other_lines)))
    for number, (line, other) in enumerate(zip(lines, other_lines), start=1):
        _words(line, other, f'line {number}', found, _pattern(line))
    _constant(found)
    # Said last: a line that differs tells more than the count.
    if len(lines) != len(other_lines):
        found.differ(f'expected {len(lines):,} lines, got {len(other_lines):,}')


_ALSO_BY_NUMBERS: dict[str, Callable[[Path, Path, Comparison], None]] = {
    '.tsv': lambda expected, actual, found: _compare_csv(expected, actual, found, '\t'),
    '.npz': _compare_npz,
    **dict.fromkeys(('.jsonl', '.ndjson'), _compare_json_lines),
}


def _column(number: int) -> str:
    return f'column {number}'


def _pattern(line: str) -> str:
    """What lines that differ only in their numbers have in common: their numbers are columns."""
    return ' '.join(_NUMBER.sub('…', line).split())


def _measure(found: Comparison, expected: list[tuple[str, str]], actual: list[tuple[str, str]]) -> None:
    """Notes how large the numbers of each column are; texts come with what their columns are called."""
    if expected == actual:
        return
    found.scales, found.given = Scales(), Scales()
    for scales, texts in ((found.scales, expected), (found.given, actual)):
        columns: dict[str, list[float]] = {}
        for name, text in texts:
            for index, number in enumerate(_NUMBER.findall(text)):
                columns.setdefault(_place(name, index), []).append(float(number))
        for place, numbers in columns.items():
            scales.add_numbers(np.array(numbers), place)


def _place(name: str, index: int) -> str:
    return name if index == 0 else f'{name}, number {index + 1}'


def _constant(found: Comparison) -> None:
    if found.kind == 'right' and found.scales is not None and found.given is not None:
        problem = constant_place(found.scales, found.given)
        if problem is not None:
            found.differ(problem)


def _words(expected: str, actual: str, where: str, found: Comparison, name: str) -> None:
    """Compares text with its numbers: those within the tolerance (whole ones exactly), the words between
    them equal.
    """
    found.checked += 1
    if expected == actual:
        return
    numbers, others = _NUMBER.findall(expected), _NUMBER.findall(actual)
    words, other_words = (
        [' '.join(part.split()) for part in _NUMBER.split(text)] for text in (expected, actual)
    )
    single = expected.lower().lstrip('+-') in _SPECIAL or actual.lower().lstrip('+-') in _SPECIAL
    if single or words != other_words:
        found.differing += 1
        found.differ(f'{where}: expected {show(expected)}, got {show(actual)}', counted=True)
        return
    for index, (one, other) in enumerate(zip(numbers, others)):
        if _INTEGER.fullmatch(one) and _INTEGER.fullmatch(other):
            # Compared as text, for Python refuses to read very long integers.
            if _plain(one) != _plain(other):
                found.differing += 1
                found.differ(f'{where}: expected {one:.40}, got {other:.40}', counted=True)
        elif one != other:
            found.values(float(one), float(other), where, _place(name, index))


def _plain(integer: str) -> str:
    digits = integer.lstrip('+-').lstrip('0') or '0'
    return f'-{digits}' if integer.startswith('-') and digits != '0' else digits


def read_npy(path: Path) -> np.ndarray:
    """The array that a .npy file holds and nothing else, mapped, never unpickled. Raises `Unreadable`."""
    array, end = _npy_at(path, 0)
    more = path.stat().st_size - end
    if more:
        raise Unreadable(f'{more:,} bytes follow the array')
    return array


def read_npys(path: Path) -> list[np.ndarray]:
    """The arrays of a .npy file, of which `numpy.save` writes one after another into an open file. Raises `Unreadable`."""
    arrays, end, size = [], 0, path.stat().st_size
    while True:
        try:
            array, end = _npy_at(path, end)
        except Unreadable as error:
            if arrays:
                raise Unreadable(f'{size - end:,} bytes follow the array') from None
            raise error
        arrays.append(array)
        if end >= size:
            return arrays


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file by name, never unpickled. Raises `Unreadable`."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
            if size > MAX_ARRAY_BYTES:
                raise Unreadable(f'{size:,} bytes of arrays, at most {MAX_ARRAY_BYTES:,} are read')
            arrays = {}
            for member in packed.infolist():
                with packed.open(member) as file:
                    arrays[member.filename.removesuffix('.npy')] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays
    except Unreadable:
        raise
    except Exception as error:  # The readers raise whatever the bytes lead them to.
        raise Unreadable(f'not a readable .npz: {type(error).__name__}: {error!s:.120}') from None


def _npy_at(path: Path, start: int) -> tuple[np.ndarray, int]:
    """The array that begins at byte `start`, and where it ends."""
    try:
        with path.open('rb') as file:
            file.seek(start)
            version = np.lib.format.read_magic(file)
            shape, fortran, dtype = (
                np.lib.format.read_array_header_1_0(file)
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0(file)
            )
            if dtype.hasobject:
                raise Unreadable('not a readable .npy: it holds Python objects')
            begin, count = file.tell(), math.prod(shape)
            end = begin + count * dtype.itemsize
            if end > path.stat().st_size:
                raise Unreadable('not a readable .npy: it is cut short')
            order = 'F' if fortran else 'C'
            if end == begin:
                return np.empty(shape, dtype, order), end
            return np.memmap(path, dtype, 'r', begin, shape, order), end
    except Unreadable:
        raise
    except Exception as error:  # NumPy's header parser raises whatever the bytes lead it to.
        raise Unreadable(f'not a readable .npy: {type(error).__name__}: {error!s:.120}') from None


def read_json(path: Path, like: int | None = None, strict: bool = False) -> Any:
    """The value in a JSON file, of about `like` bytes. Raises `Unreadable`."""
    try:
        text = read_bytes(path, like).decode('utf-8')
    except UnicodeDecodeError as error:
        raise Unreadable(f'not readable JSON: {type(error).__name__}: {error!s:.120}') from None
    return json_of(text, strict)


def json_of(text: str, strict: bool = False) -> Any:
    """The value of a JSON text. An object with a name twice is a list of its pairs. With `strict`, that and numbers that are none of
    JSON's (NaN, infinities, those beyond a float) are refused. Raises `Unreadable`.
    """

    def pairs(found: list[tuple[str, Any]]) -> Any:
        names = [name for name, _ in found]
        if len(set(names)) == len(names):
            return dict(found)
        if strict:
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise Unreadable(f'not readable JSON: {show(twice)} stands twice in one object')
        return [list(pair) for pair in found]

    def number(text: str) -> float:
        if strict and not math.isfinite(float(text)):
            raise Unreadable(f'not readable JSON: {text:.40} is no number of JSON')
        return float(text)

    try:
        _refuse_padding(text)
        return json.loads(text, object_pairs_hook=pairs, parse_constant=number, parse_float=number)
    except Unreadable:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f'not readable JSON: {type(error).__name__}: {error!s:.120}') from None


def read_csv(path: Path, like: int | None = None, separator: str = ',') -> list[list[str]]:
    """The rows of a CSV file of about `like` bytes, blank lines left out. Raises `Unreadable`."""
    try:
        text = read_bytes(path, like).decode('utf-8-sig')
        _refuse_padding(text)
        return [row for row in csv.reader(io.StringIO(text, newline=''), delimiter=separator) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f'not a readable CSV: {type(error).__name__}: {error!s:.120}') from None


# Blanks that may follow the last word of a file.
_MOST_PADDING = 1024


def _refuse_padding(text: str) -> None:
    padding = len(text) - len(text.rstrip())
    if padding > _MOST_PADDING:
        raise Unreadable(f'{padding:,} blanks and line breaks follow its end')


def read_bytes(path: Path, like: int | None = None) -> bytes:
    """The bytes of a file; where another of `like` bytes is expected, not of one many times as large."""
    size = path.stat().st_size
    limit = MAX_TEXT_BYTES if like is None else min(MAX_TEXT_BYTES, MAX_TEXT_RATIO * like + _TEXT_ROOM)
    if size > limit:
        raise Unreadable(f'{size:,} bytes, at most {limit:,} are read')
    return path.read_bytes()


def _size(picture: np.ndarray) -> str:
    return f'{picture.shape[1]} × {picture.shape[0]}'
