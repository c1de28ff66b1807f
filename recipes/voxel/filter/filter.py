"""Smooths a volume, or changes its shapes."""

import crucible_native as native
import crucible_voxel as cv
import numpy as np
from scipy import ndimage

VOLUME = {{volume}}
AXES = {{axes}}
FILTER = {{filter}}  # gaussian, box, median, erode, dilate, open, close or distance
WIDTH = {{width}}  # deviation of a gaussian, else how far the cube reaches from its middle
OUTPUT = {{output}}


def filtered(volume, reach):
    values, threads = volume.values, cv.threads()
    if FILTER == 'gaussian':
        return native.gaussian(values, WIDTH, threads=threads)
    if FILTER == 'box':
        return native.box(values, 2 * reach + 1, threads=threads)
    if FILTER == 'median':
        return ndimage.median_filter(values, 2 * reach + 1, mode='reflect')
    if FILTER == 'distance':
        return native.distance(values, spacing=volume.spacing, threads=threads)
    act = {'erode': native.erode, 'dilate': native.dilate, 'open': native.open_, 'close': native.close}[FILTER]
    return act(values, radius=reach, threads=threads)


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    values = filtered(volume, max(1, round(WIDTH)))
    if not values.any():
        raise cv.VolumeError(f'{OUTPUT}: every voxel is zero after {FILTER} with a width of {WIDTH}')
    cv.write_volume(OUTPUT, volume.of(values))
    print(f'{OUTPUT}: {FILTER}, values from {values.min():g} to {values.max():g}, {int(np.count_nonzero(values)):,} of {values.size:,} voxels not 0')


if __name__ == '__main__':
    cv.run(main)
