"""Finds out what a column holds, by its distinct values: numbers however written, dates, flags, scales, categories, text, identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from dates import read_dates

MISSING = {'', 'na', 'n/a', 'nan', 'null', '#n/a', '#na', '<na>', '#null!', '#value!', '#div/0!', 'nat'}
MISSING_IN_NUMBERS = {*MISSING, '?', '-', '--', '.', 'none', 'missing', 'unknown', 'n.a.', 'nil', 'not available'}
FLAGS = [('yes', 'no'), ('y', 'n'), ('true', 'false'), ('t', 'f'), ('on', 'off'), ('ja', 'nein'), ('oui', 'non'), ('si', 'no'), ('sí', 'no')]
SCALES = [
    ['very poor', 'poor', 'fair', 'below average', 'average', 'typical', 'above average', 'good', 'very good', 'excellent', 'very excellent'],
    ['very low', 'low', 'medium', 'high', 'very high'],
    ['low', 'moderate', 'high'],
    ['never', 'rarely', 'sometimes', 'often', 'always'],
    ['none', 'mild', 'moderate', 'severe'],
    ['strongly disagree', 'disagree', 'neutral', 'agree', 'strongly agree'],
    ['very dissatisfied', 'dissatisfied', 'neutral', 'satisfied', 'very satisfied'],
    ['xs', 's', 'm', 'l', 'xl', 'xxl'],
    ['small', 'medium', 'large'],
    ['bad', 'better', 'good', 'best'],
    ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
    ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
    ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'],
    ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
]
MOST_ASKED = 200
"""Of so many columns 200 cells each tell what the decimal sign of a file is; of more, fewer."""
NUMERIC_SHARE = 0.9
"""From this share of numbers on, a column is numbers, and what is none is missing, counted and said."""
CURRENCY = '$€£¥'
POINT = re.compile(r"[+-]?([1-9]\d{0,2}([, \u00a0\u202f']\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?([1-9]\d{0,2}([. \u00a0\u202f']\d{3})+|\d+)?(,\d*)?([eE][+-]?\d+)?")
GROUPED = re.compile(r'[+-]?[1-9]\d{0,2}(\.\d{3})+')
"""Points between thousands; that of 0.414 is none."""
UNIT = re.compile(r"(?P<number>[+-]?[\d.,' \u00a0\u202f]*\d)\s*(?P<unit>(?:[^\W\d_]|°)[^\W\d_²³/]{0,5}(?:[²³]|/[^\W\d_]{1,4})?)")
CODE = re.compile(r"(?P<unit>[A-Z]{3}|Rs\.?)\s*(?P<number>[+-]?\d[\d.,' \u00a0\u202f]*)")
SCALED = {'k': 1e3, 'm': 1e6, 'mn': 1e6, 'mio': 1e6, 'b': 1e9, 'bn': 1e9}
DAY_NAME = re.compile(r'date|day|datum|fecha', re.IGNORECASE)
CLOCK = re.compile(r'(?P<h>\d{1,3}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?')
ID_NAME = re.compile(r'(^|[\W_])(id|ids|uuid|guid|index|idx|key|rownames?|row_?id|serial|number_?id|no)$|Id$|ID$|^unnamed: 0$', re.IGNORECASE)


@dataclass
class Column:
    name: str
    kind: str
    why: str
    values: pa.Array
    missing: int
    distinct: int
    warnings: list[dict[str, Any]] = field(default_factory=list)
    categories: list[str] | None = None
    written: dict[str, Any] = field(default_factory=dict)
    """How its text was read, for rows to come: `comma` decimals, `percent`, `unit`, `clock`, `dayFirst`."""

    def warn(self, kind: str, message: str, number: float | None = None) -> None:
        self.warnings.append({'kind': kind, 'column': self.name, 'number': number, 'message': f'{self.name}: {message}'})


@dataclass
class Coded:
    """A column as codes into its distinct values; -1 is missing."""

    codes: np.ndarray
    texts: list[str]
    counts: np.ndarray

    def rows_of(self, wanted: np.ndarray) -> np.ndarray:
        """The rows, from 0, whose value is among the flagged ones."""
        return np.flatnonzero((self.codes >= 0) & np.append(wanted, False)[self.codes])


def coded(values: pa.ChunkedArray | pa.Array) -> Coded:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):  # 1.0 is the category 1
        values = pa.array([None if value is None or value != value else f'{value:.15g}' for value in values.to_pylist()], pa.string())
    values = values.cast(pa.string()) if not pa.types.is_string(values.type) else values
    encoded = pc.utf8_trim_whitespace(values).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    missing = np.array([is_missing(text) for text in texts], bool)
    if missing.any():
        order = np.where(missing, -1, np.cumsum(~missing) - 1)
        codes = np.append(order, -1)[codes]
        texts = [text for text, absent in zip(texts, missing, strict=True) if not absent]
    return Coded(codes, texts, np.bincount(codes[codes >= 0], minlength=len(texts)))


def is_missing(text: str) -> bool:
    return not text[-1:].isdecimal() and text.lower() in MISSING


def column_of(name: str, values: pa.ChunkedArray, asked: str | None, decimal_comma: bool, written: dict[str, Any] | None = None) -> Column:
    """Returns the column with the kind asked for, or the one that its values speak for."""
    kind = values.type
    ordered = pa.types.is_dictionary(kind) and kind.ordered
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        found = typed(name, 'date', 'dates in the file', pc.cast(values.combine_chunks(), pa.timestamp('us'), safe=False))
    elif pa.types.is_time(kind) or pa.types.is_duration(kind):
        found = times_in_file(name, values.combine_chunks())
    elif pa.types.is_boolean(kind):
        found = typed(name, 'flag', 'booleans in the file', pc.cast(values.combine_chunks(), pa.float64()))
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = numbers_in_file(name, values)
    else:
        found = of_text(name, values, asked, decimal_comma, ordered, written or {})
    return as_asked(found, asked, values)


def typed(name: str, kind: str, why: str, values: pa.Array) -> Column:
    return Column(name, kind, why, values, values.null_count, len(values.unique().drop_null()))


def numbers_in_file(name: str, values: pa.ChunkedArray) -> Column:
    whole = pa.types.is_integer(values.type)
    array = values.combine_chunks()
    floats = np.asarray(pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False), float)
    column = of_numbers(name, floats, 'in the file')
    if whole and np.nanmax(np.abs(floats), initial=0) > 2**53:
        column = beyond_double(name, column, len(array.unique().drop_null()))
    return column


def times_in_file(name: str, values: pa.Array) -> Column:
    """A time of day, or a span of time, in hours."""
    micros = pc.cast(pc.cast(values, pa.time64('us') if pa.types.is_time(values.type) else pa.duration('us'), safe=False), pa.int64())
    column = of_numbers(name, np.asarray(pc.cast(micros, pa.float64()).to_numpy(zero_copy_only=False), float) / 3.6e9, 'in the file')
    column.why += ', times in hours'
    return column


def of_numbers(name: str, floats: np.ndarray, where: str) -> Column:
    infinite = np.isinf(floats)
    floats = np.where(infinite, np.nan, floats)
    present = floats[~np.isnan(floats)]
    distinct = len(np.unique(present))
    whole = bool(len(present)) and bool((present == np.floor(present)).all())
    why = f'{len(present):,} {"whole " if whole else ""}numbers {where}, {distinct:,} distinct'
    column = Column(name, 'number', why, pa.array(floats, pa.float64(), from_pandas=True), len(floats) - len(present), distinct)
    if infinite.any():
        rows = np.flatnonzero(infinite)
        column.warn('infinite', f'{len(rows):,} infinite values are read as missing, the first in row {rows[0] + 1}', len(rows))
    if distinct == 0 and len(floats) > 0:
        column.kind, column.why = 'constant', 'no value in any row'
    elif distinct == 1 and column.missing == 0:
        column.kind, column.why = 'constant', f'{present[0]:g} in every row'
    elif whole and is_sequence(name, present, column.missing):
        column.kind, column.why = 'identifier', f'{distinct:,} whole numbers, another in every row'
    return column


def is_sequence(name: str, present: np.ndarray, missing: int) -> bool:
    """Whether whole numbers count the rows, or are named as what names them."""
    if missing or len(present) < 10 or len(np.unique(present)) < len(present):
        return False
    return bool(present.max() - present.min() == len(present) - 1) or ID_NAME.search(name) is not None


def beyond_double(name: str, column: Column, distinct: int) -> Column:
    if distinct >= 0.9 * (len(column.values) - column.missing) and distinct >= 10:
        column.kind, column.why = 'identifier', 'whole numbers beyond 2^53, another in almost every row'
    column.warn('precision', 'whole numbers beyond 2^53 are rounded to 53 bits')
    return column


# ---- text

def of_text(name: str, values: pa.ChunkedArray, asked: str | None, decimal_comma: bool, ordered: bool, written: dict[str, Any]) -> Column:
    plain = None if ordered or decimal_comma or written or asked not in (None, 'number') else plain_numbers(name, values)
    if plain is not None:
        return plain
    cells = coded(values)
    missing = int((cells.codes < 0).sum())
    if not cells.texts:
        return Column(name, 'constant', 'no value in any row', pa.nulls(len(cells.codes), pa.string()), missing, 0)
    if asked in (None, 'number', 'flag', 'constant', 'identifier') and not ordered:
        found = flag(name, cells, missing, asked) or numbers_of(name, cells, decimal_comma, asked, written)
        if found is not None:
            return found
    if asked in (None, 'date') and not ordered:
        dates = read_dates(cells.texts, cells.counts, written.get('dayFirst'), asked == 'date')
        if dates is not None:
            array = np.append(dates.values, np.datetime64('NaT', 'us'))[cells.codes]
            column = Column(name, 'date', dates.why, pa.array(array, pa.timestamp('us'), from_pandas=True), int(np.isnat(array).sum()), len(cells.texts))
            column.written = {'dayFirst': dates.day_first}
            if dates.note:
                column.warn('dates', dates.note)
            if dates.unread.any():
                rows = cells.rows_of(dates.unread)
                column.warn('mixed_types', f'{len(rows):,} values are no dates and read as missing, the first in row {rows[0] + 1}: {cells.texts[int(np.flatnonzero(dates.unread)[0])]!r}', len(rows))
            return column
    return of_words(name, cells, missing, values if ordered else None)


def plain_numbers(name: str, values: pa.ChunkedArray) -> Column | None:
    """The column where every cell is a bare number or empty, as most are: read at once, as cell by cell would. None where any cell needs a look."""
    if not pa.types.is_string(values.type) or DAY_NAME.search(name):
        return None
    texts = pc.utf8_trim_whitespace(values.combine_chunks())
    texts = pc.if_else(pc.equal(texts, ''), pa.scalar(None, pa.string()), texts)
    try:
        floats = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    known = floats[~np.isnan(floats)]
    if len(known) == 0 or len(known) + texts.null_count < len(floats) or np.abs(known).max() >= 2**53:
        return None
    if pc.any(pc.match_substring_regex(texts, r'^0[0-9]')).as_py():
        return None
    column = of_numbers(name, floats, 'in text')
    column.written = {'comma': False, 'percent': False, 'unit': '', 'clock': False}
    return column


def flag(name: str, cells: Coded, missing: int, asked: str | None) -> Column | None:
    lowered = {text.lower() for text in cells.texts[:20]}
    for yes, no in FLAGS if len(cells.texts) < 20 else ():
        if lowered == {yes, no} or (asked == 'flag' and lowered <= {yes, no}):
            flags = np.array([1.0 if text.lower() == yes else 0.0 for text in cells.texts])
            array = pa.array(np.append(flags, np.nan)[cells.codes], pa.float64(), from_pandas=True)
            return Column(name, 'flag', f'{yes} or {no}', array, missing, 2)
    return None


def numbers_of(name: str, cells: Coded, decimal_comma: bool, asked: str | None, written: dict[str, Any]) -> Column | None:
    floats, how, found = read_numbers(cells.texts, decimal_comma, written)
    unread = np.isnan(floats)
    for place in np.flatnonzero(unread):
        text = cells.texts[place].lower()
        unread[place] = text not in MISSING_IN_NUMBERS and text.lstrip('+-') != 'nan'
    read_rows = int(cells.counts[~np.isnan(floats)].sum())
    unread_rows = int(cells.counts[unread].sum())
    if read_rows == 0 or (asked is None and read_rows < NUMERIC_SHARE * (read_rows + unread_rows)):
        return None
    if asked is None and all(re.fullmatch(r'0\d+', text) for text in cells.texts) and len({len(text) for text in cells.texts}) == 1:
        return None  # codes such as 00123 are names
    if looks_like_day(cells.texts, name) and asked is None:
        return None
    column = of_numbers(name, np.append(floats, np.nan)[cells.codes], how)
    column.written = found
    if found['comma'] and 'comma' not in written and not any(',' in text for text in cells.texts):
        example = next((text for text in cells.texts if GROUPED.fullmatch(text)), None)
        if example is not None:
            column.warn('separators', f'{example!r} is read as {float(example.replace(".", "")):g}: elsewhere in the file a comma is the decimal sign')
    if unread_rows:
        rows = cells.rows_of(unread)
        example = cells.texts[int(np.flatnonzero(unread)[0])]
        column.warn('mixed_types', f'{unread_rows:,} of {read_rows + unread_rows:,} values are no numbers and read as missing, the first in row {rows[0] + 1}: {example[:60]!r}', unread_rows)
    if np.nanmax(np.abs(floats), initial=0) > 2**53 and any(re.fullmatch(r'[+-]?\d{16,}', text) for text in cells.texts):
        column = beyond_double(name, column, len(cells.texts))
    return column


def looks_like_day(texts: list[str], name: str) -> bool:
    return bool(DAY_NAME.search(name)) and all(re.fullmatch(r'(19|20)\d{6}', text) for text in texts)


def read_numbers(texts: list[str], decimal_comma: bool, written: dict[str, Any]) -> tuple[np.ndarray, str, dict[str, Any]]:
    """Returns a float of every text, NaN where it is none, and how they were written."""
    series = pd.Series(texts, dtype=object)
    floats = np.array(pd.to_numeric(series, errors='coerce'), float)
    whole = '\n'.join(texts)
    if '_' in whole or 'x' in whole or 'X' in whole:  # 1_000 and 0x1F are no numbers of a table
        floats[series.str.contains('_', regex=False) | series.str.contains('0x', regex=False, case=False)] = np.nan
    rest = np.flatnonzero(np.isnan(floats))
    if written.get('clock', 'clock' not in written) and len(rest) == len(texts):
        hours = np.array([clock(text) for text in texts], float)
        if (~np.isnan(hours)).mean() >= NUMERIC_SHARE:
            return hours, 'of hours, written as times', {'comma': False, 'percent': False, 'unit': '', 'clock': True}
    bare = {int(place): stripped(texts[place]) for place in rest}
    unit, scales = without_unit(bare, len(texts), written.get('unit'))
    commas = [text for text, _ in bare.values() if ',' in text]
    comma = written['comma'] if 'comma' in written else uses_comma(commas, texts, decimal_comma)
    pattern = COMMA if comma else POINT
    if comma:  # then a point groups thousands, in what was read above too
        for place in np.flatnonzero(~np.isnan(floats)):
            if GROUPED.fullmatch(texts[place]):
                floats[place] = float(texts[place].replace('.', ''))
    signs = set()
    for place, (text, sign) in bare.items():
        value = one_number(text, pattern, bool(comma))
        if value is not None:
            signs.add(sign)
            floats[place] = (value / 100 if sign == '%' else value) * scales.get(place, 1)
    percent = '%' in signs or written.get('percent', False)
    if percent:  # a bare 12 beside 12 % means 12 %
        for place in np.flatnonzero(~np.isnan(floats)):
            if int(place) not in bare or bare[int(place)][1] != '%':
                floats[place] = floats[place] / 100
    money = signs & set(CURRENCY)
    how = ['with decimal commas' if comma else 'with thousands separators' if commas and signs else '', 'in per cent' if percent else '', 'of money' if money else '']
    how += ['in thousands, millions …, written out' if unit == 'scaled' else f'in {unit}' if unit and signs else '']
    return floats, ' '.join(part for part in how if part) or 'in text', {'comma': bool(comma), 'percent': percent, 'unit': unit, 'clock': False}


def clock(text: str) -> float:
    """The hours of `14:30`, `2:30 pm` or `36:10:05`; NaN of what is no time."""
    found = CLOCK.fullmatch(text)
    if found is None:
        return float('nan')
    hours, half = int(found['h']), (found['half'] or '').lower()
    if half:
        hours = hours % 12 + (12 if half.startswith('p') else 0)
    return hours + int(found['m']) / 60 + float(found['s'] or 0) / 3600


def without_unit(bare: dict[int, tuple[str, str]], count: int, known: str | None) -> tuple[str, dict[int, float]]:
    """Takes the unit that all share, as in `12 kg`, off the texts in place. Returns it, and by what to multiply where units are thousands and millions."""
    found = {place: match for place, (text, _) in bare.items() if (match := UNIT.fullmatch(text) or CODE.fullmatch(text))}
    units = {unit_of(match) for match in found.values()}
    numbers = count - sum(1 for place, (text, _) in bare.items() if place not in found and not POINT.fullmatch(text) and not COMMA.fullmatch(text))
    if known is not None:
        unit = known
    elif units and units <= set(SCALED) and (len(units) > 1 or units == {'k'} and numbers > len(found)):
        unit = 'scaled'
    elif len(units) == 1 and 2 * len(found) >= numbers:
        unit = next(iter(units))
    else:
        unit = ''
    scales = {}
    for place, match in found.items() if unit else ():
        own = unit_of(match)
        if unit == 'scaled' and own in SCALED:
            scales[place] = SCALED[own]
        elif own != unit:
            continue
        bare[place] = (match['number'].strip(), bare[place][1])
    return unit, scales


def unit_of(match: re.Match[str]) -> str:
    """The unit of `3 Years` and `1 year`: `year`."""
    unit = match['unit'].rstrip('.').casefold()
    return unit[:-1] if len(unit) > 3 and unit.endswith('s') else unit


def stripped(text: str) -> tuple[str, str]:
    """Returns a text without its percent or currency sign, and that sign; a minus behind it, or brackets around it, as one before."""
    sign = ''
    negative = text.startswith('(') and text.endswith(')')
    if negative:
        text = text[1:-1].strip()
    if text.endswith('%'):
        text, sign = text[:-1].rstrip(), '%'
    for mark in CURRENCY:
        if text.startswith(mark) or text.endswith(mark) or text.startswith(f'-{mark}'):
            text, sign = text.replace(mark, '', 1).strip(), mark
    if text.endswith('-') and text[:1].isdigit():
        text, negative = text[:-1].rstrip(), True
    return (f'-{text}' if negative and text[:1].isdigit() else text.replace('\u2212', '-')), sign


def file_comma(table: pa.Table, delimiter: str | None) -> bool:
    """Whether a comma is the decimal sign of a file: by cells that can be read one way alone, else by its delimiter."""
    commas = points = 0
    words = [values for values in table.columns if pa.types.is_string(values.type)]
    cells = max(200 * MOST_ASKED // max(len(words), MOST_ASKED), 5)
    for values in words:
        for text in values.slice(0, cells).unique().to_pylist():
            if text is None or (',' not in text and '.' not in text):
                continue
            bare = stripped(text.strip())[0]
            as_point, as_comma = POINT.fullmatch(bare), COMMA.fullmatch(bare)
            commas += ',' in bare and as_comma is not None and as_point is None
            points += '.' in bare and as_point is not None and as_comma is None
    return commas > points if commas != points else delimiter == ';'


def uses_comma(commas: list[str], texts: list[str], decimal_comma: bool) -> bool | None:
    """Whether the comma is the decimal sign: by values that can be read one way alone, else by the rest of the file."""
    as_point = [text for text in commas if POINT.fullmatch(text)]
    as_comma = [text for text in commas if COMMA.fullmatch(text)]
    if not as_point and not as_comma:
        return True if decimal_comma and any(map(GROUPED.fullmatch, texts)) and all(GROUPED.fullmatch(text) or re.fullmatch(r'[+-]?\d{1,3}', text) for text in texts) else None
    if len(as_point) != len(as_comma):
        return len(as_comma) > len(as_point)
    return decimal_comma


def one_number(text: str, pattern: re.Pattern[str], comma: bool) -> float | None:
    if not any(sign.isdigit() for sign in text) or not pattern.fullmatch(text):
        return None
    bare = re.sub(r"[. \u00a0\u202f']", '', text).replace(',', '.') if comma else re.sub(r"[, \u00a0\u202f']", '', text)
    return float(bare)


def of_words(name: str, cells: Coded, missing: int, dictionary: pa.ChunkedArray | None) -> Column:
    distinct, present = len(cells.texts), len(cells.codes) - missing
    words = float(np.average([len(text.split()) for text in cells.texts[:20_000]]))
    length = float(np.average([len(text) for text in cells.texts[:20_000]]))
    order = np.argsort(-cells.counts, kind='stable')
    if dictionary is not None:
        known = dictionary.combine_chunks().dictionary.to_pylist()
        categories = [text for text in known if text in set(cells.texts)]
        return category(name, cells, missing, 'ordered', f'{distinct} steps, ordered in the file', categories)
    if distinct == 1 and missing == 0:
        kind, why = 'constant', f'{cells.texts[0][:60]!r} in every row'
    elif words >= 3 and distinct > max(20, 0.2 * present) or (words >= 2 and length > 40 and distinct > 20):
        kind, why = 'text', f'{words:.0f} words a row, {distinct:,} distinct texts'
    elif distinct >= 0.95 * present and present >= 20:
        kind, why = 'identifier', f'another value in {distinct:,} of {present:,} rows'
    else:
        scale = scale_of(cells.texts)
        if scale is not None:
            return category(name, cells, missing, 'ordered', f'a scale of {distinct} steps: {", ".join(scale[:4])}{"…" if len(scale) > 4 else ""}', scale)
        kind, why = 'category', f'{distinct:,} distinct values'
    return category(name, cells, missing, kind, why, [cells.texts[place] for place in order])


def scale_of(texts: list[str]) -> list[str] | None:
    """Returns the texts in the order of a scale that has them all."""
    plain = {re.sub(r'[\W_]+', ' ', text).strip().lower(): text for text in texts}
    if len(plain) != len(texts) or len(texts) < 3:
        return None
    for scale in SCALES:
        if set(plain) <= set(scale):
            return [plain[step] for step in scale if step in plain]
    if len({unit_of(found) for text in texts if (found := UNIT.fullmatch(text))}) > 1:
        return None  # 300 g are less than 12 kg
    numbered = [(re.match(r'(\d+)\W', text), text) for text in texts]
    if all(found for found, _ in numbered) and len({int(found[1]) for found, _ in numbered if found}) == len(texts):
        return [text for _, text in sorted((int(found[1]), text) for found, text in numbered if found)]
    return None


def category(name: str, cells: Coded, missing: int, kind: str, why: str, categories: list[str]) -> Column:
    if kind == 'text' or kind == 'identifier':
        values: pa.Array = pa.array(np.append(np.array(cells.texts, dtype=object), None)[cells.codes], pa.string())
    else:
        place = {text: index for index, text in enumerate(categories)}
        codes = np.append(np.array([place[text] for text in cells.texts], np.int64), -1)[cells.codes]
        indices = pa.array(codes, pa.int32(), mask=codes < 0)
        values = pa.DictionaryArray.from_arrays(indices, pa.array(categories, pa.string()), ordered=kind == 'ordered')
    return Column(name, kind, why, values, missing, len(cells.texts), categories=categories if kind in ('category', 'ordered') else None)


def as_asked(column: Column, asked: str | None, values: pa.ChunkedArray) -> Column:
    """Turns a column into the kind that the user asked for."""
    if asked is None or asked == column.kind:
        return column
    if column.distinct == 0 and asked in EMPTY:
        return Column(column.name, asked, 'no value in any row', pa.nulls(len(column.values), EMPTY[asked]), column.missing, 0, column.warnings)
    if asked in ('category', 'ordered', 'text', 'identifier', 'constant'):
        cells = coded(values)
        categories = sorted(cells.texts, key=natural) if asked == 'ordered' else [cells.texts[place] for place in np.argsort(-cells.counts, kind='stable')]
        return category(column.name, cells, column.missing, asked, 'asked for', categories)
    if asked == 'number' and pa.types.is_floating(column.values.type):
        column.kind, column.why = 'number', 'asked for'
        return column
    if asked == 'flag' and column.distinct == 2 and pa.types.is_floating(column.values.type):
        column.kind, column.why = 'flag', 'asked for'
        return column
    from step import Problem

    raise Problem(f'column {column.name!r}: expected {asked}, found {column.why}', column=column.name)


EMPTY = {'number': pa.float64(), 'flag': pa.float64(), 'date': pa.timestamp('us')}


def natural(text: str) -> tuple[float, str]:
    found = re.match(r'-?\d+(\.\d+)?', text)
    return (float(found[0]) if found else float('inf'), text)
