"""Draws a shape on a cube of voxels; a voxel belongs to it where its middle does."""

import crucible_voxel as cv
import numpy as np

SHAPE = {{shape}}  # sphere, box, torus, cylinder, cone, octahedron or gyroid, with the axis z
SIZE = {{size}}  # voxels along an edge of the grid, which is 1 long
EXTENT = {{extent}}  # diameter, edge or height as a share of the grid's edge
TUBE = {{tube}}  # of a torus: radius of its tube as a share of its outer radius
PERIODS = {{periods}}  # of a gyroid: how often it repeats
FILL = {{fill}}  # 'filled', 'shell', or 'distance'
WALL = {{wall}}  # of a shell, in voxels
OUTPUT = {{output}}

RADIUS = EXTENT / 2


def box(x, y, z):
    return np.maximum(np.maximum(abs(x), abs(y)), abs(z)) - RADIUS


def torus(x, y, z):
    tube = TUBE * RADIUS
    return np.sqrt((np.sqrt(x**2 + y**2) - (RADIUS - tube)) ** 2 + z**2) - tube


def cone(x, y, z):
    """As high as it is wide at its foot, its tip upwards."""
    slope = (np.sqrt(x**2 + y**2) - (RADIUS - z) / 2) * np.float32(2 / 5**0.5)
    return np.maximum(slope, abs(z) - RADIUS)


def gyroid(x, y, z):
    """A wall along the surface, about WALL voxels thick, within a cube."""
    turn = np.float32(2 * np.pi * PERIODS / EXTENT)
    x, y, z = turn * x, turn * y, turn * z
    value = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    # Its gradient on the surface is about 1.5 of a turn.
    return abs(value) / (np.float32(1.5) * turn) - np.float32(WALL / SIZE / 2)


DISTANCES = {
    'sphere': lambda x, y, z: np.sqrt(x**2 + y**2 + z**2) - RADIUS,
    'box': box,
    'torus': torus,
    'cylinder': lambda x, y, z: np.maximum(np.sqrt(x**2 + y**2), abs(z)) - RADIUS,
    'cone': cone,
    'octahedron': lambda x, y, z: (abs(x) + abs(y) + abs(z) - RADIUS) * np.float32(3**-0.5),
    'gyroid': lambda x, y, z: np.maximum(gyroid(x, y, z), box(x, y, z)),
}


def main():
    centres = ((np.arange(SIZE) + 0.5) / SIZE - 0.5).astype('float32')
    values = np.empty((SIZE,) * 3, np.float32)
    # In slabs, so that what is worked out on the way takes no more than a few of them.
    for start in range(0, SIZE, 8):
        x, y, z = np.meshgrid(centres[start : start + 8], centres, centres, indexing='ij', sparse=True)
        depth = -DISTANCES[SHAPE](x, y, z) * np.float32(SIZE)
        inside = depth >= 0
        if FILL == 'shell' and SHAPE != 'gyroid':
            inside &= depth < WALL
        values[start : start + 8] = depth if FILL == 'distance' else inside
    count = int((values >= 0).sum()) if FILL == 'distance' else int(values.sum(dtype=float))
    if count == 0:
        raise cv.VolumeError(f'no voxel lies inside a {SHAPE} of extent {EXTENT} on {SIZE}³ voxels: make size or extent larger')
    edge = 1 / SIZE
    cv.write_volume(OUTPUT, cv.Volume(values, (edge,) * 3, (edge / 2 - 0.5,) * 3, 'edge'))
    print(f'{OUTPUT}: {SHAPE}, {FILL}, {count:,} of {values.size:,} voxels inside')


if __name__ == '__main__':
    cv.run(main)
