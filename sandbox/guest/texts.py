"""Checks of text: of a file, or of what a program printed."""

from __future__ import annotations

import re
from typing import Any

from comparing import show
from comparing_files import Unreadable
from verdict import PlanError

_MOST_SHOWN = 80


def check_text(data: bytes, check: dict[str, Any], what: str = 'the file') -> int:
    """How many lines the text has, where it is as `check` says: `{ contains?, lacks?, matches?, minLines?, maxLines? }`. Raises `Unreadable`."""
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise Unreadable(f'{what} is no text in UTF-8: byte {data[error.start]:#04x} at {error.start:,}') from None
    lines = text.splitlines()
    for wanted in _listed(check.get('contains')):
        if wanted not in text:
            raise Unreadable(f'expected {show(wanted)} in {what}, found {_begin(text, lines)}')
    for unwanted in _listed(check.get('lacks')):
        at = text.find(unwanted)
        if at >= 0:
            raise Unreadable(f'line {text.count(chr(10), 0, at) + 1}: {show(unwanted)} stands there and must not')
    for pattern in _listed(check.get('matches')):
        if compiled(pattern).search(text) is None:
            raise Unreadable(f'expected {what} to match {show(pattern)}, found {_begin(text, lines)}')
    check_count(len(lines), check, 'minLines', 'maxLines', 'lines')
    return len(lines)


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, whose ^ and $ stand at the ends of lines. Raises `PlanError`."""
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise PlanError(f'matches: expected a regular expression, got {pattern!r}: {error}') from None


def check_count(count: float, check: dict[str, Any], least: str, most: str, what: str) -> None:
    """Raises `Unreadable` where `count` is outside of the bounds that `check` sets by these names."""
    minimum, maximum = check.get(least), check.get(most)
    if (minimum is None or count >= minimum) and (maximum is None or count <= maximum):
        return
    bounds = [f'at least {minimum:,}'] if minimum is not None else []
    bounds += [f'at most {maximum:,}'] if maximum is not None else []
    raise Unreadable(f'expected {" and ".join(bounds)} {what}, got {count:,}')


def _listed(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _begin(text: str, lines: list[str]) -> str:
    return f'{len(lines):,} {"line" if len(lines) == 1 else "lines"}, the first {show((lines or [text])[0][:_MOST_SHOWN])}'
