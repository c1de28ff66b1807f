"""Crops, scales and rotates a volume, in this order."""

import math
import re

import crucible_native as native
import crucible_voxel as cv
import numpy as np

VOLUME = {{volume}}
AXES = {{axes}}
CROP = {{crop}}  # '0:32,:,16:48'; '' for all
SCALE = {{scale}}  # times as many voxels along x, y and z
DEGREES = {{degrees}}  # about x, y and z, one after the other
GROW = {{grow}}  # whether the grid grows with what is rotated
ORDER = {{order}}
OUTPUT = {{output}}

ORDERS = {'nearest': 0, 'linear': 1, 'cubic': 3}


def range_of(axis, text, length):
    found = re.fullmatch(r'\s*(\d*)\s*:\s*(\d*)\s*', text)
    first, last = (int(found[1] or 0), int(found[2] or length)) if found else (0, 0)
    if not found or not first < last <= length:
        raise cv.VolumeError(f'crop: expected FIRST:LAST within 0:{length} along {axis}, got {text!r}')
    return slice(first, last)


def cropped(volume):
    ranges = CROP.split(',')
    if len(ranges) != 3:
        raise cv.VolumeError(f'crop: expected three ranges with commas between them, as in 0:32,:,16:48, got {CROP!r}')
    taken = tuple(range_of(axis, text, length) for axis, text, length in zip('xyz', ranges, volume.values.shape))
    origin = tuple(at + step * each.start for at, step, each in zip(volume.origin, volume.spacing, taken))
    return cv.Volume(np.ascontiguousarray(volume.values[taken]), volume.spacing, origin, volume.units)


def scaled(volume):
    values = native.scale(volume.values, SCALE, order=ORDERS[ORDER], threads=cv.threads())
    # The middles of the outermost voxels stay.
    spacing = tuple(
        step * (before - 1) / (after - 1) if after > 1 and before > 1 else step / factor
        for step, before, after, factor in zip(volume.spacing, volume.values.shape, values.shape, SCALE)
    )
    return cv.Volume(values, spacing, volume.origin, volume.units)


def turn(axis, degrees):
    """A rotation about an axis, counter-clockwise against it; quarter turns are exact."""
    exact = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}
    angle = math.radians(degrees)
    cosine, sine = exact.get(degrees % 360, (math.cos(angle), math.sin(angle)))
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def rotated(volume):
    about_x, about_y, about_z = (turn(axis, degrees) for axis, degrees in enumerate(DEGREES))
    rotation = about_z @ about_y @ about_x
    spacing, shape = np.array(volume.spacing), np.array(volume.values.shape)
    # Where the middle of the volume is, it stays.
    reach = abs(rotation) @ ((shape - 1) * spacing)
    made = np.maximum(1, np.rint(reach / spacing).astype(int) + 1) if GROW else shape
    middle, made_middle = (shape - 1) / 2, (made - 1) / 2
    matrix = np.diag(1 / spacing) @ rotation.T @ np.diag(spacing)
    offset = middle - matrix @ made_middle
    values = native.affine(volume.values, matrix, offset, order=ORDERS[ORDER], shape=tuple(made.tolist()), threads=cv.threads())
    origin = np.array(volume.origin) + (middle - made_middle) * spacing
    return cv.Volume(values, volume.spacing, tuple(origin.tolist()), volume.units)


def main():
    volume = cv.read_volume(VOLUME, '' if AXES == 'file' else AXES)
    print(volume.told)
    if CROP:
        volume = cropped(volume)
    if SCALE != (1, 1, 1):
        volume = scaled(volume)
    if any(degrees % 360 for degrees in DEGREES):
        volume = rotated(volume)
    if not volume.values.any():
        raise cv.VolumeError(f'{OUTPUT}: every voxel is zero: what was cropped, or rotated out of the grid (grow=true), was all there is')
    cv.write_volume(OUTPUT, volume)
    print(f'{OUTPUT}: {" × ".join(map(str, volume.values.shape))} voxels of {" × ".join(f"{edge:g}" for edge in volume.spacing)} {volume.units}')


if __name__ == '__main__':
    cv.run(main)
