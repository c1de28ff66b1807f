"""Frames and slices."""

import numpy as np

from crucible_native._checks import filled, number, require, whole
from crucible_native._load import kernels

PIXELS = (np.uint8, np.uint16, np.float32)


def motion_mask(before, current, *, threshold, out=None, background=None, rate=0.05, threads=1):
    """How much each pixel changed where that is more than `threshold`, else 0. Returns a float32 image.

    before, current: uint8, uint16 or float32 (height, width), alike. background: a float32 image to compare with in place of
    `before`; it then moves towards `current` by `rate`. A pixel that is not finite did not change.
    """
    require('current', current, PIXELS, (2,))
    require('before', before, current.dtype, (2,))
    if before.shape != current.shape:
        raise ValueError(f'before: expected the shape of current, {current.shape}, got {before.shape}')
    threshold, rate, threads = number('threshold', threshold, 0), number('rate', rate, 0), whole('threads', threads, 1)
    out = filled(out, current.shape, (before, current))
    if background is not None:
        require('background', background, np.float32, (2,))
        if background.shape != current.shape or not background.flags.writeable:
            raise ValueError(f'background: expected an array of shape {current.shape} that can be written, got {background.shape}')
    kernels.motion_mask(before, current, out, background, threshold, rate, threads)
    return out


def stack(images, *, depth=None, scale=1.0, offset=0.0, out=None, threads=1):
    """A stack of images (slices, height, width) as a float32 volume, each value times `scale` plus `offset`.

    images: uint8, uint16 or float32. depth: planes of the volume; those between two images are mixed of both.
    """
    require('images', images, PIXELS)
    if len(images) == 0:
        raise ValueError('images: expected one image or more, got none')
    depth = len(images) if depth is None else whole('depth', depth, 1)
    scale, offset, threads = number('scale', scale), number('offset', offset), whole('threads', threads, 1)
    out = filled(out, (depth, *images.shape[1:]), (images,))
    kernels.stack_images(images, out, scale, offset, threads)
    return out
