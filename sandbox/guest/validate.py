"""Validators: whether the outputs of a stage are what they should be, where there is no original to compare
with.

    validate.py --plan plan.json --out verdict.json

README.md describes the plan; the verdict has the grader's shape, with one case per output.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from comparing import Tolerance, show
from comparing_files import Unreadable, compare_file, read_bytes, read_npy, read_npz
from documents import check_json
from handed_over import write_record
from meshes import check_mesh
from on_folders import OnFolders, finding_of
from pictures import FORMATS, PictureError, can_read_pictures, read_picture
from scoring import score_of
from tables import check_csv, check_parquet
from tests_on_folders import Unsettled, finding_of_tests
from texts import check_count, check_text
from user_code import UserCodeError, leave_names_to_user
from verdict import Finding, PlanError, write_verdict
from videos import check_video
from voxels import VoxelError, read_voxels

_CHUNK = 1 << 20


def judge(plan: dict[str, Any]) -> list[Finding]:
    """One finding for each of the plan's outputs, one for the user's check, and one with the score. Raises `PlanError` for an unknown kind, or
    a function of the user's that is mistaken.
    """
    own: list[tuple[OnFolders, Callable[[OnFolders], Finding]]] = []
    if plan.get('check') is not None:
        check = _on_folders(plan['check'])
        own.append((check, finding_of_tests if check.is_tests else finding_of))
    if plan.get('score') is not None:
        own.append((_on_folders(plan['score']), lambda evaluator: score_of(evaluator, plan['score'])))
    findings = [validate(output) for output in plan['outputs']]
    for function, find in own:
        if any(finding.kind != 'right' for finding in findings):
            # It would be asked about outputs that are known to be wrong; it counts as one that did not pass.
            findings.append(Finding(function.title, 'invalid'))
            continue
        try:
            findings.append(find(function))
        except UserCodeError as error:
            raise PlanError(str(error)) from None
    return findings


def _on_folders(plan: dict[str, Any]) -> OnFolders:
    try:
        return OnFolders(plan)
    except (UserCodeError, OSError) as error:
        raise PlanError(str(error)) from None


def validate(output: dict[str, Any]) -> Finding:
    """The finding on one output: `{ path, file: file | null, kind, missing?, … }`, what else depends on the kind. `missing`
    is said where there is no file.
    """
    name, kind = output['path'], output['kind']
    if kind == 'exit':
        return _exit(name, output)
    if kind == 'equals':
        return _equals(name, output)
    check = _CHECKS.get(kind)
    if check is None:
        raise PlanError(f'{name}: expected a kind of {", ".join(_CHECKS)}, exit, got {kind!r}')
    path = Path(output['file']) if output.get('file') is not None else None
    if path is None or not path.is_file():
        return Finding.invalid(name, output.get('missing', 'the file is missing'))
    if path.stat().st_size == 0 and output.get('mayBeEmpty'):
        return Finding(name, checked=1)
    if path.stat().st_size == 0:
        return Finding.invalid(name, 'nothing was printed' if kind == 'stdout' else 'the file is empty')
    try:
        return Finding(name, checked=check(path, output))
    except (Unreadable, PictureError, VoxelError) as error:
        return Finding.invalid(name, str(error))


def _exit(name: str, output: dict[str, Any]) -> Finding:
    wanted, got = output['status'], output['got']
    return Finding(name, checked=1) if wanted == got else Finding.wrong(name, f'expected {wanted}, got {got}')


def _equals(name: str, output: dict[str, Any]) -> Finding:
    path = Path(output['file']) if output.get('file') is not None else None
    if path is not None and path.is_file() and path.stat().st_size == 0:
        return Finding.invalid(name, 'the file is empty')
    absolute = output.get('absolute')
    tolerance = Tolerance(float(output['relative']), None if absolute is None else float(absolute))
    pair = {'path': name, 'expected': output['reference'], 'actual': output.get('file'), 'elseBytes': True}
    return compare_file({**pair, **{key: output[key] for key in ('missing',) if key in output}}, tolerance)


def _file(path: Path, output: dict[str, Any]) -> int:
    check_count(path.stat().st_size, output, 'minBytes', 'maxBytes', 'bytes')
    return 1


def _readable(path: Path, output: dict[str, Any]) -> int:
    check = _BY_SUFFIX.get(Path(output['path']).suffix.lower())
    return check(path, {'path': output['path'], 'kind': 'readable'}) if check is not None else 1


def _text(path: Path, output: dict[str, Any]) -> int:
    return check_text(read_bytes(path), output)


def _stdout(path: Path, output: dict[str, Any]) -> int:
    return check_text(read_bytes(path), output, 'what was printed')


def _image(path: Path, output: dict[str, Any]) -> int:
    suffix = Path(output['path']).suffix.lower()
    if suffix not in FORMATS:
        raise Unreadable(f'expected a picture ({", ".join(FORMATS)}) by the ending of its name')
    if not can_read_pictures():
        raise PlanError('pictures cannot be checked: Pillow is not installed beside this Python')
    picture = read_picture(path, suffix)
    height, width = picture.shape[:2]
    wanted = (output.get('width', width), output.get('height', height))
    if wanted != (width, height):
        raise Unreadable(f'expected {wanted[0]} × {wanted[1]} pixels, got {width} × {height}')
    least = (output.get('minWidth', 1), output.get('minHeight', 1))
    if width < least[0] or height < least[1]:
        raise Unreadable(f'{width} × {height} pixels, expected at least {least[0]} × {least[1]}')
    check_count(width, output, 'minWidth', 'maxWidth', 'pixels of width')
    check_count(height, output, 'minHeight', 'maxHeight', 'pixels of height')
    first = picture[:1, :1]
    seen = picture[..., 3].any() if picture.ndim == 3 else True
    if not seen or (picture == first).all():
        raise Unreadable('the picture is blank: every pixel is the same')
    _check_alpha(picture, output.get('alpha'))
    return width * height


def _check_alpha(picture: np.ndarray, alpha: bool | None) -> None:
    if alpha is None:
        return
    clear = int((picture[..., 3] < 255).sum()) if picture.ndim == 3 else 0
    if alpha and clear == 0:
        raise Unreadable('expected pixels that can be seen through, found none')
    if not alpha and clear:
        raise Unreadable(f'expected no pixel that can be seen through, found {clear:,}')


def _npy(path: Path, output: dict[str, Any]) -> int:
    return _check_array(read_npy(path), output)


def _npz(path: Path, output: dict[str, Any]) -> int:
    arrays = read_npz(path)
    if not arrays:
        raise Unreadable('there is no array in it')
    checks = output.get('arrays', {})
    missing = [name for name in checks if name not in arrays]
    if missing:
        raise Unreadable(f'the array {show(missing[0])} is missing; there are {show(", ".join(arrays))}')
    checked = 0
    for name, array in arrays.items():
        try:
            checked += _check_array(array, checks.get(name, {}))
        except Unreadable as error:
            raise Unreadable(f'array {show(name)}: {error}') from None
    return checked


def _check_array(array: np.ndarray, output: dict[str, Any]) -> int:
    dtype, shape = output.get('dtype'), output.get('shape')
    if dtype is not None and array.dtype != _dtype(dtype):
        raise Unreadable(f'expected an array of {dtype}, got {array.dtype}')
    if shape is not None and not _fits(array.shape, shape):
        wanted = ', '.join('any' if length is None else str(length) for length in shape)
        raise Unreadable(f'expected the shape [{wanted}], got {list(array.shape)}')
    if array.size == 0:
        raise Unreadable(f'the array of shape {list(array.shape)} is empty')
    if array.dtype.kind in 'biufc':
        _check_numbers(array, output.get('minimum'), output.get('maximum'))
    return array.size


def _dtype(name: str) -> np.dtype:
    try:
        return np.dtype(name)
    except TypeError:
        raise PlanError(f'dtype: expected a type of NumPy, such as float32, got {name!r}') from None


def _voxels(path: Path, output: dict[str, Any]) -> int:
    grid = read_voxels(path, output).grid
    _check_numbers(grid, output.get('minimum'), output.get('maximum'))
    if not grid.any():
        raise Unreadable('every voxel is zero')
    return grid.size


def _check_numbers(array: np.ndarray, minimum: float | None, maximum: float | None) -> None:
    flat = array.reshape(-1, order='A')
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK]
        if not np.isfinite(piece).all():
            at = np.unravel_index(start + int(np.argmin(np.isfinite(piece))), array.shape, 'F' if np.isfortran(array) else 'C')
            raise Unreadable(f'it holds NaN or an infinity, the first at {[int(each) for each in at]}')
        if minimum is not None and (piece < minimum).any():
            raise Unreadable(f'it holds {piece.min():.6g}, at least {minimum} is expected')
        if maximum is not None and (piece > maximum).any():
            raise Unreadable(f'it holds {piece.max():.6g}, at most {maximum} is expected')


def _fits(shape: tuple[int, ...], wanted: list[int | None]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or length == want for length, want in zip(shape, wanted)
    )


_CHECKS: dict[str, Callable[[Path, dict[str, Any]], int]] = {
    'file': _file,
    'text': _text,
    'image': _image,
    'video': check_video,
    'npy': _npy,
    'npz': _npz,
    'voxels': _voxels,
    'mesh': check_mesh,
    'json': check_json,
    'csv': check_csv,
    'table': check_parquet,
    'stdout': _stdout,
    'readable': _readable,
}

# What a file must be by its name. Raw numbers, text and what is not known can be anything.
_BY_SUFFIX: dict[str, Callable[[Path, dict[str, Any]], int]] = {
    **dict.fromkeys(FORMATS, _image),
    **dict.fromkeys(('.mp4', '.webm'), check_video),
    **dict.fromkeys(('.stl', '.obj', '.ply', '.off', '.glb'), check_mesh),
    '.npy': _npy,
    '.npz': _npz,
    '.json': check_json,
    '.csv': check_csv,
    '.tsv': check_csv,
    '.parquet': check_parquet,
}


def main() -> None:
    options = argparse.ArgumentParser(description='Checks the outputs of a stage.', allow_abbrev=False)
    options.add_argument('--plan', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    leave_names_to_user()
    # A check is run in another folder.
    out = chosen.out.resolve()
    try:
        write_verdict(judge, chosen.plan.resolve(), out)
    except Unsettled as unsettled:
        with (out.parent / 'calls').open('wb') as calls:
            for call in unsettled.calls:
                write_record(calls, call)


if __name__ == '__main__':
    main()
