"""Float32 volumes turned, scaled and sheared."""

import math

import numpy as np

from crucible_native._checks import filled, number, numbers, one_of, per_axis, require, whole
from crucible_native._load import kernels


def affine(volume, matrix, offset=(0.0, 0.0, 0.0), *, order=1, shape=None, outside=0.0, out=None, threads=1):
    """The volume whose voxel p is the input at matrix p + offset; `outside` beyond the middle of the outermost voxels.

    order: 0 takes the nearest voxel, 1 mixes the eight around, 3 is the cubic spline through all voxels. shape: of the result.
    """
    require('volume', volume, np.float32)
    one_of('order', order, (0, 1, 3))
    matrix, offset = numbers('matrix', matrix, (3, 3)), numbers('offset', offset, (3,))
    shape = volume.shape if shape is None and out is None else out.shape if shape is None else tuple(shape)
    outside, threads = float(outside), whole('threads', threads, 1)
    out = filled(out, shape, (volume,))
    if order == 3:
        volume = volume.copy()
        kernels.spline_coefficients(volume, threads)
    kernels.resample(volume, out, matrix, offset, order, outside, threads)
    return out


def rotate(volume, degrees, axes=(0, 1), *, order=1, outside=0.0, out=None, threads=1):
    """The volume turned around its middle, in its own shape, from the first of `axes` towards the second.

    By 90, 180 and 270 degrees every voxel is met exactly.
    """
    if len(axes) != 2 or axes[0] == axes[1] or any(axis not in (0, 1, 2) for axis in axes):
        raise ValueError(f'axes: expected two of 0, 1 and 2, got {axes!r}')
    angle = number('degrees', degrees) % 360
    exact = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}
    cosine, sine = exact.get(angle, (math.cos(math.radians(angle)), math.sin(math.radians(angle))))
    matrix, (first, second) = np.eye(3), axes
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = sine, -sine
    middle = (np.array(volume.shape, np.float64) - 1) / 2
    return affine(volume, matrix, middle - matrix @ middle, order=order, outside=outside, out=out, threads=threads)


def scale(volume, factor, *, order=1, out=None, threads=1):
    """The volume with `factor` times as many voxels along each axis, one number or three; the middles of the outermost voxels stay."""
    factors = per_axis('factor', factor, lambda name, value: number(name, value, above=0))
    require('volume', volume, np.float32)
    shape = tuple(max(1, round(length * each)) for length, each in zip(volume.shape, factors))
    steps = [(length - 1) / (made - 1) if made > 1 else 0.0 for length, made in zip(volume.shape, shape)]
    starts = [0.0 if made > 1 else (length - 1) / 2 for length, made in zip(volume.shape, shape)]
    # A last step may end a rounding beyond the volume.
    steps = [step if step * (made - 1) <= length - 1 else np.nextafter(step, 0) for step, made, length in zip(steps, shape, volume.shape)]
    return affine(volume, np.diag(steps), starts, order=order, shape=shape, out=out, threads=threads)
