"""Filters of float32 volumes. `edge` says what lies beyond a border: 'reflect' (d c b a | a b c d), 'nearest' or 'zero'."""

import numpy as np

from crucible_native._checks import EDGES, filled, number, one_of, per_axis, require, whole
from crucible_native._load import kernels


def box(volume, size=3, *, edge='reflect', out=None, threads=1):
    """The mean of the box around each voxel. size: an odd number of voxels, or three."""
    require('volume', volume, np.float32)
    sizes = per_axis('size', size, lambda name, value: whole(name, value, 1))
    for each in sizes:
        if each % 2 == 0:
            raise ValueError(f'size: expected odd numbers, got {each}')
    edge, threads = EDGES.index(one_of('edge', edge, EDGES)), whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume,))
    kernels.box_filter(volume, out, *(each // 2 for each in sizes), edge, threads)
    return out


def gaussian(volume, sigma, *, truncate=4.0, edge='reflect', out=None, threads=1):
    """Each voxel as the mean of those around it, weighted by a gaussian of `sigma` voxels, one number or three."""
    require('volume', volume, np.float32)
    sigmas = per_axis('sigma', sigma, lambda name, value: number(name, value, 0))
    truncate, edge, threads = number('truncate', truncate, 0), EDGES.index(one_of('edge', edge, EDGES)), whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume,))
    kernels.gaussian_filter(volume, out, *sigmas, truncate, edge, threads)
    return out


def convolve(volume, kernel, *, edge='reflect', out=None, threads=1):
    """The convolution with a float32 kernel of odd lengths: the sum of kernel(q) times volume(p - q)."""
    require('volume', volume, np.float32)
    require('kernel', kernel, np.float32)
    if any(length % 2 == 0 for length in kernel.shape):
        raise ValueError(f'kernel: expected odd lengths, got the shape {kernel.shape}')
    edge, threads = EDGES.index(one_of('edge', edge, EDGES)), whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume, kernel))
    kernels.convolve(volume, kernel, out, edge, threads)
    return out


def erode(volume, radius=1, *, around='box', out=None, threads=1):
    """The least value around each voxel.

    around: 'box', 2 * radius + 1 voxels along each axis, or 'cross', what `radius` steps through faces reach. What lies beyond the
    border, and what is not a number, counts for nothing.
    """
    return _extreme(volume, radius, around, out, threads, True)


def dilate(volume, radius=1, *, around='box', out=None, threads=1):
    """The largest value around each voxel, as `erode` has the least."""
    return _extreme(volume, radius, around, out, threads, False)


def open_(volume, radius=1, *, around='box', out=None, threads=1):
    """Eroded, then dilated: what is thinner than the neighbourhood goes."""
    return dilate(erode(volume, radius, around=around, threads=threads), radius, around=around, out=out, threads=threads)


def close(volume, radius=1, *, around='box', out=None, threads=1):
    """Dilated, then eroded: holes smaller than the neighbourhood are filled."""
    return erode(dilate(volume, radius, around=around, threads=threads), radius, around=around, out=out, threads=threads)


def _extreme(volume, radius, around, out, threads, least):
    require('volume', volume, np.float32)
    radius, threads = whole('radius', radius, 0), whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume,))
    if one_of('around', around, ('box', 'cross')) == 'box' or radius == 0:
        kernels.extreme_box(volume, out, radius, least, threads)
        return out
    # Step by step between two arrays, so that the last step ends in `out`.
    source, other = volume, np.empty_like(volume) if radius > 1 else None
    for step in range(radius, 0, -1):
        into = out if step % 2 == 1 else other
        kernels.extreme_cross(source, into, least, threads)
        source = into
    return out
