"""Surfaces of volumes, and the files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crucible_voxel.volumes import Volume, VolumeError

MESHES = ('.stl', '.ply', '.glb', '.obj')


def surface(volume: Volume, level: float, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The surface where the values pass `level`: vertices (m, 3) where the volume lies, faces (k, 3) that look outwards.

    It is closed: beyond its borders a volume is taken to be below the level.
    """
    from skimage.measure import marching_cubes

    least, most = float(volume.values.min()), float(volume.values.max())
    if not least < level <= most:
        raise VolumeError(f'level: expected one above the least value {least:g} and at most the greatest {most:g}, got {level:g}')
    # A value on the level itself would make faces without a size.
    level = np.nextafter(np.float32(level), np.float32(-np.inf), dtype=np.float32) if level == most else np.float32(level)
    around = np.pad(volume.values, step, constant_values=np.float32(least))
    vertices, faces, _, _ = marching_cubes(around, float(level), step_size=step, allow_degenerate=False, gradient_direction='ascent')
    return (vertices - step) * np.float32(volume.spacing) + np.float32(volume.origin), faces


def read_mesh(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The mesh of a file: vertices (m, 3) and faces (k, 3)."""
    import trimesh

    path = Path(path)
    if path.suffix.lower() not in MESHES:
        raise VolumeError(f'{path}: expected a mesh by the ending of its name ({", ".join(MESHES)})')
    if not path.is_file():
        raise VolumeError(f'{path}: expected a mesh, found no file')
    try:
        mesh = trimesh.load_mesh(path, process=False)
        vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int64)
    except Exception as error:  # The readers raise whatever the bytes lead them to.
        raise VolumeError(f'{path}: not a readable mesh: {str(error)[:120]}') from None
    if len(faces) == 0 or not np.isfinite(vertices).all() or faces.min() < 0 or faces.max() >= len(vertices):
        raise VolumeError(f'{path}: not a readable mesh: it has no face, or vertices that are not there')
    return vertices, faces


def write_mesh(path: str | Path, vertices: np.ndarray, faces: np.ndarray) -> float:
    """Writes a mesh by the ending of its name. Returns the volume that it encloses."""
    import trimesh

    path = Path(path)
    if path.suffix.lower() not in MESHES:
        raise VolumeError(f'{path}: expected a mesh by the ending of its name ({", ".join(MESHES)})')
    if len(faces) == 0:
        raise VolumeError(f'{path}: the surface has no face')
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(path)
    return float(mesh.volume)
