"""Checks of JSON: one document, or one a line, by a schema of the draft 2020-12."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from comparing import show
from comparing_files import Unreadable, json_of, read_bytes, read_json
from texts import check_count
from verdict import PlanError


def check_json(path: Path, check: dict[str, Any]) -> int:
    """How many documents were looked at, where each is as `check` says: `{ schema?, lines?, minLines?, maxLines? }`. Raises `Unreadable`."""
    judge = judge_of(check['schema']) if check.get('schema') is not None else lambda document, where: None
    if not check.get('lines'):
        judge(read_json(path, strict=True), 'document')
        return 1
    try:
        lines = read_bytes(path).decode('utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise Unreadable(f'not readable JSON: {type(error).__name__}: {error!s:.120}') from None
    for number, line in enumerate(lines, start=1):
        try:
            judge(json_of(line, strict=True), f'line {number}')
        except Unreadable as error:
            raise Unreadable(str(error) if str(error).startswith('line ') else f'line {number}: {error}') from None
    check_count(len(lines), check, 'minLines', 'maxLines', 'lines')
    return len(lines)


def judge_of(schema: Any) -> Callable[[Any, str], None]:
    """What raises `Unreadable` for a document that does not fit the schema. Raises `PlanError` where that is none."""
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError:
        raise PlanError('schemas cannot be checked: jsonschema is not installed beside this Python') from None
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise PlanError(f'schema{error.json_path[1:]}: {error.message:.300}') from None
    # An empty registry: no schema is fetched from anywhere.
    validator = Draft202012Validator(schema, registry=Registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)

    def judge(document: Any, where: str) -> None:
        try:
            errors = sorted(validator.iter_errors(document), key=lambda error: [str(each) for each in error.absolute_path])
        except Unresolvable as error:
            raise PlanError(f'schema: {error!s:.300}') from None
        except RecursionError:
            raise Unreadable(f'{where} is nested too deep') from None
        if errors:
            others = f' ({len(errors) - 1:,} more)' if len(errors) > 1 else ''
            raise Unreadable(f'{where}{errors[0].json_path[1:]}: {_words(errors[0])}{others}')

    return judge


def _words(error: Any) -> str:
    if error.validator == 'type':
        kinds = error.validator_value
        return f'expected {kinds if isinstance(kinds, str) else " or ".join(kinds)}, got {show(error.instance)}'
    if error.validator == 'required':
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f'{show(missing)} is missing'
    bounds = {
        'minimum': 'at least', 'maximum': 'at most', 'exclusiveMinimum': 'more than', 'exclusiveMaximum': 'less than', 'const': 'exactly',
    }
    if error.validator in bounds:
        return f'expected {bounds[error.validator]} {show(error.validator_value)}, got {show(error.instance)}'
    return f'{error.message:.300}'
