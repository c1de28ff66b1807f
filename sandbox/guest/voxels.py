"""Reads files of N³ voxels as programs write them: raw numbers, behind a header of some bytes or none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = ('float32', 'float64', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32')
# N as int32 and the size of a voxel as float32: the header of Pixeltovoxelprojector's files.
_KNOWN_HEADER = 8
# Of what says a shape.
_MOST_BESIDE = 1 << 16


class VoxelError(ValueError):
    """The file does not hold N³ voxels."""


@dataclass(frozen=True)
class Voxels:
    header: bytes
    grid: np.ndarray


def read_voxels(path: Path, check: dict[str, Any]) -> Voxels:
    """The voxels of a file, mapped, float32[N, N, N] by default: `{ n?, header?, dtype?, byteOrder? }` says what it should
    be. Where it says no N, a file NAME.json beside it may say another shape. Raises `VoxelError`.
    """
    dtype = _dtype(check)
    size = path.stat().st_size
    with path.open('rb') as file:
        start = file.read(_KNOWN_HEADER)
    header = check.get('header')
    if header is None:
        header = _KNOWN_HEADER if _has_known_header(start, size, dtype, check.get('n')) else 0
    shape = _shape_beside(path, size - header, dtype) if check.get('n') is None else None
    if shape is None:
        edge = _edge(path, size, header, dtype, check)
        if header >= 4:
            _check_header(start, edge, dtype)
        shape = (edge, edge, edge)
    with path.open('rb') as file:
        kept = file.read(header)
    return Voxels(kept, np.memmap(path, dtype, 'r', header, shape))


def _shape_beside(path: Path, body: int, dtype: np.dtype) -> tuple[int, int, int] | None:
    """The shape that a file beside the voxels says; None where there is none. Raises `VoxelError` where these are other voxels."""
    beside = path.with_name(f'{path.name}.json')
    if not beside.is_file() or beside.stat().st_size > _MOST_BESIDE:
        return None
    try:
        said = json.loads(beside.read_text())
    except (ValueError, RecursionError):
        return None
    shape = said.get('shape') if isinstance(said, dict) else None
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(edge) is int and 0 < edge < 2**31 for edge in shape):
        return None
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != body:
        raise VoxelError(f'expected {" × ".join(map(str, shape))} {dtype.name} values, as {beside.name} says, got {body:,} bytes')
    return tuple(shape)


def _dtype(check: dict[str, Any]) -> np.dtype:
    name = check.get('dtype') or 'float32'
    if name not in _TYPES:
        raise VoxelError(f'expected a dtype of {", ".join(_TYPES)}, got {name!r}')
    return np.dtype(name).newbyteorder('>' if check.get('byteOrder') == 'big' else '<')


def _number_at_start(start: bytes, dtype: np.dtype) -> int:
    return int.from_bytes(start[:4], 'big' if dtype.str.startswith('>') else 'little', signed=True)


def _cube_root(count: int) -> int:
    return round(count ** (1 / 3))


def _has_known_header(start: bytes, size: int, dtype: np.dtype, n: int | None) -> bool:
    edge = n or _cube_root(max(0, size - _KNOWN_HEADER) // dtype.itemsize)
    return (
        edge > 0
        and len(start) == _KNOWN_HEADER
        and size == _KNOWN_HEADER + edge**3 * dtype.itemsize
        and _number_at_start(start, dtype) == edge
    )


def _edge(path: Path, size: int, header: int, dtype: np.dtype, check: dict[str, Any]) -> int:
    """The length of an edge, where the file holds a cube of it and nothing else."""
    body, name = size - header, dtype.name
    behind = f' behind a header of {header:,} bytes' if header else ''
    if body <= 0:
        raise VoxelError(f'expected voxels{behind}, got {size:,} bytes')
    edge = check.get('n') or _cube_root(body // dtype.itemsize)
    wanted = edge**3 * dtype.itemsize
    if body == wanted:
        return edge
    if check.get('n') is None and body % dtype.itemsize:
        raise VoxelError(
            f'expected {name} values{behind}, got {size:,} bytes, no multiple of {dtype.itemsize}'
        )
    got = f'{body // dtype.itemsize:,}' if body % dtype.itemsize == 0 else f'{body:,} bytes'
    raise VoxelError(f'expected {edge}³ = {edge**3:,} {name} values{behind}, got {got}{_advice(body, wanted, header, edge)}')


def _advice(body: int, wanted: int, header: int, edge: int) -> str:
    more = body - wanted
    for name in _TYPES:
        if body == edge**3 * np.dtype(name).itemsize:
            return f'; as {name} there are {edge}³: say `dtype: {name}`'
    if not 0 < more <= 4096:
        return ''
    return f'; the file is {more:,} bytes longer: where it begins with a header, say `header: {header + more}`'


def _check_header(start: bytes, edge: int, dtype: np.dtype) -> None:
    """A header that begins with a number near N means N by it; a version, or a name, is something else."""
    said = _number_at_start(start, dtype)
    if said != edge and edge // 4 <= said <= 4 * edge:
        raise VoxelError(f'its header says {said} voxels along an edge, and it holds {edge}³')
