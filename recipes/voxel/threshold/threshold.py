"""The voxels of a volume above a level."""

import crucible_native as native
import crucible_voxel as cv
import numpy as np
from skimage.filters import threshold_otsu

VOLUME = {{volume}}
AXES = {{axes}}
BY = {{by}}  # 'level', 'percentile' or 'otsu'
LEVEL = {{level}}  # the level, or the percentile
KEEP = {{keep}}  # 'ones' or 'values'
OUTPUT = {{output}}


def level_of(values):
    if BY == 'level':
        return LEVEL
    if BY == 'percentile':
        if not 0 <= LEVEL <= 100:
            raise cv.VolumeError(f'level: expected a percentile from 0 to 100, got {LEVEL}')
        filled = values[values != 0]
        if filled.size == 0:
            raise cv.VolumeError(f'{VOLUME}: every voxel is zero')
        return float(native.percentile(filled, [LEVEL], threads=cv.threads())[0])
    if values.min() == values.max():
        raise cv.VolumeError(f'{VOLUME}: every voxel is {values.min():g}: no level parts them')
    return float(threshold_otsu(values))


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    level = level_of(volume.values)
    above = volume.values > level
    count = int(above.sum())
    if count == 0:
        raise cv.VolumeError(f'no voxel is above {level:g}; the greatest is {volume.values.max():g}')
    values = np.where(above, volume.values, np.float32(0)) if KEEP == 'values' else above.astype(np.float32)
    cv.write_volume(OUTPUT, volume.of(values))
    print(f'{OUTPUT}: {count:,} of {values.size:,} voxels above {level:g}')


if __name__ == '__main__':
    cv.run(main)
