"""The connected parts of a volume, numbered from 1, the largest first."""

import csv

import crucible_native as native
import crucible_voxel as cv
import numpy as np
from scipy import ndimage

VOLUME = {{volume}}
AXES = {{axes}}
LEVEL = {{level}}
TOUCHING = {{touching}}  # 'faces', 'edges' or 'corners'
SMALLEST = {{smallest}}  # voxels
OUTPUT = {{output}}

NEIGHBOURS = {'faces': 6, 'edges': 18, 'corners': 26}
# Above it float32 does not tell whole numbers apart.
MOST = 1 << 24


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    found, count = native.label((volume.values > LEVEL).astype(np.float32), neighbours=NEIGHBOURS[TOUCHING], threads=cv.threads())
    if count == 0:
        raise cv.VolumeError(f'no voxel is above {LEVEL:g}; the greatest is {volume.values.max():g}')
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind='stable')
    kept = order[sizes[order] >= SMALLEST]
    if kept.size == 0 or kept.size > MOST:
        raise cv.VolumeError(f'{count:,} parts, the largest of {sizes.max():,} voxels: {kept.size:,} have {SMALLEST:,} or more, expected 1 to {MOST:,}')
    numbers = np.zeros(count + 1, np.int32)
    numbers[kept + 1] = np.arange(1, kept.size + 1)
    labels = numbers[found]
    write_table(volume, labels, sizes[kept])
    cv.write_volume(OUTPUT, volume.of(labels.astype(np.float32)))
    print(f'{OUTPUT}: {kept.size:,} parts of {count:,}, the largest of {sizes.max():,} voxels')


def write_table(volume, labels, sizes):
    bounds = ndimage.find_objects(labels)
    spacing, origin = np.array(volume.spacing), np.array(volume.origin)
    with open('parts.csv', 'w', newline='') as file:
        rows = csv.writer(file)
        rows.writerow(['part', 'voxels', 'volume', 'x', 'y', 'z', 'x0', 'x1', 'y0', 'y1', 'z0', 'z1'])
        for part, (size, box) in enumerate(zip(sizes.tolist(), bounds), 1):
            inside = np.argwhere(labels[box] == part)
            middle = origin + spacing * (inside.mean(axis=0) + [each.start for each in box])
            # The outer faces of its outermost voxels.
            ends = [at + step * (end - 0.5) for at, step, each in zip(origin, spacing, box) for end in (each.start, each.stop)]
            rows.writerow([part, size, f'{size * spacing.prod():.9g}', *(f'{value:.9g}' for value in (*middle, *ends))])


if __name__ == '__main__':
    cv.run(main)
