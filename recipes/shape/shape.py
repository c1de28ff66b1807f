"""Draws a sphere, a box or a torus on a voxel grid: writes shape.bin and shape.json.

The grid is a cube with edges of length 1 around the origin; a voxel belongs to the shape where its centre does.
"""

import json

import numpy as np

SHAPE = {{shape}}  # 'sphere', 'box' or 'torus', whose axis is z
N = {{n}}  # voxels along an edge
SIZE = {{size}}  # diameter, or edge of a box, as a share of the grid's edge
TUBE = {{tube}}  # of a torus: radius of its tube as a share of its outer radius
FILL = {{fill}}  # 'filled', or 'shell': the wall alone
WALL = {{wall}}  # of a shell: thickness of its wall, inwards, in voxels


def distance(x, y, z):
    """The signed distance to the surface, in edges of the grid: below 0 inside, above 0 outside."""
    radius = SIZE / 2
    if SHAPE == 'sphere':
        return np.sqrt(x**2 + y**2 + z**2) - radius
    if SHAPE == 'box':
        return np.maximum(np.maximum(abs(x), abs(y)), abs(z)) - radius
    tube = TUBE * radius
    ring = np.sqrt(x**2 + y**2) - (radius - tube)
    return np.sqrt(ring**2 + z**2) - tube


def main():
    centres = ((np.arange(N) + 0.5) / N - 0.5).astype('float32')
    x, y, z = np.meshgrid(centres, centres, centres, indexing='ij', sparse=True)
    depth = distance(x, y, z)
    inside = depth <= 0
    if FILL == 'shell':
        inside &= depth > -WALL / N
    count = int(inside.sum())
    if count == 0:
        raise SystemExit(f'no voxel centre lies inside a {SHAPE} of size {SIZE} on {N}³ voxels: make n or size larger')

    inside.astype('<f4').tofile('shape.bin')
    told = {'shape': SHAPE, 'n': N, 'size': SIZE, 'tube': TUBE, 'fill': FILL, 'wall': WALL}
    with open('shape.json', 'w') as file:
        json.dump({**told, 'dtype': 'float32', 'inside': count}, file)
    print(f'shape.bin: {SHAPE}, {FILL}, {count:,} of {N**3:,} voxels inside')


if __name__ == '__main__':
    main()
