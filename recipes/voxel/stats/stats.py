"""The figures of a volume."""

import csv
import json

import crucible_native as native
import crucible_voxel as cv
import numpy as np

VOLUME = {{volume}}
AXES = {{axes}}
LEVEL = {{level}}
BINS = {{bins}}
OUTPUT = {{output}}

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


def where_above(volume):
    """How many voxels are above the level, their centre and their bounds, where the volume lies."""
    above = volume.values > LEVEL
    count = int(above.sum())
    if count == 0:
        return {'voxels': 0, 'share': 0.0, 'volume': 0.0, 'centre': None, 'bounds': None}
    centre, bounds = [], []
    for axis, (at, step) in enumerate(zip(volume.origin, volume.spacing)):
        along = above.sum(axis=tuple(other for other in range(3) if other != axis), dtype=np.int64)
        there = np.flatnonzero(along)
        centre.append(float(at + step * (along @ np.arange(along.size)) / count))
        bounds.append([float(at + step * (there[0] - 0.5)), float(at + step * (there[-1] + 0.5))])
    volume_above = count * float(np.prod(volume.spacing))
    return {'voxels': count, 'share': count / above.size, 'volume': volume_above, 'centre': centre, 'bounds': bounds}


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    figures = native.statistics(volume.values, threads=cv.threads())
    told = {
        'read': volume.told, 'shape': list(volume.values.shape), 'spacing': list(volume.spacing), 'origin': list(volume.origin), 'units': volume.units,
        'least': figures['minimum'], 'greatest': figures['maximum'], 'mean': figures['mean'], 'deviation': figures['deviation'], 'sum': figures['sum'],
        'notZero': figures['nonzero'], 'level': LEVEL, 'above': where_above(volume),
        'percentiles': dict(zip(map(str, PERCENTILES), native.percentile(volume.values, PERCENTILES, threads=cv.threads()).tolist())),
    }  # fmt: skip
    with open(OUTPUT, 'w') as file:
        json.dump(told, file, indent=2)
    counts, edges = np.histogram(volume.values, BINS)
    with open('histogram.csv', 'w', newline='') as file:
        rows = csv.writer(file)
        rows.writerow(['from', 'to', 'voxels'])
        rows.writerows((f'{low:.9g}', f'{high:.9g}', count) for low, high, count in zip(edges[:-1], edges[1:], counts.tolist()))
    print(f'{OUTPUT}: from {told["least"]:g} to {told["greatest"]:g}, mean {told["mean"]:g}; {told["above"]["voxels"]:,} voxels above {LEVEL:g}')


if __name__ == '__main__':
    cv.run(main)
