"""Two volumes to one."""

import crucible_voxel as cv
import numpy as np

FIRST = {{first}}
SECOND = {{second}}
OPERATION = {{operation}}
OUTPUT = {{output}}

OPERATIONS = {
    'union': np.maximum,
    'intersection': np.minimum,
    'difference': lambda a, b: np.where(b != 0, np.float32(0), a),
    'exclusive': lambda a, b: np.where(b != 0, np.where(a != 0, np.float32(0), b), a),
    'sum': np.add,
    'mean': lambda a, b: (a + b) / np.float32(2),
}


def main():
    first, second = cv.read_volume(FIRST), cv.read_volume(SECOND)
    print(first.told, second.told, sep='\n')
    if first.values.shape != second.values.shape:
        raise cv.VolumeError(f'{SECOND}: expected the shape of {FIRST}, {first.values.shape}, got {second.values.shape}; voxel.transform changes it')
    for what, one, other in (('spacing', first.spacing, second.spacing), ('origin', first.origin, second.origin)):
        if not np.allclose(one, other, rtol=1e-6, atol=1e-6 * max(first.spacing)):
            raise cv.VolumeError(f'{SECOND}: expected the {what} of {FIRST}, {one}, got {other}')
    values = OPERATIONS[OPERATION](first.values, second.values)
    if not values.any():
        raise cv.VolumeError(f'{OUTPUT}: every voxel of the {OPERATION} is zero')
    cv.write_volume(OUTPUT, first.of(values))
    print(f'{OUTPUT}: {OPERATION}, {int(np.count_nonzero(values)):,} of {values.size:,} voxels not 0')


if __name__ == '__main__':
    cv.run(main)
