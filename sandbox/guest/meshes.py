"""Checks of meshes (STL, OBJ, PLY, OFF, GLB) that a hostile program wrote, read by trimesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from comparing_files import Unreadable
from texts import check_count
from verdict import PlanError

_SUFFIXES = ('.stl', '.obj', '.ply', '.off', '.glb')
_MOST_BYTES = 256 << 20


def check_mesh(path: Path, check: dict[str, Any]) -> int:
    """How many faces a mesh has, where it is as `check` says: `{ vertices?, faces?, watertight?, … }` (README.md). Raises `Unreadable`."""
    suffix = Path(check['path']).suffix.lower()
    if suffix not in _SUFFIXES:
        raise Unreadable(f'expected a mesh ({", ".join(_SUFFIXES)}) by the ending of its name')
    mesh = _read(path, suffix)
    if len(mesh.faces) == 0:
        raise Unreadable(f'the mesh has no face, and {len(mesh.vertices):,} vertices')
    for name, count in (('vertices', len(mesh.vertices)), ('faces', len(mesh.faces))):
        if check.get(name) is not None and count != check[name]:
            raise Unreadable(f'expected {check[name]:,} {name}, got {count:,}')
        check_count(count, check, f'min{name.title()}', f'max{name.title()}', name)
    if check.get('watertight') and not mesh.is_watertight:
        raise Unreadable(f'the mesh is not watertight: {_open_edges(mesh):,} of its edges are not between two faces')
    if check.get('watertight') and not mesh.is_winding_consistent:
        raise Unreadable('the mesh is not watertight: faces beside each other look to different sides')
    if 'minVolume' in check or 'maxVolume' in check:
        check_count(float(f'{abs(mesh.volume):.6g}'), check, 'minVolume', 'maxVolume', 'of volume')
    return len(mesh.faces)


def _read(path: Path, suffix: str) -> Any:
    try:
        import trimesh
    except ImportError:
        raise PlanError('meshes cannot be checked: trimesh is not installed beside this Python') from None
    if path.stat().st_size > _MOST_BYTES:
        raise Unreadable(f'{path.stat().st_size:,} bytes, at most {_MOST_BYTES:,} are read')
    try:
        with path.open('rb') as file:
            # As it is: else vertices that are no numbers would be left out.
            mesh = trimesh.load_mesh(file, file_type=suffix[1:], process=False)
        if not np.isfinite(mesh.vertices).all():
            raise Unreadable('a vertex is NaN or infinite')
        # A face that names a vertex there is none of would be read beyond the end.
        if len(mesh.faces) and (mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices)):
            raise Unreadable('a face names a vertex that is not there')
        # Vertices at one place are one vertex: an STL has those of each face by themselves.
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
        return mesh
    except Unreadable:
        raise
    except Exception as error:  # The readers raise whatever the bytes lead them to.
        raise Unreadable(f'not a readable mesh: {type(error).__name__}: {error!s:.120}') from None


def _open_edges(mesh: Any) -> int:
    _, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    return int((counts != 2).sum())
