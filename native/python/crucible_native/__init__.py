"""Crucible's compiled kernels for NumPy arrays.

Arrays are never converted on the way: a wrong dtype, shape or memory layout is an error, since a hidden copy would
cost time that nobody sees.
"""

import numpy as np

from crucible_native import _kernels

TILE = 16


def add_rays(origins, directions, values, *, shape=None, out=None, weight='length', threads=1):
    """Adds each ray's value to all voxels of a grid that it crosses from its origin onwards.

    origins: float64 (3,) or (m, 3), in voxels; the grid fills 0..shape along each axis, including the faces at 0.
    directions: float64 (m, 3), of any length; rays of length 0 or with NaN are left out. values: float32 (m,).
    weight: 'length' multiplies by the length of the ray inside the voxel, 'one' does not.
    Give either `shape`, three lengths for a new grid, or `out`, the float32 grid to add to.
    Returns the grid, the same to the last bit for any number of `threads`. Raises TypeError for a wrong dtype or layout and
    ValueError for a wrong shape.
    """
    if (shape is None) == (out is None):
        raise ValueError('expected either shape, for a new grid, or out, a grid to add to')
    if weight not in ('length', 'one'):
        raise ValueError(f"weight: expected 'length' or 'one', got {weight!r}")
    if threads < 1:
        raise ValueError(f'threads: expected 1 or more, got {threads}')
    _require('origins', origins, np.float64, (1, 2))
    _require('directions', directions, np.float64, (2,))
    _require('values', values, np.float32, (1,))
    if out is None:
        out = np.zeros(shape, np.float32)
    _require('out', out, np.float32, (3,))
    if not out.flags.writeable:
        raise TypeError('out: expected an array that can be written, got a read-only one')
    _kernels.add_rays(out, origins, directions, values, weight == 'length', threads)
    return out


def camera_rays(image, rotation, focal):
    """The rays of a pinhole camera's pixels: (directions float64 (m, 3), values float32 (m,)).

    image: (height, width) grey values; rotation: (3, 3), its columns point right, down and ahead; focal: in pixels.
    Pixels come in tiles of 16 by 16, so that rays that follow each other cross the same voxels while those are
    still in the cache.
    """
    height, width = image.shape
    rows, columns = np.divmod(np.arange(height * width), width)
    order = np.lexsort((columns, rows, columns // TILE, rows // TILE))
    rows, columns = rows[order], columns[order]
    right = (columns + 0.5 - width / 2) / focal
    down = (rows + 0.5 - height / 2) / focal
    directions = np.stack([right, down, np.ones_like(right)], axis=1) @ np.asarray(rotation, np.float64).T
    return np.ascontiguousarray(directions), np.ascontiguousarray(image[rows, columns], np.float32)


def _require(name, array, dtype, axes):
    wanted = ' or '.join(str(count) for count in axes)
    if not isinstance(array, np.ndarray):
        raise TypeError(f'{name}: expected a NumPy array of {np.dtype(dtype)}, got {type(array).__name__}')
    if array.dtype != dtype:
        raise TypeError(f'{name}: expected {np.dtype(dtype)}, got {array.dtype}; convert it with .astype(np.{np.dtype(dtype)})')
    if array.ndim not in axes:
        raise ValueError(f'{name}: expected {wanted} axes, got the shape {array.shape}')
    if not array.flags.c_contiguous:
        raise TypeError(f'{name}: expected an array in C order, got other strides; use np.ascontiguousarray({name})')
