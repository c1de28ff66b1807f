"""What is in a float32 volume: distances, components, figures."""

import numpy as np

from crucible_native._checks import filled, number, one_of, per_axis, require, whole
from crucible_native._load import kernels


def distance(volume, *, spacing=1.0, out=None, threads=1):
    """Each voxel's distance to the nearest voxel that is zero, exact; infinity where there is none."""
    require('volume', volume, np.float32)
    spacing = per_axis('spacing', spacing, lambda name, value: number(name, value, above=0))
    threads = whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume,))
    kernels.distance_transform(volume, out, *spacing, threads)
    return out


def label(volume, *, neighbours=6, out=None, threads=1):
    """The connected components of what is not zero: (int32 numbers from 1 in the order of first voxels, how many).

    neighbours: 6 joins voxels with a common face, 18 also with a common edge, 26 also with a common corner.
    """
    require('volume', volume, np.float32)
    one_of('neighbours', neighbours, (6, 18, 26))
    threads = whole('threads', threads, 1)
    out = filled(out, volume.shape, (volume,), np.int32)
    return out, kernels.label_components(volume, out, neighbours, threads)


def statistics(volume, *, threads=1):
    """The figures of all finite values: count, finite, nonzero, minimum, maximum, sum, mean, deviation.

    Without a finite value minimum, maximum, mean and deviation are None.
    """
    require('volume', volume, np.float32, (1, 2, 3))
    finite, nonzero, least, most, total, mean, deviation = kernels.statistics(volume, whole('threads', threads, 1))
    figures = {'minimum': least, 'maximum': most, 'mean': mean, 'deviation': deviation}
    known = figures if finite > 0 else dict.fromkeys(figures)
    return {'count': volume.size, 'finite': finite, 'nonzero': nonzero, 'sum': total, **known}


def percentile(volume, percents, *, threads=1):
    """The percentiles (0 to 100) of all finite values, mixed between neighbours: float64, NaN where there are none."""
    require('volume', volume, np.float32, (1, 2, 3))
    wanted = np.atleast_1d(np.ascontiguousarray(percents, dtype=np.float64))
    if not ((wanted >= 0) & (wanted <= 100)).all():
        raise ValueError(f'percents: expected numbers from 0 to 100, got {percents!r}')
    out = np.empty(wanted.shape)
    kernels.percentiles(volume, wanted, out, whole('threads', threads, 1))
    return out if np.ndim(percents) else float(out[0])
