"""Rays and points to voxels."""

import numpy as np

from crucible_native._checks import number, one_of, require, require_out, whole
from crucible_native._load import kernels

WEIGHTS = ('length', 'one')


def grid_of(shape, out):
    """The grid to add to: `out`, or a new one of zeros."""
    if (shape is None) == (out is None):
        raise ValueError('expected either shape, for a new grid, or out, a grid to add to')
    if out is None:
        return np.zeros(shape, np.float32)
    require_out(out, np.float32)
    require('out', out, np.float32)
    return out


def fade_of(fade):
    """The distance at which a value is halved; 0 for none."""
    return 0.0 if fade is None else number('fade', fade, above=0)


def add_rays(origins, directions, values, *, shape=None, out=None, weight='length', fade=None, threads=1):
    """Adds each ray's value to all voxels of a grid that it crosses from its origin onwards.

    origins: float64 (3,) or (m, 3), in voxels; the grid fills 0..shape along each axis, including the faces at 0.
    directions: float64 (m, 3), of any length; rays of length 0 or with NaN are left out. values: float32 (m,); rays whose
    value is 0 or not finite are left out.
    weight: 'length' multiplies by the length of the ray inside the voxel, 'one' does not.
    fade: a distance in voxels; values are multiplied by 1 / (1 + (distance / fade)²) of the distance from the origin.
    Give either `shape`, three lengths for a new grid, or `out`, the float32 grid to add to.
    Returns the grid, the same to the last bit for any number of `threads`. Raises TypeError for a wrong dtype or layout and
    ValueError for a wrong shape.
    """
    one_of('weight', weight, WEIGHTS)
    require('origins', origins, np.float64, (1, 2))
    require('directions', directions, np.float64, (2,))
    require('values', values, np.float32, (1,))
    threads, fade = whole('threads', threads, 1), fade_of(fade)
    out = grid_of(shape, out)
    kernels.add_rays(out, origins, directions, values, weight == 'length', fade, threads)
    return out


def add_points(points, values=None, *, shape=None, out=None, shared=False, threads=1):
    """Adds each point's value, or 1, to the voxel it lies in. Returns the grid.

    points: float64 (m, 3), in voxels; values: float32 (m,). Points outside, and what is not finite, add nothing.
    shared: to the eight voxels whose centres are around the point, by nearness.
    """
    require('points', points, np.float64, (2,))
    if values is not None:
        require('values', values, np.float32, (1,))
    threads = whole('threads', threads, 1)
    out = grid_of(shape, out)
    kernels.add_points(out, points, values, bool(shared), threads)
    return out
