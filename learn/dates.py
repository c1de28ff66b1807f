"""Reads dates as people write them: one order of day and month for a whole column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np

MONTHS = {name: place + 1 for place, name in enumerate(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'])}
MONTHS |= {'mär': 3, 'mai': 5, 'okt': 10, 'dez': 12, 'juni': 6, 'juli': 7}
TIME = r'(?:[T ,]+(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?'
FORMS = {
    'year-month-day': re.compile(r'(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})' + TIME),
    'yearmonthday': re.compile(r'(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})' + TIME),
    'year-month': re.compile(r'(?P<y>(?:19|20)\d{2})[-/](?P<m>0[1-9]|1[0-2])'),
    'numbers': re.compile(r'(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})' + TIME),
    'day month year': re.compile(r'(?:[A-Za-z]{3,9},?\s+)?(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[- ](?P<name>[A-Za-zä]{3,9})\.?[-, ]+(?P<y>\d{4}|\d{2})' + TIME),
    'month day, year': re.compile(r'(?:[A-Za-z]{3,9},?\s+)?(?P<name>[A-Za-zä]{3,9})\.?[ -](?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})' + TIME),
}
DATE_SHARE = 0.9


@dataclass
class Dates:
    values: np.ndarray
    unread: np.ndarray
    why: str
    note: str | None
    day_first: bool | None
    """None: no value has days and months as numbers before the year, so nothing is known of how these would be written."""


def read_dates(texts: list[str], counts: np.ndarray, known_order: bool | None = None, asked: bool = False) -> Dates | None:
    """Returns the dates of a column's distinct texts; None where too few are dates."""
    sample = texts[:: max(1, len(texts) // 200)][:200]
    if not asked and sum(match_of(text) is not None for text in sample) < 0.8 * len(sample):
        return None
    found = [match_of(text) for text in texts]
    numbers = [(match, text) for match, text in zip(found, texts, strict=True) if match and match[0] == 'numbers']
    day_first, sure = order_of([match for match, _ in numbers]) if known_order is None else (known_order, True)
    values = np.array([moment(match, day_first) for match in found], dtype='datetime64[us]')
    unread = np.isnat(values)
    if not asked and counts[~unread].sum() < DATE_SHARE * counts.sum():
        return None
    forms = sorted({match[0] if match[0] != 'numbers' else ('day, month, year' if day_first else 'month, day, year') for match in found if match})
    note = None
    if numbers and not sure:
        note = f'days and months cannot be told apart by any value: read as {"day, month" if day_first else "month, day"}, year, e.g. {numbers[0][1]!r}'
    elif len(forms) > 1:
        note = f'dates in {len(forms)} formats: {"; ".join(forms)}'
    return Dates(values, unread, f'dates as {forms[0] if len(forms) == 1 else "in " + str(len(forms)) + " formats"}', note, day_first if numbers else known_order)


Match = tuple[str, dict[str, str | None]]


def match_of(text: str) -> Match | None:
    for form, pattern in FORMS.items():
        found = pattern.fullmatch(text)
        if found:
            return form, found.groupdict()
    return None


def order_of(matches: list[Match | None]) -> tuple[bool, bool]:
    """Returns whether the day comes first, and whether some value says so. Points are written day first."""
    day = sum(int(parts['a'] or 0) > 12 for _, parts in filter(None, matches))
    month = sum(int(parts['b'] or 0) > 12 for _, parts in filter(None, matches))
    if day != month:
        return day > month, True
    points = any(parts['sep'] == '.' for _, parts in filter(None, matches))
    return points, not matches or points


def moment(match: Match | None, day_first: bool) -> np.datetime64:
    if match is None:
        return np.datetime64('NaT')
    form, parts = match
    try:
        year = int(parts['y'] or 0)
        year += (2000 if year < 70 else 1900) if year < 100 else 0
        if form == 'numbers':
            day, month = (parts['a'], parts['b']) if day_first else (parts['b'], parts['a'])
        elif 'name' in parts:
            day, month = parts['d'], str(MONTHS.get((parts['name'] or '')[:4].lower()) or MONTHS.get((parts['name'] or '')[:3].lower()) or 0)
        else:
            day, month = parts.get('d', '1'), parts['m']
        hour = int(parts.get('h') or 0)
        if parts.get('half'):
            hour = hour % 12 + (12 if (parts['half'] or '').lower() == 'pm' else 0)
        fraction = int(((parts.get('f') or '') + '000000')[:6])
        read = datetime(year, int(month or 0), int(day or 0), hour, int(parts.get('mi') or 0), int(parts.get('s') or 0), fraction)
    except ValueError:
        return np.datetime64('NaT')
    zone = (parts.get('zone') or '').replace(':', '')
    if zone and zone not in ('Z', 'UTC'):
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (1 if zone[0] == '+' else -1)
        read = read.replace(tzinfo=timezone(offset)).astimezone(timezone.utc).replace(tzinfo=None)
    return np.datetime64(read, 'us')
