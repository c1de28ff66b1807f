"""Validators: whether the outputs of a stage are what they should be, where there is no original to compare
with.

    validate.py --plan plan.json --out verdict.json

README.md describes the plan; the verdict has the grader's shape, with one case per output.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from comparing import show
from comparing_files import Unreadable, read_csv, read_json, read_npy
from on_folders import OnFolders, finding_of
from pictures import FORMATS, PictureError, can_read_pictures, read_picture
from user_code import UserCodeError, leave_names_to_user
from verdict import Finding, PlanError, write_verdict
from voxels import VoxelError, read_voxels

_CHUNK = 1 << 20
_JSON_TYPES: dict[str, Callable[[Any], bool]] = {
    'object': lambda value: isinstance(value, dict),
    'array': lambda value: isinstance(value, list),
    'string': lambda value: isinstance(value, str),
    'number': lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    ),
    'integer': lambda value: isinstance(value, int) and not isinstance(value, bool),
    'boolean': lambda value: isinstance(value, bool),
    'null': lambda value: value is None,
}


def judge(plan: dict[str, Any]) -> list[Finding]:
    """One finding for each of the plan's outputs, and one for the user's check. Raises `PlanError` for an unknown kind, or a check that is
    mistaken.
    """
    check = _check(plan['check']) if plan.get('check') is not None else None
    findings = [validate(output) for output in plan['outputs']]
    if check is None:
        return findings
    if any(finding.kind != 'right' for finding in findings):
        # It would be asked about outputs that are known to be wrong; it counts as one that did not pass.
        return [*findings, Finding(check.title, 'invalid')]
    try:
        return [*findings, finding_of(check)]
    except UserCodeError as error:
        raise PlanError(str(error)) from None


def _check(plan: dict[str, Any]) -> OnFolders:
    try:
        return OnFolders(plan)
    except (UserCodeError, OSError) as error:
        raise PlanError(str(error)) from None


def validate(output: dict[str, Any]) -> Finding:
    """The finding on one output: `{ path, file: file | null, kind, missing?, … }`, what else depends on the kind. `missing`
    is said where there is no file.
    """
    name, kind = output['path'], output['kind']
    check = _CHECKS.get(kind)
    if check is None:
        raise PlanError(f'{name}: expected a kind of {", ".join(_CHECKS)}, got {kind!r}')
    path = Path(output['file']) if output.get('file') is not None else None
    if path is None or not path.is_file():
        return Finding.invalid(name, output.get('missing', 'the file is missing'))
    if path.stat().st_size == 0:
        return Finding.invalid(name, 'the file is empty')
    try:
        return Finding(name, checked=check(path, output))
    except (Unreadable, PictureError, VoxelError) as error:
        return Finding.invalid(name, str(error))


def _file(_path: Path, _output: dict[str, Any]) -> int:
    return 1


def _image(path: Path, output: dict[str, Any]) -> int:
    suffix = Path(output['path']).suffix.lower()
    if suffix not in FORMATS:
        raise PlanError(f'{output["path"]}: expected a picture ({", ".join(FORMATS)})')
    if not can_read_pictures():
        raise PlanError('pictures cannot be checked: Pillow is not installed beside this Python')
    picture = read_picture(path, suffix)
    height, width = picture.shape[:2]
    least = (output.get('minWidth', 1), output.get('minHeight', 1))
    if width < least[0] or height < least[1]:
        raise Unreadable(f'{width} × {height} pixels, expected at least {least[0]} × {least[1]}')
    first = picture[:1, :1]
    seen = picture[..., 3].any() if picture.ndim == 3 else True
    if not seen or (picture == first).all():
        raise Unreadable('the picture is blank: every pixel is the same')
    return width * height


def _npy(path: Path, output: dict[str, Any]) -> int:
    array = read_npy(path)
    dtype, shape = output.get('dtype'), output.get('shape')
    if dtype is not None and array.dtype != np.dtype(dtype):
        raise Unreadable(f'expected an array of {dtype}, got {array.dtype}')
    if shape is not None and not _fits(array.shape, shape):
        wanted = ', '.join('any' if length is None else str(length) for length in shape)
        raise Unreadable(f'expected the shape [{wanted}], got {list(array.shape)}')
    if array.size == 0:
        raise Unreadable(f'the array of shape {list(array.shape)} is empty')
    if array.dtype.kind in 'biufc':
        _check_numbers(array, output.get('minimum'), output.get('maximum'))
    return array.size


def _voxels(path: Path, output: dict[str, Any]) -> int:
    grid = read_voxels(path, output).grid
    _check_numbers(grid, output.get('minimum'), output.get('maximum'))
    if not grid.any():
        raise Unreadable('every voxel is zero')
    return grid.size


def _json(path: Path, output: dict[str, Any]) -> int:
    document = read_json(path, strict=True)
    return _check_schema(document, output.get('schema', {}), 'document')


def _csv(path: Path, output: dict[str, Any]) -> int:
    rows = read_csv(path)
    if not rows:
        raise Unreadable('there is no row')
    header, body = rows[0], rows[1:]
    missing = [column for column in output.get('columns', []) if column not in header]
    if missing:
        raise Unreadable(f'the column {show(missing[0])} is missing; there are {show(", ".join(header))}')
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise Unreadable(f'row {number}: expected {len(header)} cells, got {len(row)}')
    minimum, maximum = output.get('minRows', 1), output.get('maxRows')
    if len(body) < minimum or (maximum is not None and len(body) > maximum):
        upper = '' if maximum is None else f' and at most {maximum:,}'
        raise Unreadable(f'expected at least {minimum:,}{upper} rows below the header, got {len(body):,}')
    return len(body) * len(header)


def _check_numbers(array: np.ndarray, minimum: float | None, maximum: float | None) -> None:
    flat = array.reshape(-1, order='A')
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK]
        if not np.isfinite(piece).all():
            raise Unreadable('it holds NaN or an infinity')
        if minimum is not None and (piece < minimum).any():
            raise Unreadable(f'it holds {piece.min():.6g}, at least {minimum} is expected')
        if maximum is not None and (piece > maximum).any():
            raise Unreadable(f'it holds {piece.max():.6g}, at most {maximum} is expected')


def _check_schema(value: Any, schema: dict[str, Any], where: str) -> int:
    """Checks `type`, `required`, `properties` and `items`; returns how many values were looked at."""
    wanted = schema.get('type')
    kinds = [wanted] if isinstance(wanted, str) else wanted or []
    for kind in kinds:
        if kind not in _JSON_TYPES:
            raise PlanError(f'{where}: expected a JSON type of {", ".join(_JSON_TYPES)}, got {kind!r}')
    if kinds and not any(_JSON_TYPES[kind](value) for kind in kinds):
        raise Unreadable(f'{where}: expected {" or ".join(kinds)}, got {show(value)}')
    checked = 1
    if isinstance(value, dict):
        for key in schema.get('required', []):
            if key not in value:
                raise Unreadable(f'{where}: {show(key)} is missing')
        for key, below in schema.get('properties', {}).items():
            if key in value:
                checked += _check_schema(value[key], below, f'{where}.{key}')
    if isinstance(value, list) and 'items' in schema:
        checked += sum(
            _check_schema(item, schema['items'], f'{where}[{index}]') for index, item in enumerate(value)
        )
    return checked


def _fits(shape: tuple[int, ...], wanted: list[int | None]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or length == want for length, want in zip(shape, wanted)
    )


_CHECKS: dict[str, Callable[[Path, dict[str, Any]], int]] = {
    'file': _file,
    'image': _image,
    'npy': _npy,
    'voxels': _voxels,
    'json': _json,
    'csv': _csv,
}


def main() -> None:
    options = argparse.ArgumentParser(description='Checks the outputs of a stage.', allow_abbrev=False)
    options.add_argument('--plan', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    leave_names_to_user()
    # A check is run in another folder.
    write_verdict(judge, chosen.plan.resolve(), chosen.out.resolve())


if __name__ == '__main__':
    main()
